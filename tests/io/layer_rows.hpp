#pragma once
// All layers of the library, and for each option a variant that differs in it.

#include <limits>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/layers/activation.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/convolution/conv_transpose1d.hpp>
#include <unroll/layers/convolution/upsample.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>
#include <unroll/layers/normalisation/layer_norm.hpp>
#include <unroll/layers/normalisation/softmax.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/pooling/pooling1d.hpp>
#include <unroll/layers/tied_dense.hpp>
#include <unroll/models/seq2seq_description.hpp>
#include <unroll/models/stack.hpp>

namespace layer_rows {

using namespace unroll;

// clang-format off: equations keep their lines
namespace written {
using namespace unroll::symbols;
inline constexpr auto other_gru = cell(state(h), r = sigmoid(linear(x, h)), z = sigmoid(linear(x, h)),
                                       n = tanh(linear(x) + r * linear(h)), next(h) = h + z * (n - h));
inline constexpr auto leaky = cell(state(h), next(h) = leaky_relu(linear(x, h), 0.1));
inline constexpr auto leakier = cell(state(h), next(h) = leaky_relu(linear(x, h), 0.2));
}  // namespace written
// clang-format on

struct OtherGru : EquationCell<float, written::other_gru> {
  using EquationCell::EquationCell;
  static constexpr std::string_view name = "gru";
};

using Layer = AnyLayer<float>;

struct Change {
  std::string option;
  Layer layer;
};
/// A layer, and variants that differ from it in one option.
struct Row {
  Layer layer;
  std::vector<Change> outputs, training = {};
  Index features = 4;
};

// All options of all layers. If one of these lines does not compile, a layer has a new member: if it is an option, add
// it to the layer's options() and to the row below.

[[maybe_unused]] inline void all_members() {
  { [[maybe_unused]] const auto& [a, b, c, d, e, f, g] = Recurrent<Gru>{}; }
  { [[maybe_unused]] const auto& [a, b, c, d, e, f, g] = Bidirectional<Gru>{}; }
  { [[maybe_unused]] const auto& [a] = Upsample{}; }
  { [[maybe_unused]] const auto& [a, b, c] = Dense{}; }
  { [[maybe_unused]] const auto& [a, b, c] = TiedDense{}; }
  { [[maybe_unused]] const auto& [a, b, c, d, e, f, g, h] = Conv1d{}; }
  { [[maybe_unused]] const auto& [a, b, c, d, e, f, g, h, i] = ConvTranspose1d{}; }
  { [[maybe_unused]] const auto& [a, b, c, d, e] = BatchNorm{}; }
  { [[maybe_unused]] const auto& [a, b, c, d] = LayerNorm{}; }
  { [[maybe_unused]] const auto& [a, b, c, d, e, f, g, h] = Embedding{}; }
  { [[maybe_unused]] const auto& [a, b] = Dropout{}; }
  { [[maybe_unused]] const auto& [a, b] = PRelu{}; }
  { [[maybe_unused]] const auto& [a, b, c, d, e] = MaxPool1d{}; }
  { [[maybe_unused]] const auto& [a, b, c, d, e] = AveragePool1d{}; }
  { [[maybe_unused]] const auto& [a, b, c, d, e, f, g, h, i, j] = Seq2SeqOptions{}; }
  { [[maybe_unused]] const auto& [a] = LeakyRelu{}; }
  { [[maybe_unused]] const auto& [a] = Elu{}; }
  { [[maybe_unused]] const auto& [a, b] = HardSigmoid{}; }
  { [[maybe_unused]] const auto& [a, b] = HardTanh{}; }
}

inline std::vector<Row> rows() {
  using G = Recurrent<Gru>;
  using B = Bidirectional<Gru>;
  using C = Conv1d;
  using T = ConvTranspose1d;
  std::vector<Row> all;
  all.push_back({G{.units = 4},
                 {{"units", G{.units = 5}},
                  {"direction", G{.units = 4, .direction = Direction::backward}},
                  {"returns", G{.units = 4, .returns = Returns::last}},
                  {"inputs", G{.units = 4, .inputs = {{"x", 4}}}},
                  {"biased", G{.units = 4, .biased = false}},
                  {"cell", Recurrent<Lstm>{.units = 4}},
                  {"entry 4 of equations", Recurrent<OneScalar<OtherGru>::Cell>{.units = 4}},
                  {"layer", Dense{.units = 4}}}});
  all.push_back({Recurrent<EquationsOf<written::leaky>::Cell>{.units = 4},
                 {{"entry 1 of equations", Recurrent<EquationsOf<written::leakier>::Cell>{.units = 4}}}});
  all.push_back({Recurrent<ProjectedLstm>{.units = 4, .sizes = {{"projected", 2}}},
                 {{"projected", Recurrent<ProjectedLstm>{.units = 4, .sizes = {{"projected", 3}}}}}});
  all.push_back({B{.units = 4, .merge = Merge::sum},
                 {{"units", B{.units = 5, .merge = Merge::sum}},
                  {"merge", B{.units = 4, .merge = Merge::average}},
                  {"returns", B{.units = 4, .merge = Merge::sum, .returns = Returns::last}},
                  {"inputs", B{.units = 4, .merge = Merge::sum, .inputs = {{"x", 4}}}},
                  {"biased", B{.units = 4, .merge = Merge::sum, .biased = false}}}});
  all.push_back({Dense{.units = 4}, {{"units", Dense{.units = 3}}, {"biased", Dense{.units = 4, .biased = false}}}});
  all.push_back({C{.units = 4, .kernel = 3, .padding = 1},
                 {{"units", C{.units = 2, .kernel = 3, .padding = 1}},
                  {"kernel", C{.units = 4, .kernel = 5, .padding = 1}},
                  {"stride", C{.units = 4, .kernel = 3, .stride = 2, .padding = 1}},
                  {"dilation", C{.units = 4, .kernel = 3, .dilation = 2, .padding = 1}},
                  {"groups", C{.units = 4, .kernel = 3, .groups = 2, .padding = 1}},
                  {"padding", C{.units = 4, .kernel = 3, .padding = same()}},
                  {"padding", C{.units = 4, .kernel = 3, .padding = causal()}},
                  {"padding", C{.units = 4, .kernel = 3}},
                  {"biased", C{.units = 4, .kernel = 3, .padding = 1, .biased = false}}}});
  all.push_back({T{.units = 4, .kernel = 3, .stride = 2, .padding = 1},
                 {{"units", T{.units = 2, .kernel = 3, .stride = 2, .padding = 1}},
                  {"kernel", T{.units = 4, .kernel = 5, .stride = 2, .padding = 1}},
                  {"stride", T{.units = 4, .kernel = 3, .stride = 3, .padding = 1}},
                  {"dilation", T{.units = 4, .kernel = 3, .stride = 2, .dilation = 2, .padding = 1}},
                  {"groups", T{.units = 4, .kernel = 3, .stride = 2, .groups = 2, .padding = 1}},
                  {"padding", T{.units = 4, .kernel = 3, .stride = 2, .padding = same()}},
                  {"output_padding", T{.units = 4, .kernel = 3, .stride = 2, .padding = 1, .output_padding = 1}},
                  {"biased", T{.units = 4, .kernel = 3, .stride = 2, .padding = 1, .biased = false}}}});
  all.push_back({BatchNorm{},
                 {{"epsilon", BatchNorm{.epsilon = 1e-3}},
                  {"scaled", BatchNorm{.scaled = false}},
                  {"shifted", BatchNorm{.shifted = false}},
                  {"epsilon", BatchNorm::like_keras()}},
                 {{"momentum", BatchNorm{.momentum = 0.2}},
                  {"running_variance", BatchNorm{.running_variance = RunningVariance::biased}}}});
  all.push_back({LayerNorm{},
                 {{"epsilon", LayerNorm{.epsilon = 1e-3}},
                  {"scaled", LayerNorm{.scaled = false}},
                  {"shifted", LayerNorm{.shifted = false}},
                  {"centred", LayerNorm{.centred = false}}}});
  using E = Embedding;
  all.push_back({E{.size = 5, .dimension = 3},
                 {{"size", E{.size = 6, .dimension = 3}}, {"dimension", E{.size = 5, .dimension = 2}}},
                 {{"padding", E{.size = 5, .dimension = 3, .padding = 0}},
                  {"frozen", E{.size = 5, .dimension = 3, .frozen = true}},
                  {"frozen_tokens", E{.size = 5, .dimension = 3, .frozen_tokens = {1}}},
                  {"sparse", E{.size = 5, .dimension = 3, .sparse = false}}},
                 1});
  all.push_back(
      {Dropout{.rate = 0.5},
       {},
       {{"rate", Dropout{.rate = 0.1}}, {"same_for_all_steps", Dropout{.rate = 0.5, .same_for_all_steps = true}}}});
  all.push_back({Activate<LeakyRelu>{},
                 {{"negative_slope", Activate<LeakyRelu>{{.negative_slope = 0.2}}}, {"function", Activate<Relu>{}}}});
  all.push_back({PRelu{}, {{"per_feature", PRelu{.per_feature = true}}, {"layer", Activate<LeakyRelu>{}}}});
  all.push_back({Activate<Elu>{}, {{"alpha", Activate<Elu>{{.alpha = 2}}}}});
  all.push_back({Activate<HardSigmoid>{},
                 {{"alpha", Activate<HardSigmoid>{{.alpha = 0.5}}}, {"beta", Activate<HardSigmoid>{{.beta = 0.25}}}}});
  all.push_back(
      {Activate<HardTanh>{}, {{"low", Activate<HardTanh>{{.low = -2}}}, {"high", Activate<HardTanh>{{.high = 2}}}}});
  constexpr double infinity = std::numeric_limits<double>::infinity();
  all.push_back({Activate<HardTanh>{{.low = -infinity, .high = infinity}},
                 {{"low", Activate<HardTanh>{{.low = -1, .high = infinity}}}}});
  all.push_back({MaxPool1d{.kernel = 2},
                 {{"kernel", MaxPool1d{.kernel = 3}},
                  {"stride", MaxPool1d{.kernel = 2, .stride = 1}},
                  {"padding", MaxPool1d{.kernel = 2, .padding = 1}},
                  {"dilation", MaxPool1d{.kernel = 2, .dilation = 2}},
                  {"ceil_mode", MaxPool1d{.kernel = 2, .ceil_mode = true}},
                  {"layer", AveragePool1d{.kernel = 2}}}});
  all.push_back({AveragePool1d{.kernel = 2},
                 {{"kernel", AveragePool1d{.kernel = 3}},
                  {"stride", AveragePool1d{.kernel = 2, .stride = 1}},
                  {"padding", AveragePool1d{.kernel = 2, .padding = same()}},
                  {"count_padding", AveragePool1d{.kernel = 2, .count_padding = true}},
                  {"ceil_mode", AveragePool1d{.kernel = 2, .ceil_mode = true}}}});
  all.push_back({Upsample{.factor = 2}, {{"factor", Upsample{.factor = 3}}}});
  all.push_back({Softmax{}, {{"layer", Activate<Sigmoid>{}}}});
  all.push_back({LastStep{}, {{"layer", MeanOverTime{}}, {"layer", MaxOverTime{}}}});
  return all;
}

}  // namespace layer_rows
