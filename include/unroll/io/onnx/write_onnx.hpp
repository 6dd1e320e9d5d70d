#pragma once
// Models as ONNX files, for ONNX Runtime and other programs. Link unroll::onnx.
//
//     write_onnx(model, "model.onnx");                                   // input "x", output "y"
//     write_onnx(model, "stream.onnx", {}, {.states = true});            // with states as inputs and outputs
//
// "x" is (steps, batch, features), of type float; (steps, batch), of type int64, if the first layer is an Embedding.
// "y" is (steps, batch, features), or (batch, features) of a model that returns one output per sequence. The numbers of
// steps and sequences are not fixed. Weights are written as float.

#include <filesystem>
#include <string>
#include <utility>

#include "unroll/io/atomic_file.hpp"
#include "unroll/io/onnx/detail/write/onnx_writer.hpp"
#include "unroll/io/onnx/onnx_model.hpp"
#include "unroll/parameters/finite.hpp"

namespace unroll {
namespace detail {

/// Copy in float. Throws ValueError for a number that float cannot represent.
template <class S>
MatrixX<float> as_float(const MatrixX<S>& from, std::string_view what) {
  for (Index k = 0; k < from.size(); ++k)
    require<ValueError>(holds<float>(from.data()[k]) && is_finite(from.data()[k]), "ONNX: ", what,
                        " must be finite in float, got ", from.data()[k]);
  return from.template cast<float>();
}

/// Throws unless the initial states are empty or those of one sequence.
template <class Model>
void check_onnx_states(const Model& model, const ModelState<typename Model::Scalar>& first,
                       const OnnxOptions& options) {
  require<ValueError>(first.empty() || !options.states,
                      "ONNX: initial states must be empty with states as inputs, got some; pass them to the inputs");
  require<ShapeError>(first.empty() || first.size() == model.depth(),
                      "ONNX: the number of initial states must be that of the layers, ", model.depth(), ", got ",
                      first.size());
  model.each_layer([&](const auto& layer, std::size_t k) {
    if (first.empty() || first[k].empty()) return;
    const std::vector<Index> rows = layer.state_rows();
    check_equal("ONNX", text("the number of states of layer ", k), Index(first[k].size()), Index(rows.size()));
    for (std::size_t s = 0; s < rows.size(); ++s)
      check_shape("ONNX", text("state ", s, " of layer ", k), first[k][s].rows(), first[k][s].cols(), rows[s], 1);
  });
}

}  // namespace detail

/// Bytes of an ONNX file. `first`: initial states of one sequence, used for all; empty: 0. Throws ValueError, with the
/// name of the layer, for one that ONNX or an option does not have, NonFiniteError for parameters that are not finite,
/// ShapeError for initial states of another shape.
template <class Model>
std::string onnx_bytes(const Model& model, const ModelState<typename Model::Scalar>& first = {},
                       const OnnxOptions& options = {}) {
  detail::check_onnx_states(model, first, options);
  check_finite("ONNX", model.parameters());
  Parameters<float> parameters(model.parameters().table());
  parameters.values() = detail::as_float(MatrixX<typename Model::Scalar>(model.parameters().values()), "parameters");
  detail::OnnxWriter writer(parameters, options);
  detail::OnnxWriterBase& base = writer.base();
  detail::OnnxWritten x{"x", model.features()};
  model.each_layer([&](const auto& layer, std::size_t k) {
    const detail::OnnxWrittenLayer written{detail::description_of(layer), text(k, "."),
                                           text("layer ", k, " (", layer.name(), ")")};
    if (k == 0 && written.kind() == "embedding")
      base.graph().nodes().input("x", onnx::TensorProto::INT64, {"steps", "batch"});
    else if (k == 0)
      base.graph().nodes().input("x", onnx::TensorProto::FLOAT, {"steps", "batch", model.features()});
    if (k == 0 && options.lengths) base.graph().nodes().input("lengths", onnx::TensorProto::INT32, {"batch"});
    State<float> states;
    if (!first.empty())
      for (const auto& state : first[k]) states.push_back(detail::as_float(state, "initial states"));
    base.set_first(std::move(states));
    x = writer.add(written, x);
  });
  if (x.per_step)
    base.graph().nodes().add_output("y", x.name, {"output_steps", "batch", model.outputs()});
  else
    base.graph().nodes().add_output("y", x.name, {"batch", model.outputs()});
  base.write_state_outputs();
  return base.graph().bytes("model");
}

/// Writes an ONNX file atomically. Throws as onnx_bytes, and FileError.
template <class Model>
void write_onnx(const Model& model, const std::filesystem::path& path,
                const ModelState<typename Model::Scalar>& first = {}, const OnnxOptions& options = {}) {
  write_text(path, onnx_bytes(model, first, options));
}
template <class S>
void write_onnx(const OnnxModel<S>& model, const std::filesystem::path& path, const OnnxOptions& options = {}) {
  write_onnx(model.model, path, model.first, options);
}

}  // namespace unroll
