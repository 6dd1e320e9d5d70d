#pragma once
// Files of torch.save that hold a state_dict (.pt, .pth): a zip archive of stored members, NAME/data.pkl with a pickle
// and NAME/data/KEY with the numbers of each storage (PyTorch 1.6 and newer: torch/serialization.py).

#include <limits>
#include <map>
#include <optional>

#include "unroll/io/detail/pickle.hpp"
#include "unroll/io/detail/zip.hpp"
#include "unroll/io/formats/safetensors.hpp"

namespace unroll {

/// Options of read_pytorch_file.
struct PyTorchFileOptions {
  /// Key of the dictionary of tensors in the dictionary of the file, for example "ema"; "": the dictionary of the file
  /// itself. Default: the only dictionary with tensors, otherwise the only one under the key "state_dict",
  /// "model_state_dict", "model" or "module".
  std::optional<std::string> key = {};
};

namespace detail {

/// Tensor of a file of torch.save: a strided view of a storage.
struct TorchTensor {
  std::string name;
  std::string_view storage;
  DType dtype{};
  Index storage_elements = 0, offset = 0, elements = 1;
  std::vector<Index> sizes, strides;

  bool contiguous() const {
    Index expected = 1;  // at most the number of elements, if that is not 0
    for (std::size_t d = elements == 0 ? 0 : sizes.size(); d-- > 0; expected *= sizes[d])
      if (strides[d] != expected && sizes[d] != 1) return false;
    return true;
  }

  /// Copies the elements of the view in row-major order. The view must be within the storage.
  void copy(const std::byte* storage_bytes, std::byte* to) const {
    const auto each = std::size_t(traits_of(dtype).bytes);
    if (contiguous()) {
      std::copy_n(storage_bytes + std::size_t(offset) * each, std::size_t(elements) * each, to);
      return;
    }
    std::vector<Index> index(sizes.size());
    Index at = offset;
    for (Index n = 0; n < elements; ++n, to += each) {
      std::copy_n(storage_bytes + std::size_t(at) * each, each, to);
      for (std::size_t d = sizes.size(); d-- > 0;) {
        if (++index[d] < sizes[d]) {
          at += strides[d];
          break;
        }
        at -= (sizes[d] - 1) * strides[d];
        index[d] = 0;
      }
    }
  }
};

/// Checked description of a tensor of a pickle.
inline TorchTensor torch_tensor(const Pickle& pickle, const PickleValue& value, std::string_view name,
                                std::string_view file) {
  const auto expect = [&](bool good, const auto&... parts) {
    require<FileError>(
        good, file, ": tensor ", [&] { return in_quotes(name); }, ": ", parts...);
  };
  const PickleValue& storage = pickle[value.items[0]];
  TorchTensor tensor{std::string(name), storage.letters, storage.dtype, storage.number, value.number, 1, {}, {}};
  const std::size_t rank = pickle[value.items[1]].items.size(), strides_given = pickle[value.items[2]].items.size();
  expect(rank <= max_rank, "it must have at most ", max_rank, " dimensions, got ", rank);
  expect(strides_given == rank, "it must have ", rank, " strides, got ", strides_given);
  for (const bool strides : {false, true})
    for (const PickleRef ref : pickle[value.items[strides ? 2 : 1]].items) {
      expect(pickle[ref].kind == PickleKind::integer && pickle[ref].number >= 0,
             "its sizes and strides must be integers of at least 0");
      (strides ? tensor.strides : tensor.sizes).push_back(Index(pickle[ref].number));
    }
  Index last = tensor.offset;  // the largest place in the storage
  bool fits = tensor.offset >= 0 && tensor.offset <= tensor.storage_elements;
  for (std::size_t d = 0; d < rank; ++d) {
    const Index steps = tensor.sizes[d] - 1;
    fits = fits && !__builtin_mul_overflow(tensor.elements, tensor.sizes[d], &tensor.elements);
    Index reach = 0;
    if (steps > 0) fits = fits && !__builtin_mul_overflow(steps, tensor.strides[d], &reach);
    fits = fits && !__builtin_add_overflow(last, reach, &last);
  }
  expect(fits && (tensor.elements == 0 || last < tensor.storage_elements),
         "its offset, shape and strides do not fit into ", "the ", tensor.storage_elements, " elements of its storage");
  return tensor;
}

/// Tensor of a pickle with its name.
struct NamedPickle {
  std::string_view name;
  const PickleValue* value;
};

inline std::string_view letters_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Archive of torch.save in memory.
class TorchArchive {
 public:
  TorchArchive(std::span<const std::byte> bytes, const std::string& file)
      : zip_(opened(bytes, file), file), file_(file), file_bytes_(bytes.size()) {
    for (ZipMember& member : zip_.members()) members_.emplace(member.name, std::move(member));
    std::size_t pickles = 0;
    for (const auto& item : members_)
      if (const auto slash = item.first.find('/'); item.first.substr(std::min(slash, item.first.size())) == "/data.pkl")
        folder_ = item.first.substr(0, slash + 1), ++pickles;
    require<FileError>(pickles == 1, file_, ": is a zip archive without the member 'NAME/data.pkl' of torch.save");
    if (!members_.contains(folder_ + "byteorder")) return;
    const auto order = content("byteorder");
    const std::string_view word = letters_of(order);
    require<FileError>(word == "little", file_, ": its byte order must be 'little', got ", in_quotes(word),
                       "; save it again on a little-endian machine");
  }

  SafeTensors read(const PyTorchFileOptions& options) const {
    const auto bytes = content("data.pkl");
    const Pickle pickle = PickleReader(letters_of(bytes), file_).read();
    return tensors(pickle, named_tensors(pickle, chosen(pickle, options.key)));
  }

  /// Content of the member NAME/`name`, which the archive contains without compression.
  std::span<const std::byte> content(const std::string& name) const { return zip_.stored(stored(name)); }

  /// Tensors of a dictionary, in its order. Other entries are left out.
  static std::vector<NamedPickle> named_tensors(const Pickle& pickle, const PickleValue& dictionary) {
    std::vector<NamedPickle> all;
    for (std::size_t k = 0; k + 1 < dictionary.items.size(); k += 2) {
      const PickleValue &name = pickle[dictionary.items[k]], &value = pickle[dictionary.items[k + 1]];
      if (name.kind == PickleKind::text && value.kind == PickleKind::tensor) all.push_back({name.letters, &value});
    }
    return all;
  }

  /// Dictionary of tensors that `key` names, or the only one.
  const PickleValue& chosen(const Pickle& pickle, const std::optional<std::string>& key) const {
    const PickleValue& root = pickle[pickle.root];
    require<FileError>(root.kind == PickleKind::dictionary, file_,
                       ": must hold a dictionary of tensors, it holds another value; save the state_dict()");
    std::map<std::string_view, const PickleValue*> candidates;
    if (has_tensors(pickle, root)) candidates[""] = &root;
    std::map<PickleRef, bool> known;  // entries may be the same dictionary, which is searched once
    for (std::size_t k = 0; k < root.items.size(); k += 2) {
      const PickleValue& name = pickle[root.items[k]];
      if (name.kind != PickleKind::text) continue;
      const auto [found, is_new] = known.try_emplace(root.items[k + 1], false);
      if (is_new) found->second = has_tensors(pickle, pickle[found->first]);
      if (found->second) candidates[name.letters] = &pickle[found->first];
    }
    const auto listed = [&] {
      std::string list;
      std::size_t shown = 0;
      for (const auto& item : candidates)
        if (++shown <= 6) list += text(shown > 1 ? ", " : "", in_quotes(item.first));
      return list + (shown > 6 ? ", ..." : "");
    };
    require<FileError>(!candidates.empty(), file_, ": holds no dictionary with tensors");
    if (key) {
      const auto found = candidates.find(*key);
      require<FileError>(
          found != candidates.end(), file_, ": has no dictionary of tensors ", [&] { return in_quotes(*key); },
          "; there are ", listed);
      return *found->second;
    }
    if (candidates.size() == 1) return *candidates.begin()->second;
    std::vector<const PickleValue*> usual;
    for (const std::string_view name : {"state_dict", "model_state_dict", "model", "module"})
      if (const auto found = candidates.find(name); found != candidates.end()) usual.push_back(found->second);
    require<FileError>(usual.size() == 1, file_, ": holds ", candidates.size(),
                       " dictionaries with tensors; set `key` to one of ", listed, " ('' is the outer dictionary)");
    return *usual.front();
  }

  /// Tensors by name; strided views become row-major copies.
  SafeTensors tensors(const Pickle& pickle, const std::vector<NamedPickle>& values) const {
    SafeTensors all{{}, {{"format", "pt"}}, file_};
    std::span<const std::byte> storage;
    std::string_view read;
    for (const TorchTensor& tensor : checked(pickle, values)) {
      if (storage.empty() || read != tensor.storage) storage = content(text("data/", read = tensor.storage));
      const auto [at, is_new] = all.tensors.try_emplace(tensor.name, Tensor{tensor.dtype, tensor.sizes, {}});
      require<FileError>(is_new, file_, ": has two tensors ", [&] { return in_quotes(tensor.name); });
      make_room(at->second.bytes, std::uint64_t(tensor.elements * traits_of(tensor.dtype).bytes), file_);
      tensor.copy(storage.data(), at->second.bytes.data());
    }
    return all;
  }

 private:
  static std::span<const std::byte> opened(std::span<const std::byte> bytes, const std::string& file) {
    constexpr std::string_view legacy("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9", 9);  // a pickle of a magic number
    require<FileError>(!letters_of(bytes).starts_with(legacy), file,
                       ": has the format of torch.save before PyTorch 1.6; load it in PyTorch and save it again");
    return bytes;
  }

  const ZipMember& stored(const std::string& name) const {
    const auto found = members_.find(folder_ + name);
    require<FileError>(found != members_.end(), file_, ": has no member ", [&] { return in_quotes(folder_ + name); });
    require<FileError>(
        found->second.method == 0 && found->second.size == found->second.packed, file_, ": the member ",
        [&] { return in_quotes(folder_ + name); }, " must be stored, as torch.save does, it is compressed");
    return found->second;
  }

  static bool has_tensors(const Pickle& pickle, const PickleValue& value) {
    return value.kind == PickleKind::dictionary && !named_tensors(pickle, value).empty();
  }

  /// Descriptions of tensors, in the order of their storages.
  std::vector<TorchTensor> checked(const Pickle& pickle, const std::vector<NamedPickle>& values) const {
    std::vector<TorchTensor> all;
    double total = 0;
    for (const auto& [name, value] : values) {
      require<FileError>(name.size() <= max_name_bytes, file_, ": the name of a tensor must have at most ",
                         max_name_bytes, " bytes, got ", name.size());
      all.push_back(torch_tensor(pickle, *value, name, file_));
      const auto each = std::uint64_t(traits_of(all.back().dtype).bytes);
      const std::uint64_t size = stored(text("data/", all.back().storage)).size;
      require<FileError>(
          size % each == 0 && size / each == std::uint64_t(all.back().storage_elements), file_, ": tensor ",
          [&] { return in_quotes(all.back().name); }, ": its storage must have ", all.back().storage_elements,
          " elements of ", each, " bytes, it has ", size, " bytes");
      total += double(all.back().elements) * double(each);
    }
    // Views that overlap or repeat elements can have any size.
    const std::uint64_t most = std::max<std::uint64_t>(16'000'000, 3 * file_bytes_);
    require<FileError>(total <= double(most), file_, ": its tensors must have at most ", most,
                       " bytes (16 MB, or 3 times the bytes of the file), got ", total);
    std::ranges::stable_sort(all, {}, &TorchTensor::storage);
    return all;
  }

  ZipReader<> zip_;
  const std::string& file_;
  std::uint64_t file_bytes_;
  std::map<std::string, ZipMember> members_;
  std::string folder_;
};

/// Whether a file begins as one of torch.save: a zip archive, or the pickle of the older format.
inline bool is_torch_file(std::span<const std::byte> beginning) {
  const FileKind kind = kind_of_file(beginning);
  return kind == FileKind::zip || kind == FileKind::pytorch;
}

}  // namespace detail

/// Tensors of a file of torch.save in memory: of a dictionary, or of a dictionary in that dictionary. `file` is its
/// name in messages. Entries that are no tensors, such as numbers, are left out; strided views become row-major copies.
/// Throws FileError for a damaged file, for objects other than dictionaries, lists, tuples, numbers, texts and tensors
/// (nothing in the file is executed), for the format before PyTorch 1.6, and, with the keys, if the dictionary is
/// unclear.
inline SafeTensors parse_pytorch_file(std::span<const std::byte> bytes,
                                      const std::string& file = "PyTorch file in memory",
                                      const PyTorchFileOptions& options = {}) {
  return detail::TorchArchive(bytes, file).read(options);
}

/// Tensors of a file of torch.save or of a safetensors file, which its first bytes identify. Throws as
/// parse_pytorch_file and read_safetensors.
inline SafeTensors read_pytorch_file(const std::filesystem::path& path, const PyTorchFileOptions& options = {}) {
  std::array<std::byte, 256> beginning{};
  detail::InputFile file(path);
  file.read(std::span(beginning).first(std::size_t(std::min<std::uint64_t>(file.size(), beginning.size()))));
  if (!detail::is_torch_file(beginning)) return read_safetensors(path);
  const std::string bytes = detail::read_text(path);
  return parse_pytorch_file(std::as_bytes(std::span(bytes)), path.string(), options);
}

}  // namespace unroll
