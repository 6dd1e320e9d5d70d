#pragma once
// Comparison of a model with a Keras model, and conversion of the weights.

#include "unroll/io/keras/detail/own_layers.hpp"

namespace unroll::detail {

/// Layers of a model and those of a file that correspond to them. Dropout is omitted.
class KerasPairs {
 public:
  struct Pair {
    KerasLayer ours, theirs;
    std::string prefix;  // of the parameters
    std::size_t number;  // of the layer in the file
  };

  /// Throws FileError with the first difference.
  KerasPairs(const OwnKerasLayers& ours, const KerasFile& file) {
    const std::string& name = file.tensors.file;
    require<FileError>(
        file.features == ours.model.features && file.tokens == ours.model.tokens, name, ": the input must ",
        [&] { return input_text(ours.model); }, ", as in the model, got one that must ",
        [&] { return input_text(file); });
    std::vector<std::size_t> own_numbers, numbers;
    const auto mine = without_dropout(ours.model.layers, own_numbers);
    const auto theirs = without_dropout(file.layers, numbers);
    for (std::size_t k = 0; k < std::max(mine.size(), theirs.size()); ++k) {
      if (k >= mine.size() || k >= theirs.size())
        throw FileError(k < mine.size()
                            ? text(name, ": there must be a ", name_of(mine[k]), ", as in the model, got none")
                            : text(name, ": ", name_of(theirs[k]), " must be absent, as in the model"));
      compare(mine[k], theirs[k], name);
      pairs_.push_back({mine[k], theirs[k], ours.prefixes[own_numbers[k]], numbers[k]});
    }
  }

  const std::vector<Pair>& all() const { return pairs_; }

 private:
  static std::string input_text(const KerasFile& model) {
    return model.tokens ? "be tokens" : text("have ", model.features, " features");
  }

  static std::vector<KerasLayer> without_dropout(const std::vector<KerasLayer>& layers,
                                                 std::vector<std::size_t>& numbers) {
    std::vector<KerasLayer> kept;
    std::vector<std::size_t> left, place{0};  // place: numbers of outputs after the removal
    for (std::size_t k = 0; k < layers.size(); ++k) {
      if (is_dropout(layers[k].kind)) {
        place.push_back(place[layers[k].reads.front()]);
        continue;
      }
      kept.push_back(layers[k]);
      for (std::size_t& from : kept.back().reads) from = place[from];
      left.push_back(k);
      place.push_back(kept.size());
    }
    if (kept.empty()) return kept;
    return in_keras_order(kept, [&](std::size_t k) { numbers.push_back(left[k]); });
  }

  static void compare(const KerasLayer& ours, const KerasLayer& theirs, const std::string& file) {
    const auto differ = [&](std::string_view what, const std::string& mine, const std::string& other) {
      throw FileError(text(file, ": ", name_of(theirs), ": ", what, " must be ", mine, ", as in ", in_quotes(ours.name),
                           " of the model, got ", other));
    };
    if (ours.kind != theirs.kind) differ("the class", ours.kind, theirs.kind);
    for (const auto& [name, value] : ours.options.items()) {
      if (name == "momentum" || !theirs.options.contains(name)) continue;
      const auto& other = theirs.options[name];
      const bool may_lack = name == "use_bias" && value == true;
      // Keras 2 stores some numbers as float.
      const bool both = value.is_number_float() && other.is_number();
      const bool same = both ? float(value.get<double>()) == float(other.get<double>()) : value == other;
      if (!may_lack && !same) differ(name, value.dump(), other.dump());
    }
    if (ours.reads != theirs.reads) differ("the inputs", list_of(ours.reads), list_of(theirs.reads));
  }
  static std::string list_of(const std::vector<std::size_t>& reads) {
    std::string all;
    for (const std::size_t from : reads)
      all += text(all.empty() ? "" : ", ", from == 0 ? "the input" : text("layer ", from - 1));
    return all;
  }

  std::vector<Pair> pairs_;
};

/// Weights of a layer in the form of Keras, "kernel", "forward.bias", ..., from its parameters "PREFIX*".
template <class Scalar>
SafeTensors keras_weights(const KerasLayer& layer, const std::string& prefix, const Parameters<Scalar>& from) {
  SafeTensors to;
  const std::string& kind = layer.kind;
  if (is_recurrent(kind)) write_keras(from, prefix, to, "");
  if (kind == "Bidirectional")
    for (const char* direction : {"forward.", "backward."}) write_keras(from, prefix + direction, to, direction);
  if (kind.starts_with("Conv1D")) write_keras_convolution(from, prefix, to, "");
  if (kind.ends_with("Normalization")) write_keras_norm(from, prefix, to, "");
  if (kind == "Embedding" || kind == "Dense")
    to.tensors[kind == "Dense" ? "kernel" : "embeddings"] =
        Tensor::of(MatrixX<Scalar>(from[prefix + "weight"].transpose()));
  if (const ParameterBlock* bias = from.table().find(prefix + "bias"); kind == "Dense" && bias != nullptr)
    to.tensors["bias"] = tensor_of(from, *bias);
  return to;
}

/// Reads the weights "FROM*" of a layer into its parameters "PREFIX*".
template <class Scalar>
void read_keras_weights(TensorReader& file, const std::string& from, const KerasLayer& layer, const std::string& prefix,
                        Parameters<Scalar>& to) {
  const std::string& kind = layer.kind;
  if (is_recurrent(kind)) read_keras(file, from, to, prefix);
  if (kind == "Bidirectional")
    for (const char* direction : {"forward.", "backward."}) read_keras(file, from + direction, to, prefix + direction);
  if (kind.starts_with("Conv1D")) read_keras_convolution(file, from, to, prefix);
  if (kind.ends_with("Normalization")) read_keras_norm(file, from, to, prefix);
  if (kind != "Embedding" && kind != "Dense") return;
  const ParameterBlock &weight = to.table().at(prefix + "weight"), *bias = to.table().find(prefix + "bias");
  const char* const name = kind == "Dense" ? "kernel" : "embeddings";
  to.block(weight) = file.matrix<Scalar>(from + name, {weight.cols, weight.rows}).transpose();
  if (bias != nullptr) to.block(*bias) = file.matrix<Scalar>(from + "bias", {bias->rows});
}

/// Adds biases of 0 to the tensors of a layer of a file that has none.
inline void add_biases(SafeTensors& file, const KerasPairs::Pair& pair, Index features) {
  if (!pair.ours.options.contains("use_bias") || pair.ours.options["use_bias"] == pair.theirs.options["use_bias"])
    return;
  for (const auto& [name, shape] : weights_of(pair.ours, features)) {
    Index size = 1;
    for (const Index extent : shape) size *= extent;
    if (name.ends_with("bias"))
      file.tensors[text(pair.number, ".", name)] = Tensor::of(std::vector<double>(std::size_t(size), 0.0), shape);
  }
}

/// Parameters with the weights `all` of a file. Throws FileError and ShapeError for weights that do not fit.
template <class Scalar>
Parameters<Scalar> keras_parameters(const Parameters<Scalar>& from, const KerasPairs& pairs, SafeTensors all) {
  for (const KerasPairs::Pair& pair : pairs.all()) add_biases(all, pair, 1);  // the shapes of biases need no features
  TensorReader reader(all);
  Parameters<Scalar> loaded = from;
  for (const KerasPairs::Pair& pair : pairs.all())
    read_keras_weights(reader, text(pair.number, "."), pair.ours, pair.prefix, loaded);
  reader.require_all_used();
  return loaded;
}

}  // namespace unroll::detail
