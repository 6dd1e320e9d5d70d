#pragma once
// Writer of files of torch.save (.pt), which torch.load(path, weights_only=True) reads: a zip archive of a pickle of
// protocol 2 and the numbers of the tensors.

#include "unroll/io/formats/pytorch_checkpoint.hpp"

namespace unroll {
namespace detail {

/// Pickle of nested dictionaries of tensors and numbers. Each tensor has its own storage, numbered in this order.
class PickleWriter {
 public:
  std::vector<const Tensor*> storages;

  /// The finished pickle.
  std::string finished() const { return bytes_ + "."; }

  void word(std::string_view letters) {
    bytes_ += 'X';
    append_word(bytes_, letters.size(), 4);
    bytes_ += letters;
  }
  void number(std::int64_t value) {
    bytes_ += "\x8a\x08";
    append_word(bytes_, std::uint64_t(value), 8);
  }

  /// A list of the values that `fill` writes.
  template <class F>
  void list(F&& fill) {
    bytes_ += "](";
    fill();
    bytes_ += 'e';
  }
  /// A dictionary of the keys and values that `fill` writes in turn.
  template <class F>
  void dictionary(F&& fill) {
    bytes_ += "}(";
    fill();
    bytes_ += 'u';
  }

  void value(const nlohmann::json& json) {
    if (json.is_boolean()) {
      bytes_ += json.get<bool>() ? '\x88' : '\x89';
    } else if (json.is_number_integer()) {
      number(json.get<std::int64_t>());
    } else if (json.is_number()) {
      bytes_ += 'G';
      append_word(bytes_, __builtin_bswap64(std::bit_cast<std::uint64_t>(json.get<double>())), 8);
    } else if (json.is_string()) {
      word(json.get_ref<const std::string&>());
    } else if (json.is_array()) {
      list([&] {
        for (const auto& item : json) value(item);
      });
    } else if (json.is_object()) {
      dictionary([&] {
        for (const auto& [key, item] : json.items()) word(key), value(item);
      });
    } else {
      bytes_ += 'N';
    }
  }

  void tensor(const Tensor& tensor) {
    const auto type = std::ranges::find(torch_storages, tensor.dtype, &TorchStorage::dtype);
    std::vector<Index> strides(tensor.shape.size(), 1);
    for (std::size_t d = strides.size(); d-- > 1;) strides[d - 1] = strides[d] * std::max<Index>(1, tensor.shape[d]);
    global(rebuild_tensor);
    bytes_ += "((";
    word("storage");
    global(type->name);
    word(std::to_string(storages.size()));
    word("cpu");
    number(tensor.size());
    bytes_ += "tQ";
    number(0);  // offset
    tuple(tensor.shape);
    tuple(strides);
    bytes_ += '\x89';  // requires no gradient
    global(ordered_dict);
    bytes_ += ")RtR";
    storages.push_back(&tensor);
  }

 private:
  void global(std::string_view name) { bytes_ += text("c", name, "\n"); }
  void tuple(const std::vector<Index>& numbers) {
    bytes_ += '(';
    for (const Index k : numbers) number(k);
    bytes_ += 't';
  }

  std::string bytes_ = "\x80\x02";
};

inline void write_torch_archive(const std::filesystem::path& path, const PickleWriter& pickle) {
  const std::string letters = pickle.finished(), order = "little", version = "3\n";
  ZipWriter zip(path);
  zip.add("archive/data.pkl", {std::as_bytes(std::span(letters))});
  zip.add("archive/byteorder", {std::as_bytes(std::span(order))});
  for (std::size_t k = 0; k < pickle.storages.size(); ++k)
    zip.add(text("archive/data/", k), {pickle.storages[k]->bytes});
  zip.add("archive/version", {std::as_bytes(std::span(version))});
  zip.commit();
}

/// Throws ValueError for an invalid tensor and for a name that is not UTF-8, which PyTorch could not read.
inline void check_torch_tensors(const SafeTensors& content) {
  for (const auto& [name, tensor] : content.tensors) (void)json_string(name), tensor.check_bytes();
}

}  // namespace detail

/// Writes a dictionary of tensors as torch.save does, atomically: `torch.load(path)` returns it. Throws FileError if
/// the file cannot be written, ValueError for a name that is not UTF-8 and a file of 4 GiB or more.
inline void write_pytorch_file(const std::filesystem::path& path, const SafeTensors& content) {
  detail::check_torch_tensors(content);
  detail::PickleWriter pickle;
  pickle.dictionary([&] {
    for (const auto& [name, tensor] : content.tensors) pickle.word(name), pickle.tensor(tensor);
  });
  detail::write_torch_archive(path, pickle);
}

/// Writes a checkpoint atomically: a dictionary of "state_dict" and "optimizer_state_dict". Throws as
/// write_pytorch_file, and ValueError unless `names` has the name of each tensor of the model once and each name of the
/// state has the form NUMBER.NAME.
inline void write_pytorch_checkpoint(const std::filesystem::path& path, const PyTorchCheckpoint& checkpoint) {
  const SafeTensors& model = checkpoint.model;
  detail::check_torch_tensors(model), detail::check_torch_tensors(checkpoint.state);
  const std::set<std::string> names(checkpoint.names.begin(), checkpoint.names.end());
  require<ValueError>(names.size() == checkpoint.names.size() && names.size() == model.tensors.size() &&
                          std::ranges::all_of(names, [&](const auto& name) { return model.contains(name); }),
                      path.string(), ": names must have the ", model.tensors.size(),
                      " names of the tensors of the model, each once, got others");
  std::map<std::int64_t, std::map<std::string, const Tensor*>> states;
  for (const auto& [name, tensor] : checkpoint.state.tensors) {
    const std::size_t digits = name.find_first_not_of("0123456789");
    require<ValueError>(digits > 0 && digits < 10 && name[digits] == '.', path.string(),
                        ": the name of a state must be NUMBER.NAME, got ", detail::in_quotes(name));
    states[std::stoll(name)][name.substr(digits + 1)] = &tensor;
  }
  detail::PickleWriter pickle;
  pickle.dictionary([&] {
    pickle.word("state_dict");
    pickle.dictionary([&] {
      for (const std::string& name : checkpoint.names) pickle.word(name), pickle.tensor(model.at(name));
    });
    pickle.word("optimizer_state_dict");
    pickle.dictionary([&] {
      pickle.word("state");
      pickle.dictionary([&] {
        for (const auto& item : states) {
          pickle.number(item.first);
          pickle.dictionary([&] {
            for (const auto& [name, tensor] : item.second) pickle.word(name), pickle.tensor(*tensor);
          });
        }
      });
      pickle.word("param_groups"), pickle.value(checkpoint.groups);
    });
  });
  detail::write_torch_archive(path, pickle);
}

}  // namespace unroll
