// Comparison of cells on sequences of which half of the steps were removed at random, with equal settings: cells that
// read the time gaps, and GRUs that do not. Prints a Markdown table.
//
//     ./irregular DATA... [options]       DATA: see data_of in sequences.hpp
//       --units H, --epochs N, --seeds N, --batch B, --rate R     default: 32, 20, 5, 32, 0.003
//       --dropped P                                               share of removed steps; default: 0.5

#include <cstdio>
#include <exception>
#include <unroll/cells/continuous_time.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/recurrent.hpp>

#include "comparison.hpp"

namespace {

using namespace bench;
using namespace unroll;

/// Inputs that a model reads at the steps of a sequence. Values are standardized, so that 0 is their mean.
enum class Form {
  observed,   ///< the observed steps only
  with_gaps,  ///< the observed steps, and the time since the step before
  imputed,    ///< all steps; missing values are 0
  with_mask,  ///< the same, and 1 where the step was observed
  decaying,   ///< all steps: time since the last observation, mask and values of each feature
};

/// Numbers of the observed steps; at least the first.
std::vector<Index> observed_steps(Index steps, double dropped, std::uint64_t sample) {
  const Random random(1, Purpose::data, sample);
  std::vector<Index> kept;
  for (Index t = 0; t < steps; ++t)
    if (!random.bernoulli(std::uint64_t(t), dropped)) kept.push_back(t);
  if (kept.empty()) kept.push_back(0);
  return kept;
}

MatrixX<float> formed(const MatrixX<float>& x, const std::vector<Index>& kept, Form form) {
  const Index features = x.rows(), steps = x.cols();
  if (form == Form::observed || form == Form::with_gaps) {
    MatrixX<float> to(features + (form == Form::with_gaps ? 1 : 0), std::ssize(kept));
    for (std::size_t k = 0; k < kept.size(); ++k) {
      to.col(Index(k)).head(features) = x.col(kept[k]);
      if (form == Form::with_gaps) to(features, Index(k)) = float(kept[k] - (k > 0 ? kept[k - 1] : -1));
    }
    return to;
  }
  MatrixX<float> values = MatrixX<float>::Zero(features, steps), seen = values, gap = values;
  for (const Index t : kept) values.col(t) = x.col(t), seen.col(t).setOnes();
  for (Index t = 1; t < steps; ++t) gap.col(t).setConstant(seen(0, t - 1) > 0 ? 1 : gap(0, t - 1) + 1);
  if (form == Form::imputed) return values;
  MatrixX<float> to(form == Form::with_mask ? features + 1 : 3 * features, steps);
  if (form == Form::with_mask)
    to << values, seen.topRows(1);
  else
    to << gap, seen, values;
  return to;
}

Dataset<float> formed(const Dataset<float>& data, Form form, double dropped, std::uint64_t first) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> labels;
  for (Index s = 0; s < data.size(); ++s) {
    const auto& x = data.sequence(s);
    sequences.push_back(formed(x, observed_steps(x.cols(), dropped, first + std::uint64_t(s)), form));
    labels.push_back(data.labels(s)[0]);
  }
  return Dataset<float>::labelled(std::move(sequences), labels, data.classes());
}

}  // namespace

int main(int count, char** arguments) try {
  Settings settings;
  double dropped = 0.5;
  std::vector<char*> others;
  for (int k = 0; k < count; ++k)
    if (std::string_view(arguments[k]) == "--dropped" && k + 1 < count)
      dropped = std::atof(arguments[++k]);
    else
      others.push_back(arguments[k]);
  if (!(dropped >= 0 && dropped < 1)) throw std::invalid_argument("--dropped must be from 0 to 1, excluding 1");
  const SplitData data = data_of(read_settings(int(others.size()), others.data(), settings));
  std::printf("| model | parameters | ms per epoch | test accuracy, %% |\n|---|---|---|---|\n");
  const Index units = settings.units, features = data.train.features();
  const auto row = [&](const char* name, Form form, AnyLayer<float> layer) {
    SplitData part{formed(data.train, form, dropped, 0),
                   formed(data.test, form, dropped, std::uint64_t(data.train.size()))};
    Stack<float> model(part.train.features(), {std::move(layer), Dense{.units = part.train.classes()}});
    part.train.set_inputs(model.inputs());
    part.test.set_inputs(model.inputs());
    compare(name, std::move(model), part, settings);
  };
  const Recurrent<Gru> gru{.units = units, .returns = Returns::last};
  const NamedRows x_and_gap{{"x", features}, {"dt", 1}};
  row("gru, observed steps", Form::observed, gru);
  row("gru, mean imputation", Form::imputed, gru);
  row("gru, mean imputation and mask", Form::with_mask, gru);
  row("gru, observed steps and gaps", Form::with_gaps, gru);
  row("gru-d", Form::decaying, Recurrent<StandardizedGruD>{.units = units, .returns = Returns::last});
  row("cfc", Form::with_gaps,
      Recurrent<Cfc>{
          .units = units, .returns = Returns::last, .sizes = {{"backbone", 2 * units}}, .inputs = x_and_gap});
} catch (const std::exception& error) {
  std::fprintf(stderr, "irregular: %s\n", error.what());
  return 1;
}
