#pragma once
// Conversion of models from and to the files of Keras (https://keras.io): .keras, .weights.h5 and legacy .h5.
//
//     auto model = open_keras<float>("model.keras");           // a Stack of the layers in the file
//
//     Sequential known(5, Recurrent<Lstm>{.units = 8}, Dense{.units = 3});
//     import_keras(known, "model.weights.h5");                 // throws unless the layers are the same
//     write_keras(known, "copy.keras");
//
// docs/exchange.md lists the layers. Link target unroll::hdf5.

#include <filesystem>
#include <utility>

#include "unroll/io/keras/detail/loading.hpp"
#include "unroll/io/keras/detail/made_layers.hpp"
#include "unroll/io/keras/detail/weights.hpp"
#include "unroll/io/keras/detail/writing.hpp"
#include "unroll/parameters/finite.hpp"

namespace unroll {

/// Options of reading a Keras model.
struct KerasImport {
  bool logits = false;  ///< omits a softmax at the end: outputs are logits, as SoftmaxCrossEntropy takes them
};

namespace detail {

inline KerasFile keras_file_of(const KerasContent& content, const KerasImport& options) {
  const std::string& file = content.weights.path();
  auto all = read_architecture(*content.architecture, file, content.version, options.logits);
  all.model.tensors = content.weights.read(all.model, all.places);
  return std::move(all.model);
}

template <class Model>
void import_keras_file(Model& model, KerasFile file) {
  const KerasPairs pairs(own_keras_layers(model), file);
  model.parameters().values() = keras_parameters(model.parameters(), pairs, std::move(file.tensors)).values();
}

template <class S>
Stack<S> open_keras_file(KerasFile file) {
  Stack<S> model(file.features, MadeKerasLayers<S>(file.tensors.file).all(file.layers));
  model.initialise(0);
  import_keras_file(model, std::move(file));
  return model;
}

}  // namespace detail

/// Model of the layers of a .keras file, or of a legacy .h5 file with an architecture, with its weights. Layers that
/// are not a chain become a Graph. Throws FileError for a damaged file and for layers and options that this library
/// does not have, ShapeError for weights of another shape than the options state. All shapes are compared with the file
/// before memory is allocated for weights and model.
template <class S>
Stack<S> open_keras(const std::filesystem::path& path, const KerasImport& options = {}) {
  const detail::KerasContent content = detail::read_keras_content(path);
  require<FileError>(content.architecture.has_value(), path.string(),
                     ": the file must have an architecture, got weights only; use import_keras with a model");
  return detail::open_keras_file<S>(detail::keras_file_of(content, options));
}

/// Sets the parameters of a model from a Keras model with the same layers; weights of a file without an architecture
/// are assigned by the order of the layers. Dropout is not compared; biases that the file lacks become 0. Throws as
/// open_keras, FileError with the first difference, ValueError for a layer that Keras does not have. After an exception
/// the model is unchanged.
template <class Model>
void import_keras(Model& model, const std::filesystem::path& path, const KerasImport& options = {}) {
  const detail::KerasContent content = detail::read_keras_content(path);
  if (content.architecture) return detail::import_keras_file(model, detail::keras_file_of(content, options));
  detail::KerasFile file = detail::own_keras_layers(model).model;
  file.tensors = content.weights.read(file, content.weights.places(file), true);
  detail::import_keras_file(model, std::move(file));
}

/// Writes a model as a .keras file of Keras 3, atomically. Throws ValueError for a layer that Keras does not have,
/// NonFiniteError for parameters that are not finite, FileError.
template <class Model>
void write_keras(const Model& model, const std::filesystem::path& path) {
  check_finite("Keras", model.parameters());
  const detail::OwnKerasLayers layers = detail::own_keras_layers(model);
  detail::write_keras_zip(path, layers.model, [&](std::size_t k) {
    return detail::keras_weights(layers.model.layers[k], layers.prefixes[k], model.parameters());
  });
}

}  // namespace unroll
