#pragma once
// Pickles that torch.save writes for dictionaries of tensors (protocol 2; opcodes: Python's pickletools.py; functions:
// PyTorch's torch/_utils.py). Nothing is executed: the functions below build values, all others are refused by name.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/formats/tensor.hpp"

namespace unroll::detail {

/// Number of a value in `Pickle::values`. Several values may refer to the same one, even to themselves.
using PickleRef = std::uint32_t;

enum class PickleKind { none, boolean, integer, real, text, global, tuple, list, dictionary, storage, tensor };

/// Value of a pickle. Views refer to the bytes of the pickle.
struct PickleValue {
  PickleKind kind = PickleKind::none;
  DType dtype{};                      ///< storage
  std::int64_t number = 0;            ///< integer; boolean: 0 or 1; real: bits; storage: elements; tensor: offset
  std::string_view letters = {};      ///< text; global: module, line end, name; storage: key
  std::vector<PickleRef> items = {};  ///< tuple, list; dictionary: key, value, ...; tensor: storage, sizes, strides
};

struct Pickle {
  std::vector<PickleValue> values;
  PickleRef root = 0;

  const PickleValue& operator[](PickleRef ref) const { return values[ref]; }
};

/// Limit of this reader.
inline constexpr std::size_t max_pickle_bytes = 32'000'000;

struct TorchStorage {
  std::string_view name;
  DType dtype;
};
inline constexpr std::array torch_storages{
    TorchStorage{"torch\nFloatStorage", DType::F32}, TorchStorage{"torch\nDoubleStorage", DType::F64},
    TorchStorage{"torch\nHalfStorage", DType::F16},  TorchStorage{"torch\nBFloat16Storage", DType::BF16},
    TorchStorage{"torch\nLongStorage", DType::I64},  TorchStorage{"torch\nIntStorage", DType::I32},
    TorchStorage{"torch\nShortStorage", DType::I16}, TorchStorage{"torch\nCharStorage", DType::I8},
    TorchStorage{"torch\nByteStorage", DType::U8},   TorchStorage{"torch\nBoolStorage", DType::BOOL}};

inline constexpr std::string_view ordered_dict = "collections\nOrderedDict", torch_size = "torch\nSize",
                                  rebuild_tensor = "torch._utils\n_rebuild_tensor_v2",
                                  rebuild_parameter = "torch._utils\n_rebuild_parameter";

/// Interpreter of a pickle. Memory is proportional to the number of operations; nothing recurses.
class PickleReader {
 public:
  PickleReader(std::string_view bytes, std::string_view file)
      : rest_(bytes), file_(file), most_(250'000 + bytes.size() / 32) {}

  Pickle read() {
    require<FileError>(rest_.size() <= max_pickle_bytes, file_, ": its pickle must have at most ", max_pickle_bytes,
                       " bytes, got ", rest_.size());
    while (step(std::to_integer<unsigned>(std::byte(take(1).front())))) {
    }
    pickle_.root = pop();
    expect(stack_.empty() && marks_.empty() && rest_.empty(), "its end is not the end of its value");
    return std::move(pickle_);
  }

 private:
  using Kind = PickleKind;

  template <class... Parts>
  void expect(bool condition, const Parts&... parts) const {
    require<FileError>(condition, file_, ": its pickle is damaged: ", parts...);
  }

  std::string_view take(std::uint64_t size) {
    expect(size <= rest_.size(), "it ends too early");
    const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(taken.size());
    return taken;
  }
  /// Little-endian number of at most 8 bytes.
  std::uint64_t word(std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t shift = 0; const char byte : take(size)) value |= std::uint64_t(std::uint8_t(byte)) << 8 * shift++;
    return value;
  }
  /// The same as a number of two's complement.
  std::int64_t signed_word(std::size_t size) {
    const auto unused = static_cast<int>(64 - 8 * size);
    return size == 0 ? 0 : static_cast<std::int64_t>(word(size) << unused) >> unused;
  }
  std::string_view line() {
    const auto end = rest_.find('\n');
    expect(end != rest_.npos, "it ends too early");
    const std::string_view taken = take(end + 1);
    return taken.substr(0, end);
  }

  void limit(std::size_t count) const {
    require<FileError>(count < most_, file_, ": its pickle must have at most ", most_, " values, it has more");
  }
  void push(PickleValue value) {
    limit(pickle_.values.size());
    stack_.push_back(PickleRef(pickle_.values.size()));
    pickle_.values.push_back(std::move(value));
  }
  std::size_t bottom() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleRef pop() {
    expect(stack_.size() > bottom(), "a value is missing");
    const PickleRef top = stack_.back();
    stack_.pop_back();
    return top;
  }
  std::vector<PickleRef> pop(std::size_t count) {
    expect(stack_.size() - bottom() >= count, "a value is missing");
    std::vector<PickleRef> values(stack_.end() - std::ptrdiff_t(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }
  std::vector<PickleRef> pop_to_mark() {
    expect(!marks_.empty(), "a mark is missing");
    auto values = pop(stack_.size() - bottom());
    marks_.pop_back();
    return values;
  }

  const PickleValue& at(PickleRef ref) const { return pickle_.values[ref]; }
  PickleValue& at(PickleRef ref) { return pickle_.values[ref]; }
  const PickleValue& argument(const PickleValue& tuple, std::size_t k, Kind kind) const {
    expect(k < tuple.items.size() && at(tuple.items[k]).kind == kind, "an argument is missing or of another type");
    return at(tuple.items[k]);
  }
  void append(const std::vector<PickleRef>& values, Kind kind) {
    const PickleRef to = pop();
    expect(at(to).kind == kind && (kind == Kind::list || values.size() % 2 == 0), "it adds to a value of another type");
    at(to).items.insert(at(to).items.end(), values.begin(), values.end());
    stack_.push_back(to);
  }

  /// Runs an operation; returns false for the last one.
  bool step(unsigned operation) {
    switch (operation) {
      case '.':  // STOP
        return false;
      case 0x80:  // PROTO
        return protocol(word(1));
      case '(':  // MARK
        return limit(marks_.size()), marks_.push_back(stack_.size()), true;
      case 'N':  // NONE
        return push({}), true;
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        return push({.kind = Kind::boolean, .number = operation == 0x88}), true;
      case 'K':  // BININT1
      case 'M':  // BININT2
        return push({.kind = Kind::integer, .number = std::int64_t(word(operation == 'K' ? 1 : 2))}), true;
      case 'J':  // BININT
        return push({.kind = Kind::integer, .number = signed_word(4)}), true;
      case 0x8a:  // LONG1
        return push_long(word(1)), true;
      case 'G':  // BINFLOAT
        return push({.kind = Kind::real, .number = std::int64_t(__builtin_bswap64(word(8)))}), true;
      case 'X':  // BINUNICODE
        return push({.kind = Kind::text, .letters = take(word(4))}), true;
      case ')':  // EMPTY_TUPLE
        return push({.kind = Kind::tuple}), true;
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87:  // TUPLE3
        return push({.kind = Kind::tuple, .items = pop(operation - 0x84)}), true;
      case 't':  // TUPLE
        return push({.kind = Kind::tuple, .items = pop_to_mark()}), true;
      case ']':  // EMPTY_LIST
        return push({.kind = Kind::list}), true;
      case 'a':  // APPEND
      case 'e':  // APPENDS
        return append(operation == 'a' ? pop(1) : pop_to_mark(), Kind::list), true;
      case '}':  // EMPTY_DICT
        return push({.kind = Kind::dictionary}), true;
      case 's':  // SETITEM
      case 'u':  // SETITEMS
        return append(operation == 's' ? pop(2) : pop_to_mark(), Kind::dictionary), true;
      default:
        return step_of_objects(operation);
    }
  }

  bool step_of_objects(unsigned operation) {
    switch (operation) {
      case 'q':  // BINPUT
      case 'r':  // LONG_BINPUT
        return remember(word(operation == 'q' ? 1 : 4)), true;
      case 'h':  // BINGET
      case 'j':  // LONG_BINGET
        return recall(word(operation == 'h' ? 1 : 4)), true;
      case 'c':  // GLOBAL
        return push_global(), true;
      case 'Q':  // BINPERSID
        return push_storage(at(pop())), true;
      case 'R':  // REDUCE
        return reduce(pop(2)), true;
      case 'b':  // BUILD: attributes of a dictionary, such as the versions of the modules
        pop();
        expect(stack_.size() > bottom() && at(stack_.back()).kind == Kind::dictionary,
               "only a dictionary can have attributes");
        return true;
      default:
        require<FileError>(false, file_, ": its pickle has the operation ", operation,
                           ", which torch.save does not use for a state_dict; save the state_dict() alone");
        return false;
    }
  }

  bool protocol(std::uint64_t number) const {
    require<FileError>(number == 2, file_, ": the protocol of its pickle must be 2, the default of torch.save, got ",
                       number);
    return true;
  }

  /// Integers beyond 64 bits, for example seeds, are of no use here.
  void push_long(std::uint64_t bytes) {
    const bool fits = bytes <= 8;
    push({.kind = fits ? Kind::integer : Kind::none, .number = fits ? signed_word(std::size_t(bytes)) : 0});
    if (!fits) take(bytes);
  }

  void remember(std::uint64_t number) {
    expect(stack_.size() > bottom(), "a value is missing");
    limit(memo_.size()), memo_[number] = stack_.back();
  }
  void recall(std::uint64_t number) {
    const auto found = memo_.find(number);
    expect(found != memo_.end(), "it refers to a value that it does not have");
    stack_.push_back(found->second);
  }

  void push_global() {
    const std::string_view module = line(), name = line();
    const std::string_view both(module.data(), module.size() + 1 + name.size());
    const bool known = both == ordered_dict || both == torch_size || both == rebuild_tensor ||
                       both == rebuild_parameter || std::ranges::count(torch_storages, both, &TorchStorage::name) > 0;
    require<FileError>(
        known, file_, ": holds an object of class ", [&] { return in_quotes(text(module, ".", name)); },
        "; save its state_dict() instead");
    push({.kind = Kind::global, .letters = both});
  }

  /// ("storage", class, key, device, number of elements)
  void push_storage(const PickleValue& id) {
    expect(id.kind == Kind::tuple && id.items.size() == 5 && argument(id, 0, Kind::text).letters == "storage",
           "it refers to something else than a storage");
    const auto type = std::ranges::find(torch_storages, argument(id, 1, Kind::global).letters, &TorchStorage::name);
    expect(type != torch_storages.end(), "a storage has no element type");
    const std::int64_t elements = argument(id, 4, Kind::integer).number;
    expect(elements >= 0, "a storage must have at least 0 elements, got ", elements);
    push({.kind = Kind::storage,
          .dtype = type->dtype,
          .number = elements,
          .letters = argument(id, 2, Kind::text).letters});
  }

  void reduce(const std::vector<PickleRef>& call) {
    const PickleValue &function = at(call[0]), &arguments = at(call[1]);
    expect(function.kind == Kind::global && arguments.kind == Kind::tuple, "it calls something else than a function");
    if (function.letters == ordered_dict) {
      expect(arguments.items.empty(), "an OrderedDict has arguments");
      push({.kind = Kind::dictionary});
    } else if (function.letters == torch_size) {
      argument(arguments, 0, Kind::tuple);
      stack_.push_back(arguments.items[0]);
    } else if (function.letters == rebuild_parameter) {
      argument(arguments, 0, Kind::tensor);
      stack_.push_back(arguments.items[0]);
    } else {
      expect(function.letters == rebuild_tensor, "it calls a class of storages");
      argument(arguments, 0, Kind::storage), argument(arguments, 2, Kind::tuple), argument(arguments, 3, Kind::tuple);
      push({.kind = Kind::tensor,
            .number = argument(arguments, 1, Kind::integer).number,
            .items = {arguments.items[0], arguments.items[2], arguments.items[3]}});
    }
  }

  std::string_view rest_, file_;
  std::size_t most_;  // values and marks, which take about 100 bytes each
  Pickle pickle_;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint64_t, PickleRef> memo_;
};

}  // namespace unroll::detail
