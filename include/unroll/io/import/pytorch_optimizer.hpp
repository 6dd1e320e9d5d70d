#pragma once
// Conversion from and to PyTorch's state of Adam, AdamW and SGD, so that training continues in the other system.
//
//     // written by torch.save({"state_dict": ..., "optimizer_state_dict": optimizer.state_dict()}, "run.pt")
//     import_pytorch(model, adam, "run.pt");
//     write_pytorch_checkpoint("again.pt", export_pytorch(model, adam, {"rnn.", "out."}));

#include "unroll/io/formats/pytorch_writer.hpp"
#include "unroll/io/import/detail/json_node.hpp"
#include "unroll/io/import/pytorch.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/optim/sgd.hpp"

namespace unroll {

/// Options of import_pytorch with an optimizer.
struct PyTorchTrainingImport {
  std::vector<std::string> ignore = {};                     ///< see PyTorchImport
  std::optional<std::string> key = {}, optimizer_key = {};  ///< of a file: see PyTorchCheckpointOptions
};

namespace detail {

/// Options in the form of a parameter group of PyTorch. Throws ValueError for options that PyTorch does not have.
template <bool decoupled>
nlohmann::json pytorch_group(const BasicAdamOptions<decoupled>& o) {
  require<ValueError>(o.epsilon_at == Epsilon::corrected, "PyTorch: ", o.name,
                      ": epsilon_at must be Epsilon::corrected, got Epsilon::raw");
  return {{"lr", o.learning_rate}, {"betas", {o.beta1, o.beta2}},
          {"eps", o.epsilon},      {"weight_decay", o.weight_decay},
          {"amsgrad", o.amsgrad},  {"maximize", false},
          {"capturable", false},   {"decoupled_weight_decay", o.decay == Decay::decoupled}};
}
inline nlohmann::json pytorch_group(const SGDOptions& o) {
  require<ValueError>(o.velocity == Velocity::gradient, "PyTorch: SGD: velocity must be Velocity::gradient, got ",
                      "Velocity::step");
  require<ValueError>(o.decay == Decay::l2 || o.weight_decay == 0,
                      "PyTorch: SGD: decay must be Decay::l2, got Decay::decoupled");
  return {{"lr", o.learning_rate},          {"momentum", o.momentum}, {"dampening", o.dampening},
          {"weight_decay", o.weight_decay}, {"nesterov", o.nesterov}, {"maximize", false}};
}

/// PyTorch's name of a state vector.
constexpr std::string_view pytorch_state(std::string_view ours) {
  if (ours == "m") return "exp_avg";
  if (ours == "v") return "exp_avg_sq";
  return ours == "v_max" ? "max_exp_avg_sq" : "momentum_buffer";
}

/// Options of an optimizer in the form of a parameter group of PyTorch, which decays all parameters alike. Throws
/// ValueError for options and a decay mask that PyTorch does not have.
template <class O>
nlohmann::json pytorch_group_of(const O& optimizer) {
  static_assert(
      requires { pytorch_group(optimizer.options()); },
      "unroll: the states of Adam, AdamW and SGD can be exchanged with PyTorch");
  const auto& mask = optimizer.decay_mask();
  require<ValueError>(optimizer.options().weight_decay == 0 || (mask.array() == 1).all(),
                      "PyTorch: ", optimizer.options().name,
                      ": the decay mask must be empty, because a parameter group of PyTorch has one weight decay");
  return pytorch_group(optimizer.options());
}

/// Throws FileError with the first option of a parameter group that differs from those of the optimizer. The learning
/// rate must be that of the first group. Options that only the other system has, such as `foreach`, are ignored.
inline void check_pytorch_group(const nlohmann::json& ours, const JsonNode& group, const JsonNode& first) {
  for (const auto& [name, value] : ours.items()) {
    // Versions of PyTorch differ in these options. Without weight decay, its form has no effect.
    const bool may_be_absent = name == "maximize" || name == "capturable" || name == "decoupled_weight_decay";
    if ((may_be_absent && !group.has(name.c_str())) || name == "capturable") continue;
    if (name == "decoupled_weight_decay" && ours.at("weight_decay") == 0) continue;
    const JsonNode theirs = group.at(name.c_str());
    const auto expect = [](const JsonNode& got, const nlohmann::json& expected, std::string_view where) {
      got.expect(got.json() == expected, text(expected.dump(), ", as in ", where));
    };
    if (name == "lr") expect(theirs, first.at("lr").json(), "the first group");
    if (name != "lr" && !value.is_array()) expect(theirs, value, "this optimizer");
    for (std::size_t k = 0; value.is_array() && k < value.size(); ++k)
      expect(theirs.entry(k), value[k], "this optimizer");
  }
}

/// Learning rate of a checkpoint whose groups all have the options of an optimizer.
inline double checked_rate_of_groups(const nlohmann::json& ours, const PyTorchCheckpoint& from) {
  const JsonNode groups(from.groups, from.model.file, "param_groups");
  groups.size(1, std::numeric_limits<std::size_t>::max());
  for (std::size_t g = 0; g < from.groups.size(); ++g) check_pytorch_group(ours, groups.entry(g), groups.entry(0));
  return groups.entry(0).at("lr").number();
}

/// Parameters in the groups of a checkpoint: their number, and their names if PyTorch stored "param_names". Throws
/// FileError unless they are numbered in order.
inline std::pair<std::size_t, std::vector<std::string>> grouped_parameters(const PyTorchCheckpoint& from) {
  std::pair<std::size_t, std::vector<std::string>> all;
  const JsonNode groups(from.groups, from.model.file, "param_groups");
  for (std::size_t g = 0; g < from.groups.size(); ++g) {
    const JsonNode group = groups.entry(g), params = group.at("params");
    const std::size_t count = params.size(0, std::numeric_limits<std::size_t>::max());
    for (std::size_t k = 0; k < count; ++k, ++all.first)
      params.entry(k).expect(params.entry(k).json() == all.first, text(all.first));
    if (!group.has("param_names")) continue;
    group.at("param_names").size(count, count);
    for (std::size_t k = 0; k < count; ++k) all.second.push_back(group.at("param_names").entry(k).word());
  }
  require<FileError>(all.second.empty() || all.second.size() == all.first, from.model.file,
                     ": all parameter groups must have param_names, got some");
  return all;
}

/// Throws FileError unless the parameters of an optimizer are those of the model, without ignored ones and possibly
/// without frozen ones.
inline void check_parameter_names(const std::vector<std::string>& names, const std::vector<std::string>& learned,
                                  const std::set<std::string>& frozen, const std::vector<std::string>& ignore,
                                  const std::string& file) {
  const std::set<std::string> given(names.begin(), names.end()), ours(learned.begin(), learned.end());
  require<FileError>(given.size() == names.size(), file, ": param_names must be different, got equal ones");
  for (const std::string& name : learned)
    require<FileError>(
        given.contains(name) || frozen.contains(name), file, ": the optimizer must have the parameter ",
        [&] { return in_quotes(name); }, " of the model, got others");
  for (const std::string& name : names)
    require<FileError>(
        ours.contains(name) || is_ignored(name, ignore), file, ": the model has no parameter ",
        [&] { return in_quotes(name); }, " of the optimizer");
}

/// Names of the parameters of an optimizer by number: those of its groups or, if there are none, those of the model in
/// the order of the state_dict, which are `learned`. Parameters in `frozen` may be missing.
inline std::vector<std::string> parameter_names(const PyTorchCheckpoint& from, std::vector<std::string> learned,
                                                const std::set<std::string>& frozen,
                                                const std::vector<std::string>& ignore) {
  const auto [count, names] = grouped_parameters(from);
  if (!names.empty()) {
    check_parameter_names(names, learned, frozen, ignore, from.model.file);
    return names;
  }
  if (count != learned.size()) std::erase_if(learned, [&](const auto& name) { return frozen.contains(name); });
  require<FileError>(count == learned.size(), from.model.file, ": the optimizer must have the ", learned.size(),
                     " trained parameters of the model, got ", count, "; construct it from model.named_parameters()");
  return learned;
}

/// Tensors with the names of a file, in which nn.LSTMCell, GRUCell and RNNCell have no number of a layer.
inline PyTorchTensors named_as(const SafeTensors& file, PyTorchTensors tensors) {
  for (std::string& name : tensors.names) {
    const std::string cell = name.ends_with("_l0") ? name.substr(0, name.size() - 3) : name;
    if (file.contains(name) || !file.contains(cell)) continue;
    auto node = tensors.file.tensors.extract(std::exchange(name, cell));
    node.key() = cell;
    tensors.file.tensors.insert(std::move(node));
  }
  return tensors;
}

/// State of the optimizer in a checkpoint, by the names of the state_dict.
class PyTorchStates {
 public:
  /// `names`: of the parameters by number.
  PyTorchStates(const PyTorchCheckpoint& from, std::vector<std::string> names, const PyTorchTensors& trained)
      : from_(from), names_(std::move(names)), trained_(trained) {}

  /// Number of updates, which must be the same for all parameters; 1 for SGD with a state, which has no count.
  std::int64_t updates(bool counted) const {
    if (from_.state.tensors.empty() || !counted) return from_.state.tensors.empty() ? 0 : 1;
    std::optional<double> count;
    for (std::size_t k = 0; k < names_.size(); ++k) {
      const Tensor* found = find("step", k);
      if (found == nullptr) continue;
      const double step = found->size() == 1 ? found->to<double>().front() : -1;
      require<FileError>(step >= 0 && step <= 0x1p53 && step == std::trunc(step) && count.value_or(step) == step,
                         from_.model.file, ": the step of ", in_quotes(names_[k]), " must be ",
                         count ? text(*count, ", as of the parameters before") : "an integer of at least 0", ", got ",
                         step);
      count = step;
    }
    return std::int64_t(count.value_or(0));
  }

  /// State of the trained parameters with this name, and zeros for frozen ones; none if there was no update.
  SafeTensors named(std::string_view state) const {
    SafeTensors all{{}, {}, from_.model.file};
    for (std::size_t k = 0; k < names_.size(); ++k)
      if (const Tensor* found = find(state, k)) all.tensors[names_[k]] = *found;
    for (const std::string& name : trained_.frozen)
      if (!all.contains(name)) all.tensors[name] = trained_.file.at(name);  // zeros
    return all;
  }

 private:
  /// Entry of the state of a parameter; nullptr for one that has none, because it is frozen or not of the model.
  const Tensor* find(std::string_view state, std::size_t k) const {
    const auto found = from_.state.tensors.find(text(k, ".", state));
    if (found != from_.state.tensors.end()) return &found->second;
    require<FileError>(!trained_.file.contains(names_[k]) || trained_.frozen.contains(names_[k]), from_.model.file,
                       ": the optimizer has no '", state, "' of parameter ", k, ", ", in_quotes(names_[k]));
    return nullptr;
  }

  const PyTorchCheckpoint& from_;
  std::vector<std::string> names_;
  const PyTorchTensors& trained_;
};

}  // namespace detail

/// Sets the parameters of a model as import_pytorch without an optimizer, and the state and learning rate of Adam,
/// AdamW or SGD, from a checkpoint of PyTorch. All other options must be equal in all parameter groups and the
/// optimizer; FileError names the first difference. `updates()` is the number of PyTorch's steps; 1 for an SGD with
/// momentum, which does not store it.
///
/// PyTorch has two biases for each gate of a recurrent module. A cell with one bias takes the state that both have in
/// PyTorch; its bias then changes half as fast as PyTorch's sum. If the states differ, as with L2 weight decay, or for
/// exact continuation, use a cell of equations with two linear terms per gate, such as sigmoid(linear(x) + linear(h)).
///
/// Throws FileError also for a parameter without a state that is not frozen, different counts of steps, and parameters
/// that the model does not have. Model and optimizer are then unchanged.
template <class Model, Optimizer O>
void import_pytorch(Model& model, O& optimizer, const PyTorchCheckpoint& from,
                    const std::vector<std::string>& prefixes = {}, const PyTorchTrainingImport& options = {}) {
  using Scalar = typename Model::Scalar;
  const nlohmann::json ours = detail::pytorch_group_of(optimizer);
  const auto used = detail::checked_prefixes(model, from.model, prefixes, options.ignore);
  const auto loaded = detail::read_state_dict(model, from.model, used, options.ignore);
  O read = optimizer;
  read.learning_rate() = detail::checked_rate_of_groups(ours, from);

  const auto trained =
      detail::named_as(from.model, detail::pytorch_tensors(model, loaded.zeros_like(), used, SecondBias::same));
  std::vector<std::string> learned = from.names;
  std::erase_if(learned, [&](const std::string& name) { return !trained.file.contains(name); });
  const detail::PyTorchStates states(
      from, detail::parameter_names(from, std::move(learned), trained.frozen, options.ignore), trained);
  const std::int64_t updates = states.updates(ours.contains("betas"));
  read.visit_state([&]<class Value>(std::string_view name, Value& value) {
    if constexpr (std::is_same_v<Value, std::int64_t>) {
      value = updates;
    } else if constexpr (std::is_same_v<Value, VectorX<Scalar>>) {
      value.resize(0);
      if (updates == 0) return;
      const SafeTensors of_state = states.named(detail::pytorch_state(name));
      TensorReader reader(of_state);
      value = detail::read_pytorch_tensors(model, reader, used, SecondBias::same).values();
    }
  });
  read.check(model.parameters().size());
  model.parameters().values() = loaded.values();
  optimizer = std::move(read);
}

/// The same for a file; throws also as read_pytorch_checkpoint.
template <class Model, Optimizer O>
void import_pytorch(Model& model, O& optimizer, const std::filesystem::path& path,
                    const std::vector<std::string>& prefixes = {}, const PyTorchTrainingImport& options = {}) {
  import_pytorch(model, optimizer,
                 read_pytorch_checkpoint(path, {.key = options.key, .optimizer_key = options.optimizer_key}), prefixes,
                 options);
}

/// Checkpoint of a model and of Adam, AdamW or SGD for PyTorch's load_state_dict. The module must register its
/// parameters in the order of the layers; "param_names" has their names. A cell with one bias has its state in both of
/// PyTorch's biases. Throws ValueError for layers and options that PyTorch does not have.
template <class Model, Optimizer O>
PyTorchCheckpoint export_pytorch(const Model& model, const O& optimizer, const std::vector<std::string>& prefixes) {
  using Scalar = typename Model::Scalar;
  nlohmann::json group = detail::pytorch_group_of(optimizer);
  optimizer.check(model.parameters().size());
  auto weights = detail::pytorch_tensors(model, model.parameters(), prefixes);
  PyTorchCheckpoint to{.model = std::move(weights.file), .names = std::move(weights.names)};
  Parameters<Scalar> state = model.parameters().zeros_like();
  const auto names = detail::pytorch_tensors(model, state, prefixes, SecondBias::same).names;
  O visited = optimizer;
  visited.visit_state([&]<class Value>(std::string_view name, Value& value) {
    if constexpr (std::is_same_v<Value, VectorX<Scalar>>) {
      if (value.size() == 0) return;
      state.values() = value;
      const SafeTensors file = detail::pytorch_tensors(model, state, prefixes, SecondBias::same).file;
      for (std::size_t k = 0; k < names.size(); ++k)
        to.state.tensors[text(k, ".", detail::pytorch_state(name))] = file.at(names[k]);
    }
  });
  const float step = float(optimizer.updates());
  for (std::size_t k = 0; k < names.size(); ++k) {
    group["params"].push_back(k);
    group["param_names"].push_back(names[k]);
    if (group.contains("betas") && !to.state.tensors.empty())
      to.state.tensors[text(k, ".step")] = Tensor::of(std::span(&step, 1), {});
  }
  to.groups.push_back(std::move(group));
  return to;
}

}  // namespace unroll
