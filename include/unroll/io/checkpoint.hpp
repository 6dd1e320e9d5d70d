#pragma once
// A training run in a file, to be resumed bit for bit: numbers are stored as they are, in their own type.

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

/// Collects what `visit_state` shows.
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

/// Fills what `visit_state` shows.
class StateReader {
 public:
  StateReader(const SafeTensors& file, std::string_view prefix) : file_(file), prefix_(prefix) {}

  template <class T>
  void operator()(std::string_view name, VectorX<T>& value) {
    const auto numbers = values<T>(name, 1);
    value = Eigen::Map<const VectorX<T>>(numbers.data(), Index(numbers.size()));
  }
  void operator()(std::string_view name, std::string& value) {
    const auto found = file_.metadata.find(text(prefix_, name));
    require<FileError>(found != file_.metadata.end(), file_.file, ": no metadata '", prefix_, name,
                       "'; this is not a checkpoint of a training run");
    value = found->second;
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  void operator()(std::string_view name, T& value) { value = values<T>(name, 0).front(); }

 private:
  /// A conversion of types would change bits, so there is none.
  template <class T>
  std::vector<T> values(std::string_view part, std::size_t dimensions) const {
    const std::string full = text(prefix_, part);
    const Tensor& tensor = file_.at(full);
    require<FileError>(
        tensor.dtype == dtype_of<T>() && tensor.shape.size() == dimensions, file_.file, ": '", full, "' is ",
        name(tensor.dtype), " ", [&] { return shape_text(tensor.shape); }, ", expected ", name(dtype_of<T>()), " with ",
        dimensions, " dimensions");
    return tensor.to<T>();
  }

  const SafeTensors& file_;
  std::string_view prefix_;
};

}  // namespace detail

/// Writes a TrainingState and the optimizer that belongs to it, completely or not at all. Throws FileError.
template <class State, class O>
void write_checkpoint(const std::filesystem::path& path, State& state, O& optimizer) {
  SafeTensors file;
  file.metadata["optimizer"] = detail::optimizer_name<O>();
  state.visit_state(detail::StateWriter(file, "training."));
  optimizer.visit_state(detail::StateWriter(file, "optimizer."));
  write_safetensors(path, file);
}

/// Reads them back for `fit(model, loss, optimizer, data, options, state)`; `fit` checks that model, data and seed are
/// those of the run. Options are not in the file: give the optimizer those it had. Throws FileError for anything but
/// such a file, also one of another kind of optimizer or another type of numbers, and leaves both as they were.
template <class State, class O>
void read_checkpoint(const std::filesystem::path& path, State& state, O& optimizer) {
  const SafeTensors file = read_safetensors(path);
  std::string kind;
  detail::StateReader(file, "")("optimizer", kind);
  require<FileError>(
      kind == detail::optimizer_name<O>(), file.file, ": the run was trained with ",
      [&] { return detail::in_quotes(kind); }, ", the optimizer given is ", detail::optimizer_name<O>());
  State read_state = state;
  O read_optimizer = optimizer;
  read_state.visit_state(detail::StateReader(file, "training."));
  read_optimizer.visit_state(detail::StateReader(file, "optimizer."));
  state = std::move(read_state);
  optimizer = std::move(read_optimizer);
}

/// For `FitOptions::on_epoch`: writes a checkpoint after every `every` epochs, the newest over the one before. State
/// and optimizer must be those given to `fit`. Throws ValueError unless every >= 1.
template <class State, class O>
auto checkpoint_every(Index every, std::filesystem::path path, State& state, O& optimizer) {
  require<ValueError>(every >= 1, "checkpoint: every is ", every, " epochs, expected at least 1");
  return [every, path = std::move(path), &state, &optimizer](const auto&) {
    if (state.epochs % every == 0) write_checkpoint(path, state, optimizer);
    return true;
  };
}

}  // namespace unroll
