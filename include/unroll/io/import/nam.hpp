#pragma once
// Models of Neural Amp Modeler (https://github.com/sdatkinson/neural-amp-modeler): files .nam with the architecture
// LSTM, i.e. LSTM layers of equal sizes and a dense layer with one output. The initial states belong to the model.
//
//     const auto amp = open_nam<float>("amp.nam");
//     const Streaming player(amp.model);
//     auto stream = player.stream();
//     player.set_state(stream, amp.first);                     // reset() would set the states to 0

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/cells/lstm.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/io/import/detail/json_node.hpp"
#include "unroll/io/import/gate_orders.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/models/stack.hpp"
#include "unroll/parameters/finite.hpp"

namespace unroll {

/// Content of a .nam file besides the model.
struct NamOptions {
  std::optional<double> sample_rate = {};  ///< steps per second
  std::string metadata = "{}";             ///< a JSON object, such as {"name": "an amplifier"}
};

/// Content of a .nam file.
struct NamFile {
  Index features = 0, units = 0, layers = 0;  ///< inputs per step, units of each LSTM layer, number of LSTM layers
  std::vector<double> weights = {};           ///< in the order of the file, which import_nam converts
  NamOptions options = {};
  std::string file = "NAM's JSON";  ///< its name for messages
};

/// Model of a .nam file with its initial states.
template <class S>
struct NamModel {
  Stack<S> model;
  ModelState<S> first;  ///< for one sequence, as passes and Streaming::set_state take them
  NamOptions options = {};
};

namespace detail {

/// Number of weights: per layer W [4 units x (inputs + units)], biases, h and c; then those of the dense layer. It is
/// exact where it can be the length of a list.
inline double nam_weights(Index features, Index units, Index layers) {
  const auto of_layer = [&](Index inputs) {
    return 4.0 * double(units) * double(inputs + units + 1) + 2.0 * double(units);
  };
  return of_layer(features) + double(layers - 1) * of_layer(units) + double(units) + 1;
}

/// LSTM layers of a model, and its dense layer, in the form of Neural Amp Modeler.
struct NamLayers {
  std::vector<std::size_t> lstm = {};  // their numbers
  std::size_t dense = 0;
  Index units = 0;
};

/// Throws ValueError for a model that is not LSTM layers of equal sizes and a dense layer with one output.
template <class Model>
NamLayers nam_layers(const Model& model) {
  NamLayers all;
  bool whole = false;
  model.each_layer([&](const auto& layer, std::size_t k) {
    const LayerOptions options = layer.options();
    const std::string kind = word_of(options, "layer");
    const auto expect = [&](bool good, std::string_view what) {
      require<ValueError>(good, "Neural Amp Modeler: layer ", k, " (", layer.name(), ") ", what);
    };
    if (kind == "dropout") return;
    expect(!whole, "must not follow the dense layer, which must be the last one");
    expect(kind == "recurrent" || kind == "dense", "must be lstm or dense");
    whole = kind == "dense", all.dense = k;
    expect(!whole || (!all.lstm.empty() && model.shape(k + 1).features == 1), "must have 1 unit and follow an lstm");
    if (whole) return;
    expect(word_of(options, "direction") == "forward", "must run forward, got backward");
    expect(word_of(options, "returns") == "steps", "must return all steps, got the last one");
    const GateLayout layout(model.parameters().table(), text(k, "."), System::nam);
    expect(all.lstm.empty() || layout.units() == all.units, "must have as many units as the lstm before it");
    all.lstm.push_back(k), all.units = layout.units();
  });
  require<ValueError>(whole, "Neural Amp Modeler: the last layer must be dense");
  return all;
}

/// Weights of a list one after the other.
template <class S>
class NamReader {
 public:
  explicit NamReader(const std::vector<double>& from) : next_(from.data()) {}

  MatrixX<S> matrix(Index rows, Index cols) {
    using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::Map<const Rows> numbers(next_, rows, cols);
    next_ += rows * cols;
    return numbers.template cast<S>();
  }

 private:
  const double* next_;
};

inline void append(std::vector<double>& to, const auto& matrix) {
  for (Index row = 0; row < matrix.rows(); ++row)
    for (Index col = 0; col < matrix.cols(); ++col) to.push_back(double(matrix(row, col)));
}

/// Throws ShapeError unless `first` is empty or has the states of one sequence.
template <class Model>
void check_nam_states(const Model& model, const NamLayers& layers, const ModelState<typename Model::Scalar>& first) {
  require<ShapeError>(first.empty() || first.size() == model.depth(),
                      "Neural Amp Modeler: the number of initial states must be that of the layers, ", model.depth(),
                      ", got ", first.size());
  if (first.empty()) return;
  for (const std::size_t k : layers.lstm)
    require<ShapeError>(
        first[k].empty() ||
            (first[k].size() == 2 &&
             std::ranges::all_of(first[k],
                                 [&](const auto& state) { return state.rows() == layers.units && state.cols() == 1; })),
        "Neural Amp Modeler: layer ", k, ": the initial states must be h and c, each ", layers.units, " x 1");
}

}  // namespace detail

/// Parses a .nam text; `file` is its name for messages. Throws FileError for another architecture, named in the
/// message, for another version than 0.5, and a list of weights of another length than the sizes require.
inline NamFile parse_nam(std::string_view text, std::string file = "NAM's JSON") {
  const auto json = detail::parse_json<nlohmann::json>(text, file);
  const detail::JsonNode all(json, file);
  all.at("architecture").expect(all.at("architecture").word() == "LSTM", "LSTM");
  all.at("version").expect(all.at("version").word().starts_with("0.5."), "0.5.0 or a later version 0.5");
  const detail::JsonNode config = all.at("config");
  NamFile to;
  to.file = file;
  to.features = config.at("input_size").count();
  to.units = config.at("hidden_size").count();
  to.layers = config.at("num_layers").count();
  config.at("num_layers")
      .expect(std::size_t(to.layers) <= detail::most_json_layers, unroll::text("at most ", detail::most_json_layers));
  if (config.has("out_channels")) config.at("out_channels").expect(config.at("out_channels").count() == 1, "1");
  const Tensor weights = all.at("weights").tensor();
  const double expected = detail::nam_weights(to.features, to.units, to.layers);
  all.at("weights").expect(weights.shape.size() == 1 && double(weights.shape[0]) == expected,
                           unroll::text("a list of ", expected, " numbers"));
  to.weights = weights.to<double>();
  if (all.has("sample_rate")) {
    to.options.sample_rate = all.at("sample_rate").number();
    all.at("sample_rate").expect(*to.options.sample_rate > 0, "above 0");
  }
  if (all.has("metadata")) {
    all.at("metadata").expect(all.at("metadata").json().is_object(), "an object");
    to.options.metadata = all.at("metadata").json().dump();
  }
  return to;
}

/// Reads a .nam file. Throws as parse_nam.
inline NamFile read_nam(const std::filesystem::path& path) { return parse_nam(detail::read_text(path), path.string()); }

/// Sets the parameters of a model from a file and returns the initial states. Throws ValueError for a model that Neural
/// Amp Modeler does not have, FileError for other sizes than the file's and numbers that Scalar cannot represent. After
/// an exception the model is unchanged.
template <class Model>
ModelState<typename Model::Scalar> import_nam(Model& model, const NamFile& file) {
  using Scalar = typename Model::Scalar;
  const detail::NamLayers ours = detail::nam_layers(model);
  const auto same = [&](const char* name, Index mine, Index theirs) {
    require<FileError>(mine == theirs, file.file, ": ", name, " must be ", mine, ", as in the model, got ", theirs);
  };
  same("input_size", model.features(), file.features);
  same("num_layers", Index(ours.lstm.size()), file.layers);
  same("hidden_size", ours.units, file.units);
  same("the number of weights", Index(detail::nam_weights(file.features, file.units, file.layers)),
       Index(file.weights.size()));
  for (const double number : file.weights)
    require<FileError>(detail::holds<Scalar>(number), file.file, ": a weight must be at most ",
                       std::numeric_limits<Scalar>::max(), ", got ", number);
  detail::NamReader<Scalar> reader(file.weights);
  Parameters<Scalar> loaded = model.parameters();
  ModelState<Scalar> first(model.depth());
  for (const std::size_t k : ours.lstm) {
    const GateLayout layout(loaded.table(), text(k, "."), System::nam);
    const Index rows = 4 * ours.units;
    const MatrixX<Scalar> both = reader.matrix(rows, layout.inputs() + ours.units), bias = reader.matrix(rows, 1);
    require<ValueError>(layout.has_biases() || (bias.array() == 0).all(), "Neural Amp Modeler: layer ", k,
                        " must have biases, because those in the file are not 0");
    layout.unstack(StackedWeights<Scalar>{.input = both.leftCols(layout.inputs()),
                                          .recurrent = both.rightCols(ours.units),
                                          .bias = bias,
                                          .recurrent_bias = VectorX<Scalar>::Zero(rows),
                                          .peepholes = {},
                                          .projection = {}},
                   loaded);
    for (int s = 0; s < 2; ++s) first[k].push_back(reader.matrix(ours.units, 1));
  }
  const std::string dense = text(ours.dense, ".");
  loaded[dense + "weight"] = reader.matrix(1, ours.units);
  const MatrixX<Scalar> bias = reader.matrix(1, 1);
  require<ValueError>(loaded.table().find(dense + "bias") != nullptr || (bias.array() == 0).all(),
                      "Neural Amp Modeler: layer ", ours.dense,
                      " must have a bias, because the one in the file is not 0");
  if (loaded.table().find(dense + "bias") != nullptr) loaded[dense + "bias"] = bias;
  model.parameters().values() = loaded.values();
  return first;
}
template <class Model>
ModelState<typename Model::Scalar> import_nam(Model& model, const std::filesystem::path& path) {
  return import_nam(model, read_nam(path));
}

/// Model of a .nam file with its weights and initial states. Throws as parse_nam and import_nam.
template <class S>
NamModel<S> open_nam(const NamFile& file) {
  std::vector<AnyLayer<S>> layers(std::size_t(file.layers), Recurrent<Lstm>{.units = file.units});
  layers.push_back(Dense{.units = 1});
  NamModel<S> to{Stack<S>(file.features, std::move(layers)), {}, file.options};
  to.first = import_nam(to.model, file);
  return to;
}
template <class S>
NamModel<S> open_nam(const std::filesystem::path& path) {
  return open_nam<S>(read_nam(path));
}

/// Model as .nam text. `first`: its initial states for one sequence; empty: all 0. Throws ValueError for a model that
/// Neural Amp Modeler does not have, for numbers that are not finite and for metadata that are no JSON object;
/// ShapeError for states of another shape.
template <class Model>
std::string nam_text(const Model& model, const ModelState<typename Model::Scalar>& first = {},
                     const NamOptions& options = {}) {
  using Scalar = typename Model::Scalar;
  const detail::NamLayers layers = detail::nam_layers(model);
  detail::check_nam_states(model, layers, first);
  check_finite("Neural Amp Modeler", model.parameters());
  require<ValueError>(!options.sample_rate || (*options.sample_rate > 0 && is_finite(*options.sample_rate)),
                      "Neural Amp Modeler: the sample rate must be above 0, got ", options.sample_rate.value_or(0));
  const auto metadata = nlohmann::json::parse(options.metadata, nullptr, false);
  require<ValueError>(metadata.is_object(), "Neural Amp Modeler: the metadata must be a JSON object, got ",
                      detail::in_quotes(options.metadata));
  std::vector<double> weights;
  for (const std::size_t k : layers.lstm) {
    const auto w =
        GateLayout(model.parameters().table(), text(k, "."), System::nam).stack(model.parameters(), SecondBias::zero);
    MatrixX<Scalar> both(w.input.rows(), w.input.cols() + w.recurrent.cols());
    both << w.input, w.recurrent;
    detail::append(weights, both);
    detail::append(weights, VectorX<Scalar>(w.bias + w.recurrent_bias));
    for (std::size_t s = 0; s < 2; ++s)
      detail::append(weights, first.empty() || first[k].empty()
                                  ? MatrixX<Scalar>(MatrixX<Scalar>::Zero(layers.units, 1))
                                  : first[k][s]);
  }
  const std::string dense = text(layers.dense, ".");
  const bool biased = model.parameters().table().find(dense + "bias") != nullptr;
  detail::append(weights, model.parameters()[dense + "weight"]);
  weights.push_back(biased ? double(model.parameters()[dense + "bias"](0, 0)) : 0);
  require<ValueError>(std::ranges::all_of(weights, [](double number) { return is_finite(number); }),
                      "Neural Amp Modeler: the initial states and sums of biases must be finite");
  const nlohmann::json config{
      {"input_size", model.features()}, {"hidden_size", layers.units}, {"num_layers", layers.lstm.size()}};
  nlohmann::json all{
      {"version", "0.5.4"}, {"metadata", metadata}, {"architecture", "LSTM"}, {"config", config}, {"weights", weights}};
  if (options.sample_rate) all["sample_rate"] = *options.sample_rate;
  return all.dump();
}

/// Writes a .nam file atomically. Throws as nam_text, and FileError.
template <class Model>
void write_nam(const Model& model, const std::filesystem::path& path,
               const ModelState<typename Model::Scalar>& first = {}, const NamOptions& options = {}) {
  write_text(path, nam_text(model, first, options));
}
template <class S>
void write_nam(const NamModel<S>& model, const std::filesystem::path& path) {
  write_nam(model.model, path, model.first, model.options);
}

}  // namespace unroll
