#pragma once
// Checkpoints of PyTorch: files of torch.save with a state_dict and that of an optimizer in one dictionary.
//
//     torch.save({"state_dict": model.state_dict(), "optimizer_state_dict": optimizer.state_dict()}, "run.pt")

#include <bit>
#include <deque>
#include <set>

#include "unroll/io/formats/pytorch_file.hpp"

namespace unroll {

/// Content of a checkpoint of PyTorch.
struct PyTorchCheckpoint {
  SafeTensors model;                    ///< the state_dict of the model
  std::vector<std::string> names = {};  ///< names of its tensors in their order, which numbers the parameters
  /// param_groups of the optimizer: for each group its options by name, and "params", the numbers of its parameters.
  nlohmann::json groups = nlohmann::json::array();
  /// State of the optimizer: tensors "NUMBER.NAME", for example "0.exp_avg", where NUMBER is that of the parameter;
  /// numbers are tensors without dimensions.
  SafeTensors state = {};
};

/// Options of read_pytorch_checkpoint.
struct PyTorchCheckpointOptions {
  std::optional<std::string> key = {};  ///< of the state_dict: see PyTorchFileOptions
  /// Key of the optimizer's dictionary. Default: the only dictionary with "state" and "param_groups".
  std::optional<std::string> optimizer_key = {};
};

namespace detail {

/// Reader of the dictionary of an optimizer. Values may occur at many places of a pickle, so their number is limited.
class PyTorchOptimizerReader {
 public:
  PyTorchOptimizerReader(const Pickle& pickle, const std::string& file) : pickle_(pickle), file_(file) {}

  void read(const std::optional<std::string>& key, PyTorchCheckpoint& to, const TorchArchive& archive) {
    const PickleValue& optimizer = chosen(key);
    to.groups = json_of(*entry(optimizer, "param_groups"), 4);
    require<FileError>(to.groups.is_array(), file_, ": param_groups must be a list");
    each_entry(*entry(optimizer, "state"), [&](const PickleValue& number, const PickleValue& states) {
      expect(number.kind == PickleKind::integer && number.number >= 0, "the key of a state must be an integer");
      each_entry(states, [&](const PickleValue& name, const PickleValue& value) {
        expect(name.kind == PickleKind::text, "the name of a state must be a text");
        add(text(number.number, "."), name.letters, value, to.state);
      });
    });
    SafeTensors tensors = archive.tensors(pickle_, tensors_);
    require<FileError>(
        std::ranges::none_of(to.state.tensors, [&](const auto& item) { return tensors.contains(item.first); }), file_,
        ": the names in the state of the optimizer must be different, got equal ones");
    to.state.tensors.merge(tensors.tensors);
    to.state.file = file_;
  }

 private:
  static constexpr std::size_t most = 1'000'000;  // values and letters

  template <class... Parts>
  void expect(bool good, const Parts&... parts) const {
    require<FileError>(good, file_, ": the optimizer: ", parts...);
  }
  void spend(std::size_t count) {
    expect(count <= rest_, "it must have at most ", most, " values and letters, it has more");
    rest_ -= count;
  }

  template <class F>
  void each_entry(const PickleValue& dictionary, F&& f) {
    expect(dictionary.kind == PickleKind::dictionary, "its state must be dictionaries");
    spend(dictionary.items.size());
    for (std::size_t k = 0; k + 1 < dictionary.items.size(); k += 2)
      f(pickle_[dictionary.items[k]], pickle_[dictionary.items[k + 1]]);
  }

  /// Value of a key; nullptr if there is none.
  const PickleValue* entry(const PickleValue& dictionary, std::string_view key) const {
    if (dictionary.kind != PickleKind::dictionary) return nullptr;
    for (std::size_t k = 0; k + 1 < dictionary.items.size(); k += 2)
      if (const PickleValue& name = pickle_[dictionary.items[k]]; name.kind == PickleKind::text && name.letters == key)
        return &pickle_[dictionary.items[k + 1]];
    return nullptr;
  }

  const PickleValue& chosen(const std::optional<std::string>& key) const {
    const PickleValue& root = pickle_[pickle_.root];
    const PickleValue* found = nullptr;
    std::string keys;
    std::size_t count = 0;
    std::set<PickleRef> seen;
    for (std::size_t k = 0; k + 1 < root.items.size(); k += 2) {
      const PickleValue &name = pickle_[root.items[k]], &value = pickle_[root.items[k + 1]];
      if (name.kind != PickleKind::text || (key && name.letters != *key) || !seen.insert(root.items[k + 1]).second)
        continue;
      if (entry(value, "state") == nullptr || entry(value, "param_groups") == nullptr) continue;
      if (++count <= 6) keys += text(count > 1 ? ", " : "", in_quotes(name.letters));
      found = &value;
    }
    require<FileError>(count > 0, file_, ": has no dictionary ", key ? in_quotes(*key) + " " : "",
                       "with 'state' and 'param_groups', the state_dict() of an optimizer");
    require<FileError>(count == 1, file_, ": holds ", count, " optimizers; set `optimizer_key` to one of ", keys);
    return *found;
  }

  /// Numbers, texts, lists and dictionaries of at most `levels`; other values are null.
  nlohmann::json json_of(const PickleValue& value, int levels) {
    spend(1 + value.letters.size());
    const bool list = value.kind == PickleKind::list || value.kind == PickleKind::tuple;
    if (value.kind == PickleKind::boolean) return value.number != 0;
    if (value.kind == PickleKind::integer) return value.number;
    if (value.kind == PickleKind::real) return std::bit_cast<double>(value.number);
    if (value.kind == PickleKind::text) return std::string(value.letters);
    if ((!list && value.kind != PickleKind::dictionary) || levels == 0) return nullptr;
    nlohmann::json all = list ? nlohmann::json::array() : nlohmann::json::object();
    if (list)
      for (const PickleRef item : value.items) all.push_back(json_of(pickle_[item], levels - 1));
    for (std::size_t k = 0; !list && k + 1 < value.items.size(); k += 2) {
      const PickleValue& name = pickle_[value.items[k]];
      spend(1 + name.letters.size());
      if (name.kind == PickleKind::text)
        all[std::string(name.letters)] = json_of(pickle_[value.items[k + 1]], levels - 1);
    }
    return all;
  }

  void add(const std::string& number, std::string_view name, const PickleValue& value, SafeTensors& to) {
    spend(name.size());
    const std::string whole = text(number, name);
    if (value.kind == PickleKind::tensor)
      tensors_.push_back({names_.emplace_back(whole), &value});
    else if (value.kind == PickleKind::integer)
      to.tensors[whole] = Tensor::of(std::span(&value.number, 1), {});
    else if (const double number_of = std::bit_cast<double>(value.number); value.kind == PickleKind::real)
      to.tensors[whole] = Tensor::of(std::span(&number_of, 1), {});
  }

  const Pickle& pickle_;
  const std::string& file_;
  std::size_t rest_ = most;
  std::deque<std::string> names_;  // of tensors_
  std::vector<NamedPickle> tensors_;
};

}  // namespace detail

/// Checkpoint in memory; `file` is its name in messages. Throws as parse_pytorch_file, and FileError if the file has no
/// optimizer or several ones.
inline PyTorchCheckpoint parse_pytorch_checkpoint(std::span<const std::byte> bytes,
                                                  const std::string& file = "PyTorch checkpoint in memory",
                                                  const PyTorchCheckpointOptions& options = {}) {
  const detail::TorchArchive archive(bytes, file);
  const auto letters = archive.content("data.pkl");
  const detail::Pickle pickle = detail::PickleReader(detail::letters_of(letters), file).read();
  const auto named = archive.named_tensors(pickle, archive.chosen(pickle, options.key));
  PyTorchCheckpoint checkpoint{.model = archive.tensors(pickle, named)};
  for (const auto& item : named) checkpoint.names.emplace_back(item.name);
  detail::PyTorchOptimizerReader(pickle, file).read(options.optimizer_key, checkpoint, archive);
  return checkpoint;
}

/// The same for a file.
inline PyTorchCheckpoint read_pytorch_checkpoint(const std::filesystem::path& path,
                                                 const PyTorchCheckpointOptions& options = {}) {
  const std::string bytes = detail::read_text(path);
  return parse_pytorch_checkpoint(std::as_bytes(std::span(bytes)), path.string(), options);
}

}  // namespace unroll
