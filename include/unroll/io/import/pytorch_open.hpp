#pragma once
// Models from state_dicts of PyTorch whose architecture follows from the tensors.

#include "unroll/io/import/detail/state_dict_cell.hpp"
#include "unroll/io/import/pytorch.hpp"
#include "unroll/layers/bidirectional.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/layers/tied_dense.hpp"
#include "unroll/models/stack.hpp"

namespace unroll {
namespace detail {

/// Module of a state_dict: nn.Embedding or nn.Linear ("weight"), or one of nn.LSTM and nn.GRU and their cells.
struct StateDictModule {
  std::string prefix;
  std::map<std::string, std::vector<Index>> shapes;  // by the name after the prefix

  const std::vector<Index>* shape(const std::string& name, std::size_t dimensions) const {
    const auto found = shapes.find(name);
    return found == shapes.end() || found->second.size() != dimensions ? nullptr : &found->second;
  }
  std::string input_name() const { return shapes.contains("weight_ih_l0") ? "weight_ih_l0" : "weight_ih"; }
  bool is_recurrent() const { return shape(input_name(), 2) != nullptr; }
  bool is_matrix() const { return shape("weight", 2) != nullptr && shapes.size() == (is_biased() ? 2u : 1u); }
  /// nn.Linear with the weights of an nn.Embedding, which are stored only once.
  bool is_tied() const { return is_biased() && shapes.size() == 1; }
  bool is_biased() const { return shape("bias", 1) != nullptr; }
};

/// Modules of a state_dict by prefix, without ignored tensors.
inline std::vector<StateDictModule> pytorch_modules(const SafeTensors& file, const std::vector<std::string>& ignore) {
  std::vector<StateDictModule> all;
  for (const auto& [name, tensor] : file.tensors) {
    if (is_ignored(name, ignore)) continue;
    const std::size_t end = name.rfind('.') + 1;  // 0 without a prefix
    const std::string prefix = name.substr(0, end);
    const auto found = std::ranges::find(all, prefix, &StateDictModule::prefix);
    StateDictModule& module = found == all.end() ? all.emplace_back(StateDictModule{prefix, {}}) : *found;
    module.shapes[name.substr(end)] = tensor.shape;
  }
  return all;
}

/// Layers of a state_dict: at most one nn.Embedding, recurrent modules, at most one nn.Linear.
template <class S>
class PyTorchArchitecture {
 public:
  PyTorchArchitecture(const SafeTensors& file, const std::vector<std::string>& ignore)
      : file_(file), modules_(pytorch_modules(file, ignore)) {
    std::vector<const StateDictModule*> recurrent, matrices;
    for (const StateDictModule& module : modules_) {
      require<FileError>(
          module.is_recurrent() || module.is_matrix() || module.is_tied(), file_.file, ": the module ",
          in_quotes(module.prefix), " must be an nn.Embedding, nn.LSTM, nn.GRU or nn.Linear, got ",
          [&] { return list_of(module.shapes); }, advice);
      (module.is_recurrent() ? recurrent : matrices).push_back(&module);
    }
    require<FileError>(!recurrent.empty(), file_.file, ": must have an nn.LSTM or nn.GRU, got ", modules_.size(),
                       " other modules", advice);
    order(recurrent);
    add_embedding(matrices, inputs(*recurrent.front()), outputs(*recurrent.back()));
    for (const StateDictModule* module : recurrent) add_recurrent(*module);
    add_linear(matrices);
    require<FileError>(
        matrices.empty(), file_.file,
        ": the modules must be at most one nn.Embedding at the beginning and one nn.Linear at the end, got ",
        matrices.empty() ? "" : in_quotes(matrices.front()->prefix), " too", advice);
  }

  Index features() const { return features_; }
  const std::vector<AnyLayer<S>>& layers() const { return layers_; }
  /// Prefix of each layer, as import_pytorch takes them.
  const std::vector<std::string>& prefixes() const { return prefixes_; }

 private:
  static constexpr const char* advice =
      "; a state_dict has no activations and no options of layers, so construct the model and use import_pytorch";

  static std::string suffix_of(const StateDictModule& module, Index layer) {
    return module.shapes.contains("weight_ih_l0") ? text("_l", layer) : "";
  }
  static Index depth(const StateDictModule& module) {
    Index layers = 1;
    while (module.shapes.contains("weight_ih_l0") && module.shapes.contains(text("weight_ih_l", layers))) ++layers;
    return layers;
  }
  StateDictCell cell(const StateDictModule& module, Index layer) const {
    return state_dict_cell(file_, module.prefix, suffix_of(module, layer));
  }
  Index inputs(const StateDictModule& module) const { return cell(module, 0).inputs; }
  Index outputs(const StateDictModule& module) const { return cell(module, depth(module) - 1).outputs(); }

  /// Orders recurrent modules so that each has the outputs of the one before as inputs. Throws FileError if several
  /// orders are possible or none is.
  void order(std::vector<const StateDictModule*>& modules) const {
    std::ranges::sort(modules);
    std::vector<const StateDictModule*> found;
    int orders = 0;
    require<FileError>(modules.size() <= 6, file_.file, ": the number of recurrent modules must be at most 6, got ",
                       modules.size(), advice);
    do {
      bool fits = true;
      for (std::size_t k = 1; k < modules.size(); ++k) fits = fits && inputs(*modules[k]) == outputs(*modules[k - 1]);
      if (fits && ++orders == 1) found = modules;
    } while (std::next_permutation(modules.begin(), modules.end()));
    require<FileError>(orders == 1, file_.file, ": the sizes of the recurrent modules must fit one order, got ", orders,
                       advice);
    modules = found;
  }

  /// Adds the only matrix without a bias that fits the first recurrent module. Throws FileError if several fit, or if
  /// the only one could also be the last nn.Linear.
  void add_embedding(std::vector<const StateDictModule*>& matrices, Index first_inputs, Index last_outputs) {
    features_ = first_inputs;
    std::vector<const StateDictModule*> fitting;
    for (const StateDictModule* module : matrices)
      if (!module->is_biased() && (*module->shape("weight", 2))[1] == features_) fitting.push_back(module);
    if (fitting.empty()) return;
    const StateDictModule& module = *fitting.front();
    const auto& shape = *module.shape("weight", 2);
    const bool one_meaning = fitting.size() == 1 && (shape[1] != last_outputs || matrices.size() == 2);
    require<FileError>(one_meaning, file_.file, ": the module ", in_quotes(module.prefix),
                       " must be an nn.Embedding or an nn.Linear, got one that fits both", advice);
    tokens_ = shape[0], dimension_ = shape[1];
    layers_.push_back(Embedding{.size = tokens_, .dimension = dimension_});
    prefixes_.push_back(module.prefix);
    features_ = 1;
    std::erase(matrices, &module);
  }

  void add_recurrent(const StateDictModule& module) {
    for (Index k = 0; k < depth(module); ++k) {
      const StateDictCell one = cell(module, k);
      if (!one.both)
        add(one.forward<S>(), module);
      else if (one.is_lstm)
        add(Bidirectional<Lstm>{.units = one.units, .biased = one.biased}, module);
      else
        add(Bidirectional<Gru>{.units = one.units, .biased = one.biased}, module);
    }
    outputs_ = outputs(module);
  }
  void add(AnyLayer<S> layer, const StateDictModule& module) {
    layers_.push_back(std::move(layer));
    prefixes_.push_back(module.prefix);
  }

  void add_linear(std::vector<const StateDictModule*>& matrices) {
    for (const StateDictModule* module : matrices) {
      if (module->is_tied()) {
        if (dimension_ != outputs_ || (*module->shape("bias", 1))[0] != tokens_) continue;
        add(TiedDense{.embedding = 0}, *module);
        std::erase(matrices, module);
        return;
      }
      const auto& shape = *module->shape("weight", 2);
      if (shape[1] != outputs_) continue;
      add(Dense{.units = shape[0], .biased = module->is_biased()}, *module);
      std::erase(matrices, module);
      return;
    }
  }

  const SafeTensors& file_;
  std::vector<StateDictModule> modules_;
  Index features_ = 0, outputs_ = 0, tokens_ = 0, dimension_ = 0;  // the latter of the embedding
  std::vector<AnyLayer<S>> layers_;
  std::vector<std::string> prefixes_;
};

}  // namespace detail

/// Model of a state_dict of at most one nn.Embedding, modules nn.LSTM and nn.GRU or their cells, and at most one
/// nn.Linear, with its weights. A state_dict has no activations: the model has none between the modules. Throws
/// FileError for other modules, whose order and options are not in the file (construct the model and use
/// import_pytorch), and as import_pytorch.
template <class S>
Stack<S> open_pytorch(const SafeTensors& file, const PyTorchImport& options = {}) {
  detail::check_ignored(options.ignore);
  const detail::PyTorchArchitecture<S> architecture(file, options.ignore);
  Stack<S> model(architecture.features(), architecture.layers());
  import_pytorch(model, file, architecture.prefixes(), options);
  return model;
}
/// The same for a file of torch.save (.pt, .pth) or a safetensors file.
template <class S>
Stack<S> open_pytorch(const std::filesystem::path& path, const PyTorchImport& options = {}) {
  return open_pytorch<S>(read_pytorch_file(path, {.key = options.key}), options);
}

}  // namespace unroll
