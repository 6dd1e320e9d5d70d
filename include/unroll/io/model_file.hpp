#pragma once
// A model's parameters under our own names: "0.i.x", "1.weight". What is read back is the same number for number.

#include "unroll/io/named_tensors.hpp"
#include "unroll/layers/sequential.hpp"

namespace unroll {

/// Version of the file's layout; stands in the metadata as "unroll".
inline constexpr std::string_view model_file_version = "1";

namespace detail {

template <class Model>
std::string chain_text(const Model& model) {
  std::string all = text(model.features());
  model.each_layer([&](const auto& layer, std::size_t) { all += " -> " + std::string(layer.name()); });
  return all;
}

/// The layers in words: "6 -> lstm -> dropout -> dense", or "1 -> embedding -> gru, read by luong gru"; told when a
/// file does not fit.
template <class Model>
std::string layers_text(const Model& model) {
  if constexpr (requires { model.decoder_name(); })
    return layers_text(model.encoder()) + ", read by " + model.decoder_name();
  else
    return chain_text(model);
}

inline void check_version(const SafeTensors& file) {
  const auto version = file.metadata.find("unroll");
  require<FileError>(version != file.metadata.end(), file.file,
                     ": no model of this library: its metadata have no 'unroll'");
  require<FileError>(version->second == model_file_version, file.file, ": layout ", in_quotes(version->second),
                     " of a model file, this library reads ", model_file_version);
}

}  // namespace detail

/// Every named block as a row-major tensor (biases as vectors), and in the metadata the version, the layers and what is
/// given.
template <class Model>
SafeTensors to_tensors(const Model& model, std::map<std::string, std::string> metadata = {}) {
  SafeTensors file;
  for (const ParameterBlock& block : model.parameters().table().blocks())
    file.tensors[block.name] = detail::tensor_of(model.parameters(), block);
  metadata["unroll"] = model_file_version;
  metadata["layers"] = detail::layers_text(model);
  file.metadata = std::move(metadata);
  return file;
}

/// Sets all parameters. Throws FileError for another version, other layers, a tensor that is missing or has no place,
/// ShapeError for one of another shape; then nothing is loaded. A file of another floating type is converted.
template <class Model>
void from_tensors(Model& model, const SafeTensors& file) {
  using Scalar = typename Model::Scalar;
  detail::check_version(file);
  const auto layers = file.metadata.find("layers");
  require<FileError>(layers != file.metadata.end() && layers->second == detail::layers_text(model), file.file,
                     ": holds the layers ",
                     layers == file.metadata.end() ? "(not given)" : detail::in_quotes(layers->second),
                     ", this model has '", detail::layers_text(model), "'");
  TensorReader reader(file);
  Parameters<Scalar> loaded = model.parameters().zeros_like();
  for (const ParameterBlock& block : model.parameters().table().blocks())
    loaded.block(block) = reader.matrix<Scalar>(block.name, detail::shape_of(block));
  reader.require_all_used();
  model.parameters().values() = loaded.values();
}

/// Writes the file completely or not at all.
template <class Model>
void save(const Model& model, const std::filesystem::path& path, std::map<std::string, std::string> metadata = {}) {
  write_safetensors(path, to_tensors(model, std::move(metadata)));
}

/// Throws as read_safetensors and from_tensors; returns the file's metadata.
template <class Model>
std::map<std::string, std::string> load(Model& model, const std::filesystem::path& path) {
  SafeTensors file = read_safetensors(path);
  from_tensors(model, file);
  return std::move(file.metadata);
}

}  // namespace unroll
