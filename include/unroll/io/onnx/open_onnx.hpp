#pragma once
// Models from ONNX files, as PyTorch, Keras (tf2onnx) and write_onnx write them. Link unroll::onnx.
//
//     const auto [model, first] = open_onnx<float>("model.onnx");     // a Stack, and its initial states
//
// Operators are read as layers; operators on dimensions only (Transpose, Reshape, ...) disappear, because the meaning
// of each dimension is known. An operator that no layer expresses is refused with the name of its node.

#include <optional>
#include <string>
#include <vector>

#include "unroll/io/onnx/detail/onnx_interpreter.hpp"
#include "unroll/io/onnx/onnx_options.hpp"

namespace unroll {

namespace detail {

/// Possible meanings of the dimensions of an input, the usual one first.
inline std::vector<OnnxLayout> onnx_layouts(int dimensions, bool tokens) {
  using enum OnnxAxis;
  if (tokens && dimensions == 1) return {{steps}};
  if (tokens && dimensions == 2) return {{steps, batch}, {batch, steps}};
  if (dimensions == 2) return {{steps, features}, {steps, batch}, {batch, steps}};
  if (dimensions == 3) return {{steps, batch, features}, {batch, steps, features}, {batch, features, steps}};
  return {};
}

/// Value of a name in a list, or the first one. Throws FileError if there is none.
inline const onnx::ValueInfoProto& onnx_value(const OnnxGraph& graph,
                                              const google::protobuf::RepeatedPtrField<onnx::ValueInfoProto>& from,
                                              const std::string& name, std::string_view what) {
  for (const auto& value : from)
    if (!graph.is_constant(value.name()) && (name.empty() || value.name() == name)) return value;
  throw FileError(text(graph.name(), ": the model must have ", name.empty() ? "an " : "the ", what,
                       name.empty() ? "" : " " + in_quotes(name), ", got others or none"));
}

}  // namespace detail

/// Model of the layers of a file. Throws FileError, with the name of the node, for an operator that no layer of the
/// library expresses, for tensors of other shapes than the operators require, and for weights outside of the folder.
template <class S>
OnnxModel<S> open_onnx(const OnnxFile& file, const OnnxReadOptions& options = {}) {
  detail::OnnxGraph graph(file);
  const auto& input = detail::onnx_value(graph, graph.graph().input(), options.input, "input");
  const auto& output = detail::onnx_value(graph, graph.graph().output(), options.output, "output");
  const auto& type = input.type().tensor_type();
  const auto number = detail::dtype_of_onnx(type.elem_type());
  const bool tokens = number && detail::is_integer(*number);
  const auto layouts = detail::onnx_layouts(type.shape().dim_size(), tokens);
  require<FileError>(
      !layouts.empty(), file.file, ": input ", [&] { return detail::in_quotes(input.name()); }, " must have ",
      tokens ? "1 or 2" : "2 or 3", " dimensions, got ", type.shape().dim_size());
  std::optional<FileError> refusal;
  std::size_t furthest = 0;
  for (const detail::OnnxLayout& layout : layouts) {
    std::optional<detail::OnnxInterpreter<S>> reader;
    try {
      reader.emplace(graph, input, layout);
      auto network = reader->read(output.name());
      const Index features = network.first.front().features;
      return detail::within_onnx(
          file.file, [&] { return detail::OnnxBuilder<S>(std::move(network.first), network.second).model(features); });
    } catch (const FileError& error) {
      const std::size_t progress = reader ? reader->progress() + 1 : 0;
      if (!refusal || progress > furthest) refusal = error, furthest = progress;
    }
  }
  throw *refusal;
}
template <class S>
OnnxModel<S> open_onnx(const std::filesystem::path& path, const OnnxReadOptions& options = {}) {
  return open_onnx<S>(read_onnx(path), options);
}

}  // namespace unroll
