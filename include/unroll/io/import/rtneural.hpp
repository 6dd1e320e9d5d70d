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
#include "unroll/io/import/detail/state_dict_cell.hpp"
#include "unroll/io/import/pytorch.hpp"
#include "unroll/layers/activation.hpp"
#include "unroll/layers/convolution/conv1d.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/normalisation/batch_norm.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/models/stack.hpp"

namespace unroll {
namespace detail {

/// Model of a state_dict of LSTM and GRU modules, and at most one nn.Linear, the last, without its weights. Throws
/// FileError for another module, because a state_dict has neither its activations nor its other options.
template <class S>
Stack<S> model_of_state_dict(const RtneuralFile& file) {
  const SafeTensors& tensors = file.tensors;
  std::vector<AnyLayer<S>> layers;
  Index features = 0;
  std::size_t of_module = 0;
  for (std::size_t k = 0; k < file.prefixes.size(); ++k) {
    const std::string& prefix = file.prefixes[k];
    of_module = k > 0 && prefix == file.prefixes[k - 1] ? of_module + 1 : 0;
    const std::string suffix = text("_l", of_module), weight = prefix + "weight";
    if (tensors.contains(weight + "_ih" + suffix)) {
      const StateDictCell cell = state_dict_cell(tensors, prefix, suffix);
      if (k == 0) features = cell.inputs;
      layers.push_back(cell.forward<S>());
      continue;
    }
    const std::vector<Index>& sizes = tensors.at(weight).shape;
    require<FileError>(sizes.size() == 2, tensors.file, ": tensor ", in_quotes(weight), " must have 2 dimensions, got ",
                       sizes.size());
    require<FileError>(k + 1 == file.prefixes.size(), tensors.file, ": layer ", k,
                       " of the state_dict must be an LSTM or GRU, because the file has no activations, got ",
                       in_quotes(weight), "; use import_rtneural with a model");
    if (k == 0) features = sizes[1];
    layers.push_back(Dense{.units = sizes[0], .biased = tensors.contains(prefix + "bias")});
  }
  return Stack<S>(features, std::move(layers));
}

template <class S>
AnyLayer<S> layer_of(const RtneuralLayer& given) {
  if (given.type == "lstm") return Recurrent<Lstm>{.units = given.units};
  if (given.type == "gru") return Recurrent<Gru>{.units = given.units};
  if (given.type == "dense") return Dense{.units = given.units};
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
  std::vector<AnyLayer<S>> layers;
  for (const RtneuralLayer& layer : file.layers) layers.push_back(detail::layer_of<S>(layer));
  Stack<S> model =
      file.layers.empty() ? detail::model_of_state_dict<S>(file) : Stack<S>(file.features, std::move(layers));
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
