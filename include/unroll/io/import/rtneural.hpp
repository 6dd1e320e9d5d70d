#pragma once
// Conversion of models from and to RTNeural's JSON.
//
//     auto model = open_rtneural<float>("amp.json");           // a Stack of the layers in the file
//
//     Sequential known(1, Recurrent<Lstm>{.units = 40}, Dense{.units = 1});
//     import_rtneural(known, "amp.json");                      // throws unless the layers are the same
//     write_rtneural(known, "copy.json");
//
// RTNeural has Recurrent<Lstm> and Recurrent<Gru> that run forward and return all steps, Dense, causal Conv1d,
// BatchNorm, and Activate with Tanh, Relu, Sigmoid and Elu. Dropout is omitted. Other layers are refused by name.

#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/io/import/detail/rtneural_layers.hpp"
#include "unroll/io/import/pytorch.hpp"
#include "unroll/layers/activation.hpp"
#include "unroll/layers/convolution/conv1d.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/normalisation/batch_norm.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/models/stack.hpp"

namespace unroll {
namespace detail {

/// Sizes of a tensor of `rank` dimensions. Throws FileError for another number of dimensions.
inline const std::vector<Index>& sizes_of(const SafeTensors& file, const std::string& name, std::size_t rank) {
  const std::vector<Index>& shape = file.at(name).shape;
  require<FileError>(shape.size() == rank, file.file, ": tensor ", in_quotes(name), " must have ", rank,
                     " dimensions, got ", shape.size());
  return shape;
}

/// Features and layers of a state_dict of LSTM and GRU modules, and at most one nn.Linear, the last. Throws FileError
/// for another module, because a state_dict has neither its activations nor its other options.
inline RtneuralFile layers_of_state_dict(const RtneuralFile& file) {
  const SafeTensors& tensors = file.tensors;
  RtneuralFile to;
  std::size_t of_module = 0;
  for (std::size_t k = 0; k < file.prefixes.size(); ++k) {
    const std::string& prefix = file.prefixes[k];
    of_module = k > 0 && prefix == file.prefixes[k - 1] ? of_module + 1 : 0;
    const std::string input = text(prefix, "weight_ih_l", of_module),
                      recurrent = text(prefix, "weight_hh_l", of_module);
    const bool linear = !tensors.contains(input);
    const auto& sizes = sizes_of(tensors, linear ? prefix + "weight" : input, 2);
    if (k == 0) to.features = sizes[1];
    if (linear) {
      require<FileError>(k + 1 == file.prefixes.size(), tensors.file, ": layer ", k,
                         " of the state_dict must be an LSTM "
                         "or GRU, because the file has no activations, got ",
                         in_quotes(prefix + "weight"), "; use import_rtneural with a model");
      to.layers.push_back({.type = "dense", .units = sizes[0]});
      continue;
    }
    const auto& states = sizes_of(tensors, recurrent, 2);
    const Index units = states[1];
    require<FileError>(states[0] == sizes[0] && (sizes[0] == 4 * units || sizes[0] == 3 * units), tensors.file,
                       ": tensor ", in_quotes(input), " must have 4 (LSTM) or 3 (GRU) times ", units, " rows, got ",
                       sizes[0]);
    to.layers.push_back({.type = sizes[0] == 4 * units ? "lstm" : "gru", .units = units});
  }
  return to;
}

template <class S>
AnyLayer<S> layer_of(const RtneuralLayer& given, bool biased) {
  if (given.type == "lstm") return Recurrent<Lstm>{.units = given.units};
  if (given.type == "gru") return Recurrent<Gru>{.units = given.units};
  if (given.type == "dense") return Dense{.units = given.units, .biased = biased};
  if (given.type == "batchnorm") {
    BatchNorm norm = BatchNorm::like_keras();
    norm.epsilon = given.epsilon;
    return norm;
  }
  if (given.type == "prelu") return PRelu{.per_feature = given.slopes > 1};
  if (given.type == "conv1d")
    return Conv1d{.units = given.units,
                  .kernel = given.kernel,
                  .dilation = given.dilation,
                  .groups = given.groups,
                  .padding = causal()};
  if (given.function == "relu") return Activate<Relu>{};
  if (given.function == "sigmoid") return Activate<Sigmoid>{};
  if (given.function == "elu") return Activate<Elu>{};
  return Activate<Tanh>{};
}

}  // namespace detail

/// Sets the parameters of a model from a file. A file of layers must have the layers of the model: throws FileError
/// with the first difference, ValueError for a layer that RTNeural does not have. A state_dict is imported by
/// import_pytorch, with its errors; activations of the model are not compared, because the file has none. After an
/// exception the model is unchanged.
template <class Model>
void import_rtneural(Model& model, const RtneuralFile& file) {
  if (file.layers.empty()) return import_pytorch(model, file.tensors, file.prefixes);
  const auto ours = detail::rtneural_layers(model);
  detail::check_same_layers(model.features(), ours, file);
  model.parameters().values() = detail::rtneural_parameters(model.parameters(), ours, file).values();
}
template <class Model>
void import_rtneural(Model& model, const std::filesystem::path& path) {
  import_rtneural(model, read_rtneural(path));
}

/// Model of the layers of a file, with its weights. A state_dict must be of LSTM and GRU modules, followed by at most
/// one nn.Linear; it is read as a model without activations between them. Throws as parse_rtneural and import_rtneural.
template <class S>
Stack<S> open_rtneural(const RtneuralFile& file) {
  const bool named = file.layers.empty();  // a state_dict
  const RtneuralFile from =
      named ? detail::layers_of_state_dict(file) : RtneuralFile{file.features, file.layers, {}, {}};
  std::vector<AnyLayer<S>> layers;
  for (const RtneuralLayer& layer : from.layers)
    layers.push_back(detail::layer_of<S>(layer, !named || file.tensors.contains(file.prefixes.back() + "bias")));
  Stack<S> model(from.features, std::move(layers));
  model.initialise(0);
  import_rtneural(model, file);
  return model;
}
template <class S>
Stack<S> open_rtneural(const std::filesystem::path& path) {
  return open_rtneural<S>(read_rtneural(path));
}

/// Model as the JSON that RTNeural reads. Throws ValueError for a layer that RTNeural does not have, NonFiniteError for
/// parameters that are not finite.
template <class Model>
std::string rtneural_text(const Model& model) {
  return detail::rtneural_text(model.parameters(), model.features(), detail::rtneural_layers(model));
}

/// Writes a model for RTNeural atomically. Throws as rtneural_text, and FileError.
template <class Model>
void write_rtneural(const Model& model, const std::filesystem::path& path) {
  write_text(path, rtneural_text(model));
}

}  // namespace unroll
