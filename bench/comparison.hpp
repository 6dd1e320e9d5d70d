#pragma once
// Training of models with equal settings from several seeds, for tables of cells.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/train.hpp>
#include <utility>
#include <vector>

#include "sequences.hpp"
#include "timing.hpp"

namespace bench {

using unroll::Stack;

/// Settings of all models; learning rate of Adam, gradients clipped to norm 1.
struct Settings {
  Index units = 32, epochs = 20, seeds = 5, batch = 32;
  double rate = 3e-3;
};

/// Splits the command line into `--NAME NUMBER` and words.
inline std::vector<std::string> read_settings(int count, char** arguments, Settings& settings) {
  const std::pair<std::string_view, Index*> numbers[] = {{"--units", &settings.units},
                                                         {"--epochs", &settings.epochs},
                                                         {"--seeds", &settings.seeds},
                                                         {"--batch", &settings.batch}};
  std::vector<std::string> words;
  for (int k = 1; k < count; ++k) {
    const std::string argument = arguments[k];
    if (!argument.starts_with("--")) {
      words.push_back(argument);
      continue;
    }
    const double value = k + 1 < count ? std::atof(arguments[++k]) : 0;
    if (!(value > 0)) throw std::invalid_argument(argument + " must have a value above 0");
    bool known = argument == "--rate";
    if (known) settings.rate = value;
    for (const auto& [name, number] : numbers)
      if (argument == name) known = true, *number = Index(value);
    if (!known) throw std::invalid_argument("option must be a known one, got '" + argument + "'");
  }
  return words;
}

/// Prints a row: parameters, milliseconds of the fastest epoch, and mean and deviation of the test accuracy, in
/// percent, over the seeds.
inline void compare(std::string_view name, Stack<float> model, const SplitData& data, const Settings& settings) {
  std::vector<double> accuracies, ms;
  for (Index seed = 1; seed <= settings.seeds; ++seed) {
    model.initialise(std::uint64_t(seed));
    unroll::Adam<float> adam({.learning_rate = settings.rate});
    const unroll::SoftmaxCrossEntropy<float> loss;
    double start = now();
    unroll::fit(model, loss, adam, data.train,
                {.epochs = settings.epochs,
                 .batches = {.size = settings.batch},
                 .seed = std::uint64_t(seed),
                 .clip_norm = 1,
                 .threads = 1,
                 .on_epoch =
                     [&](const unroll::Epoch&) {
                       ms.push_back((now() - start) * 1e3);
                       start = now();
                       return true;
                     },
                 .progress = unroll::Progress::quiet});
    accuracies.push_back(100 * unroll::evaluate(model, data.test, loss, {.threads = 1}).hits.value());
  }
  double mean = 0, squares = 0;
  for (const double accuracy : accuracies) mean += accuracy / double(accuracies.size());
  for (const double accuracy : accuracies) squares += (accuracy - mean) * (accuracy - mean);
  const double deviation = accuracies.size() > 1 ? std::sqrt(squares / double(accuracies.size() - 1)) : 0;
  std::printf("| %s | %td | %.1f | %.1f ± %.1f |\n", std::string(name).c_str(), model.parameters().size(),
              *std::min_element(ms.begin(), ms.end()), mean, deviation);
  std::fflush(stdout);
}

}  // namespace bench
