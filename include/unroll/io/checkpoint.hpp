#pragma once
// Checkpoints of training runs, for bitwise resumption: numbers are stored exactly, in their type.

#include <string>
#include <string_view>
#include <utility>

#include "unroll/io/formats/safetensors.hpp"

namespace unroll {
namespace detail {

template <class O>
std::string optimizer_name() {
  if constexpr (requires { O::Options::name; }) {
    return std::string(O::Options::name);
  } else {
    return "of its own kind";
  }
}

/// Visitor of `visit_state` that writes the values to a file.
class StateWriter {
 public:
  StateWriter(SafeTensors& file, std::string_view prefix) : file_(file), prefix_(prefix) {}

  template <class T>
  void operator()(std::string_view name, const VectorX<T>& value) {
    file_.tensors[text(prefix_, name)] = Tensor::of(value);
  }
  void operator()(std::string_view name, const std::string& value) { file_.metadata[text(prefix_, name)] = value; }
  template <class T>
  requires std::is_arithmetic_v<T>
  void operator()(std::string_view name, const T& value) {
    file_.tensors[text(prefix_, name)] = Tensor::of(std::span(&value, 1), {});
  }

 private:
  SafeTensors& file_;
  std::string_view prefix_;
};

/// Visitor of `visit_state` that reads the values from a file.
class StateReader {
 public:
  StateReader(const SafeTensors& file, std::string_view prefix) : file_(file), prefix_(prefix) {}

  template <class T>
  void operator()(std::string_view name, VectorX<T>& value) {
    if (is_newer(name)) return value.resize(0);
    const auto numbers = values<T>(name, 1);
    value = Eigen::Map<const VectorX<T>>(numbers.data(), Index(numbers.size()));
  }
  void operator()(std::string_view name, std::string& value) {
    if (is_newer(name)) return value.clear();
    const auto found = file_.metadata.find(text(prefix_, name));
    require<FileError>(found != file_.metadata.end(), file_.file, ": no metadata '", prefix_, name,
                       "'; this is not a checkpoint of a training run");
    value = found->second;
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  void operator()(std::string_view name, T& value) { value = is_newer(name) ? T() : values<T>(name, 0).front(); }

 private:
  /// Whether the file was written before a TrainingState had its PartialEpoch or the losses of Losses. No epoch is
  /// partial then, there is one loss, and all parts of these are 0 or empty.
  bool is_newer(std::string_view name) const {
    for (const std::string_view added : {"training.partial.", "training.losses."}) {
      if (!text(prefix_, name).starts_with(added)) continue;
      const auto first = file_.tensors.lower_bound(std::string(added));
      return first == file_.tensors.end() || !first->first.starts_with(added);
    }
    return false;
  }

  /// Throws for other element types, because a conversion could change bits.
  template <class T>
  std::vector<T> values(std::string_view part, std::size_t dimensions) const {
    const std::string full = text(prefix_, part);
    const Tensor& tensor = file_.at(full);
    require<FileError>(tensor.dtype == dtype_of<T>() && tensor.shape.size() == dimensions, file_.file, ": '", full,
                       "' must be ", name(dtype_of<T>()), " with ", dimensions, " dimensions, got ", name(tensor.dtype),
                       " ", [&] { return shape_text(tensor.shape); });
    return tensor.to<T>();
  }

  const SafeTensors& file_;
  std::string_view prefix_;
};

}  // namespace detail

/// Writes a TrainingState and its optimizer atomically. Throws FileError.
template <class State, class O>
void write_checkpoint(const std::filesystem::path& path, State& state, O& optimizer) {
  SafeTensors file;
  file.metadata["optimizer"] = detail::optimizer_name<O>();
  state.visit_state(detail::StateWriter(file, "training."));
  optimizer.visit_state(detail::StateWriter(file, "optimizer."));
  write_safetensors(path, file);
}

/// Reads a checkpoint for `fit(model, loss, optimizer, data, options, state)`, which checks that model, data and seed
/// are those of the run. The file does not contain options: construct the optimizer with the same ones. Throws
/// FileError for other files, another kind of optimizer or another scalar type; state and optimizer are then unchanged.
template <class State, class O>
void read_checkpoint(const std::filesystem::path& path, State& state, O& optimizer) {
  const SafeTensors file = read_safetensors(path);
  std::string kind;
  detail::StateReader(file, "")("optimizer", kind);
  require<FileError>(
      kind == detail::optimizer_name<O>(), file.file, ": the optimizer must be ",
      [&] { return detail::in_quotes(kind); }, ", as in the run, got '", detail::optimizer_name<O>(), "'");
  State read_state = state;
  O read_optimizer = optimizer;
  read_state.visit_state(detail::StateReader(file, "training."));
  read_optimizer.visit_state(detail::StateReader(file, "optimizer."));
  state = std::move(read_state);
  optimizer = std::move(read_optimizer);
}

/// Callback for `FitOptions::on_epoch` that writes a checkpoint every `every` epochs and overwrites the previous one.
/// `state` and `optimizer` must be those passed to `fit`. To save within epochs and when a callback stops the training,
/// call write_checkpoint in FitOptions::on_checkpoint instead. Throws ValueError unless every >= 1.
template <class State, class O>
auto checkpoint_every(Index every, std::filesystem::path path, State& state, O& optimizer) {
  require<ValueError>(every >= 1, "checkpoint: every must be at least 1 epoch, got ", every);
  return [every, path = std::move(path), &state, &optimizer](const auto&) {
    if (state.epochs % every == 0) write_checkpoint(path, state, optimizer);
    return true;
  };
}

}  // namespace unroll
