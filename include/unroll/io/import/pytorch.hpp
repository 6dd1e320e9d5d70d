#pragma once
// Conversion from and to PyTorch's state_dict (torch.nn.RNN, LSTM, GRU, their cells, Embedding, Linear, Conv1d,
// ConvTranspose1d and norms; PyTorch 2): names, gate orders, two biases and taps.
//
//     // written by torch.save(model.state_dict(), ...) or safetensors.torch.save_file(model.state_dict(), ...)
//     import_pytorch(model, "model.pt");
//     // two layers of one nn.LSTM(num_layers=2), then an nn.Linear
//     import_pytorch(model, "model.pt", {"rnn.", "rnn.", "out."});
//     import_pytorch(model, "model.pt", {}, {.ignore = {"loss.*"}});
//
// There is one prefix per layer with parameters, and one per TiedDense; consecutive layers with the same prefix are the
// layers of one module. Only weights are converted; set `nonlinearity`, `eps`, `momentum`, `padding`, `stride` and
// `padding_idx` of the other model accordingly. Layers that PyTorch does not have, or has with another meaning, throw.

#include "unroll/io/formats/pytorch_file.hpp"
#include "unroll/io/import/pytorch_layers.hpp"
#include "unroll/io/import/pytorch_prefixes.hpp"

namespace unroll {

/// Options of import_pytorch.
struct PyTorchImport {
  /// Names of tensors that the model need not use: beginnings of names, or whole names with "*" for any letters and "?"
  /// for any letter. Counts of batches ("num_batches_tracked") are always ignored if no layer has them.
  std::vector<std::string> ignore = {};
  std::optional<std::string> key = {};  ///< of a file: see PyTorchFileOptions
};

namespace detail {

/// State_dict of a model, or with SecondBias::same of gradients or a state of an optimizer: these have no tensors for
/// running statistics, counts of batches and second copies of shared weights.
struct PyTorchTensors {
  SafeTensors file;
  std::vector<std::string> names;     ///< in the order of the layers
  std::set<std::string> frozen = {};  ///< parameters that are not trained

  void add(std::string name, Tensor tensor) {
    names.push_back(name);
    file.tensors[std::move(name)] = std::move(tensor);
  }
};

inline bool is_running_statistic(const ParameterBlock& block) {
  return block.name.ends_with(".running_mean") || block.name.ends_with(".running_var");
}

template <class Model, class Scalar>
PyTorchTensors pytorch_tensors(const Model& model, const Parameters<Scalar>& from,
                               const std::vector<std::string>& prefixes, SecondBias second = SecondBias::zero) {
  PyTorchTensors to;
  const bool parameters_only = second == SecondBias::same;
  each_pytorch_tensor(
      model, prefixes,
      [&](const std::string& prefix, const std::string& suffix, const std::string& ours) {
        SafeTensors of_layer;
        write_pytorch(from, ours, of_layer, prefix, suffix, second);
        for (const char* kind : {"weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"})
          if (std::string name = prefix + kind + suffix; of_layer.contains(name)) to.add(name, of_layer.at(name));
      },
      [&](const ParameterBlock& block, const std::string& name, bool transposed) {
        if (parameters_only && is_running_statistic(block)) return;
        to.add(name, write_plain(from, block, transposed));
        if (!block.frozen.empty() && std::ranges::find(block.frozen, false) == block.frozen.end())
          to.frozen.insert(name);
      },
      [&](const ParameterBlock* block, const std::string& name) {
        if (!parameters_only) to.add(name, write_batches(from, block));
      },
      [&](const ParameterBlock& block, const std::string& name) {
        if (!parameters_only) to.add(name, write_plain(from, block, true));
      });
  to.file.metadata["format"] = "pt";
  return to;
}

}  // namespace detail

/// State_dict of a model for PyTorch's load_state_dict. Throws ValueError for layers that PyTorch does not have.
template <class Model>
SafeTensors export_pytorch(const Model& model, const std::vector<std::string>& prefixes) {
  return detail::pytorch_tensors(model, model.parameters(), prefixes).file;
}

namespace detail {

/// Prefixes of a state_dict for the layers of a model: those that fit its export by names and shapes.
template <class Model>
std::vector<std::string> pytorch_prefixes(const Model& model, const SafeTensors& file,
                                          const std::vector<std::string>& ignore) {
  std::vector<PyTorchLayer> layers;
  std::vector<std::string> numbers;
  model.each_layer([&](const auto& layer, std::size_t k) {
    if (!detail::has_tensors(layer)) return;
    numbers.push_back(text(layers.size(), "."));
    layers.push_back({text("layer ", k, " (", layer.name(), ")"), {}, layer.tied_to().has_value()});
  });
  const SafeTensors exported = export_pytorch(model, numbers);
  for (std::size_t k = 0; k < layers.size(); ++k)
    for (auto at = exported.tensors.lower_bound(numbers[k]);
         at != exported.tensors.end() && at->first.starts_with(numbers[k]); ++at)
      if (!is_ignored(at->first, {})) layers[k].shapes[at->first.substr(numbers[k].size())] = at->second.shape;
  return PrefixSearch(layers, file, ignore).result();
}

/// Suffix in the names of a file: nn.LSTMCell, GRUCell and RNNCell have names without the number of a layer.
inline std::string suffix_in(const SafeTensors& file, const std::string& prefix, const std::string& suffix) {
  const bool of_cell =
      suffix == "_l0" && !file.contains(prefix + "weight_ih_l0") && file.contains(prefix + "weight_ih");
  return of_cell ? "" : suffix;
}

/// Parameters of a model from the tensors that pytorch_tensors writes.
template <class Model>
auto read_pytorch_tensors(const Model& model, TensorReader& reader, const std::vector<std::string>& prefixes,
                          SecondBias second = SecondBias::zero) {
  using Scalar = typename Model::Scalar;
  const bool parameters_only = second == SecondBias::same;
  Parameters<Scalar> loaded = model.parameters().zeros_like();
  each_pytorch_tensor(
      model, prefixes,
      [&](const std::string& prefix, const std::string& suffix, const std::string& ours) {
        read_pytorch(reader, prefix, suffix_in(reader.file(), prefix, suffix), loaded, ours, second);
      },
      [&](const ParameterBlock& block, const std::string& name, bool transposed) {
        if (!parameters_only || !is_running_statistic(block))
          loaded.block(block) = read_plain<Scalar>(reader, name, block, transposed);
      },
      [&](const ParameterBlock* block, const std::string& name) {
        if (!parameters_only) read_batches(reader, name, loaded, block);
      },
      [&](const ParameterBlock& block, const std::string& name) {
        if (!parameters_only) check_tied(reader, name, loaded, block);
      });
  return loaded;
}

/// Prefixes of the layers of a model in a file: the given ones or, if there are none, those that fit.
template <class Model>
std::vector<std::string> checked_prefixes(const Model& model, const SafeTensors& file,
                                          const std::vector<std::string>& prefixes,
                                          const std::vector<std::string>& ignore) {
  constexpr auto nothing = [](const auto&...) {};
  check_ignored(ignore);
  std::vector<std::string> used = prefixes.empty() ? pytorch_prefixes(model, file, ignore) : prefixes;
  // Reports errors of the model before those of the file.
  each_pytorch_tensor(model, used, nothing, nothing, nothing, nothing);
  return used;
}

/// Parameters of a model from a state_dict without superfluous tensors.
template <class Model>
auto read_state_dict(const Model& model, const SafeTensors& file, const std::vector<std::string>& prefixes,
                     const std::vector<std::string>& ignore) {
  TensorReader reader(file);
  auto loaded = read_pytorch_tensors(model, reader, prefixes);
  reader.require_all_used([&](const std::string& name) { return is_ignored(name, ignore); });
  return loaded;
}

}  // namespace detail

/// Sets the parameters of a model of recurrent layers, embeddings, dense layers, convolutions and norms from a
/// state_dict.
///
/// Without prefixes, the only assignment of name groups (names up to the last dot) to layers is used that has the names
/// and shapes of all layers and leaves no tensor over. Groups of equal shapes whose names differ in numbers only, such
/// as "fc1." and "fc2.", are assigned in the order of these numbers.
///
/// Throws FileError for a missing or superfluous tensor and if no or several assignments fit, ShapeError for a tensor
/// of another shape, ValueError for prefixes or layers that do not match. The model is then unchanged.
template <class Model>
void import_pytorch(Model& model, const SafeTensors& file, const std::vector<std::string>& prefixes = {},
                    const PyTorchImport& options = {}) {
  const auto used = detail::checked_prefixes(model, file, prefixes, options.ignore);
  model.parameters().values() = detail::read_state_dict(model, file, used, options.ignore).values();
}

/// The same for a file of torch.save (.pt, .pth) or a safetensors file; throws also as read_pytorch_file.
template <class Model>
void import_pytorch(Model& model, const std::filesystem::path& path, const std::vector<std::string>& prefixes = {},
                    const PyTorchImport& options = {}) {
  import_pytorch(model, read_pytorch_file(path, {.key = options.key}), prefixes, options);
}

}  // namespace unroll
