#pragma once
// Model files: parameters under the library's names, such as "0.i.x" and "1.weight". Values are read back exactly.

#include "unroll/io/model_description.hpp"
#include "unroll/io/tensor_reader.hpp"
#include "unroll/models/sequential.hpp"

namespace unroll {

/// Version of the file layout, stored as "unroll" in the metadata. Version 2 stores a description of the model,
/// "model". Files of version 1 contain only the names of the layers, "layers", and can still be read.
inline constexpr std::string_view model_file_version = "2";

namespace detail {

template <class Model>
std::string chain_text(const Model& model) {
  std::string all = text(model.features());
  model.each_layer([&](const auto& layer, std::size_t) { all += " -> " + std::string(layer.name()); });
  return all;
}

/// Layers as text, as in files of version 1: "6 -> lstm -> dropout -> dense", or "1 -> embedding -> gru, read by luong
/// gru".
template <class Model>
std::string layers_text(const Model& model) {
  if constexpr (requires { model.decoder_name(); })
    return layers_text(model.encoder()) + ", read by " + model.decoder_name();
  else
    return chain_text(model);
}

inline const std::string& metadata_of(const SafeTensors& file, const std::string& key) {
  const auto found = file.metadata.find(key);
  require<FileError>(found != file.metadata.end(), file.file, ": the metadata have no '", key,
                     "'; this is no file of save; use import_pytorch or open_pytorch for tensors of PyTorch");
  return found->second;
}

/// Throws FileError if the file describes a different model.
template <class Model>
void check_same_model(const Model& model, const SafeTensors& file) {
  const std::string& version = metadata_of(file, "unroll");
  if (version == "1") {
    const std::string &layers = metadata_of(file, "layers"), ours = layers_text(model);
    require<FileError>(layers == ours, file.file, ": the layers must be '", ours, "', as in this model, got ",
                       in_quotes(layers));
    return;
  }
  require<FileError>(version == model_file_version, file.file, ": the version of a model file must be 1 or ",
                     model_file_version, ", got ", in_quotes(version));
  const auto theirs = read_description(metadata_of(file, "model"), file.file);
  DescriptionCheck(file.file).compare(model_description(model), theirs);
}

/// The metadata passed to `save`.
inline std::map<std::string, std::string> user_metadata(const SafeTensors& file) {
  auto metadata = file.metadata;
  if (metadata_of(file, "unroll") == "1") metadata.erase("layers");
  for (const char* own : {"unroll", "model"}) metadata.erase(own);
  return metadata;
}

}  // namespace detail

/// Parameters and metadata of a model file. Every named block is stored as a row-major tensor (biases as vectors). The
/// metadata contain the version, a JSON description of the model and `metadata`. Throws ValueError if `metadata` uses a
/// name reserved by the library.
template <class Model>
SafeTensors to_tensors(const Model& model, std::map<std::string, std::string> metadata = {}) {
  SafeTensors file;
  for (const ParameterBlock& block : model.parameters().table().blocks())
    file.tensors[block.name] = detail::tensor_of(model.parameters(), block);
  for (const char* own : {"unroll", "model"})
    require<ValueError>(!metadata.contains(own), "model file: the name '", own,
                        "' in the metadata is reserved; use another");
  metadata["unroll"] = model_file_version;
  metadata["model"] = detail::description_text(detail::model_description(model));
  file.metadata = std::move(metadata);
  return file;
}

/// Sets all parameters of a model from a file. Throws FileError for another version, a different model (the message
/// names the first different option), and a missing or superfluous tensor; ShapeError for a tensor of another shape.
/// The model is then unchanged. Other floating-point types are converted. Options that affect only training, such as a
/// dropout rate, may differ.
template <class Model>
void from_tensors(Model& model, const SafeTensors& file) {
  using Scalar = typename Model::Scalar;
  detail::check_same_model(model, file);
  TensorReader reader(file);
  Parameters<Scalar> loaded = model.parameters().zeros_like();
  for (const ParameterBlock& block : model.parameters().table().blocks())
    loaded.block(block) = reader.matrix<Scalar>(block.name, detail::shape_of(block));
  reader.require_all_used();
  model.parameters().values() = loaded.values();
}

/// Writes a model file atomically.
template <class Model>
void save(const Model& model, const std::filesystem::path& path, std::map<std::string, std::string> metadata = {}) {
  write_safetensors(path, to_tensors(model, std::move(metadata)));
}

/// Reads a model file into `model` and returns the metadata passed to `save`. Throws as read_safetensors and
/// from_tensors.
template <class Model>
std::map<std::string, std::string> load(Model& model, const std::filesystem::path& path) {
  const SafeTensors file = read_safetensors(path);
  from_tensors(model, file);
  return detail::user_metadata(file);
}

}  // namespace unroll
