#include "study.hpp"

#include <algorithm>
#include <cmath>

#include "search.hpp"

namespace har {

using namespace unroll;

namespace {

/// Mean validation accuracy of each setting, reduced by 1 for each run that diverged, so that settings with fewer such
/// runs are better; NaN if all diverged.
std::vector<double> values_of(const std::vector<Run>& runs, std::size_t seeds, Index epochs, const Options& options) {
  std::vector<double> values;
  for (std::size_t first = 0; first < runs.size(); first += seeds) {
    double sum = 0, count = 0;
    for (std::size_t k = first; k < first + seeds; ++k)
      if (const double value = validation_accuracy(runs[k], epochs, options); is_finite(value)) sum += value, ++count;
    values.push_back(sum / count - (double(seeds) - count));
  }
  return values;
}

/// The better half of the settings, in their order.
std::vector<Setting> better_half(const std::vector<Setting>& settings, const std::vector<double>& values) {
  std::vector<std::size_t> order(settings.size());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return is_finite(values[a]) && (!is_finite(values[b]) || values[a] > values[b]);
  });
  order.resize((order.size() + 1) / 2);
  std::ranges::sort(order);
  std::vector<Setting> left;
  for (const std::size_t k : order) left.push_back(settings[k]);
  return left;
}

/// Number of epochs of each setting of a search, after the rungs of a search by halving.
std::vector<Index> search(const Options& options, const Runs& runs, const std::vector<Setting>& settings,
                          const Runs::OnRun& on_run) {
  std::vector<Index> epochs(settings.size(), options.epochs);
  if (options.search != "halving") return epochs;
  std::vector<Setting> left = settings;
  const auto rungs = halving_epochs(std::ssize(settings), options.epochs);
  for (std::size_t rung = 0; rung < rungs.size(); ++rung) {
    for (const Setting& setting : left)
      epochs[std::size_t(std::ranges::find(settings, setting) - settings.begin())] = rungs[rung];
    if (rung + 1 == rungs.size()) break;
    const auto results = runs.train(jobs_of(left, options, rungs[rung]), false, false, on_run);
    left = better_half(left, values_of(results, options.seeds.all().size(), rungs[rung], options));
  }
  return epochs;
}

std::vector<Row> rows_of(const std::vector<Setting>& settings, const std::vector<Index>& epochs,
                         const std::vector<Run>& runs, std::size_t seeds) {
  std::vector<Row> rows;
  for (std::size_t k = 0; k < settings.size(); ++k) {
    const auto first = runs.begin() + std::ptrdiff_t(k * seeds);
    rows.push_back({settings[k], {first, first + std::ptrdiff_t(seeds)}, epochs[k]});
  }
  return rows;
}

std::size_t chosen_of(const std::vector<Row>& rows, const Options& options) {
  std::size_t best = rows.size();
  double value = 0;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (rows[k].epochs < options.epochs) continue;
    std::vector<double> values = values_of(rows[k].runs, rows[k].runs.size(), options.epochs, options);
    if (is_finite(values[0]) && (best == rows.size() || values[0] > value)) best = k, value = values[0];
  }
  require<ValueError>(best < rows.size(),
                      "har study: at least one setting must train without diverging, got none; give smaller --rate");
  return best;
}

}  // namespace

Index Row::diverged() const {
  return std::ranges::count_if(runs, [](const Run& run) { return run.diverged(); });
}

double Row::mean(double (*number)(const Run&)) const {
  double sum = 0;
  for (const Run& run : runs) sum += run.diverged() ? 0 : number(run);
  return std::ssize(runs) == diverged() ? std::nan("") : sum / double(std::ssize(runs) - diverged());
}

double validation_accuracy(const Run& run, Index epochs, const Options& options) {
  const Index best = best_epoch(run.record.history, epochs, options.monitored(), options.least_gain);
  return best == 0 ? std::nan("") : run.record.history[std::size_t(best - 1)].validation_accuracy;
}

std::vector<Job> jobs_of(const std::vector<Setting>& settings, const Options& options, Index epochs) {
  std::vector<Job> jobs;
  for (const Setting& setting : settings)
    for (const std::uint64_t seed : options.seeds.all()) jobs.push_back({setting, seed, epochs});
  return jobs;
}

Study run_study(const Options& options, const Data& data, const Runs& runs, const Runs::OnRun& on_run) {
  const auto settings = settings_of(options);
  const std::size_t seeds = options.seeds.all().size();
  Study study;
  const auto count = [&](const Run& run) { ++study.trained, study.loaded += run.record.loaded, on_run(run); };
  const auto epochs = search(options, runs, settings, count);
  auto jobs = jobs_of(settings, options, options.epochs);
  for (std::size_t k = 0; k < jobs.size(); ++k) jobs[k].epochs = epochs[k / seeds];
  const std::vector<Run> results = runs.train(jobs, true, false, [&](const Run& run) {
    // The runs of earlier rungs of a search by halving were counted there; they are loaded to be scored.
    if (options.search != "halving" || run.record.epochs == options.epochs) count(run);
  });
  study.rows = rows_of(settings, epochs, results, seeds);
  study.chosen = chosen_of(study.rows, options);
  const Threads threads(options.running.threads);
  for (std::size_t k = 0; k < study.rows.size(); ++k)
    if (options.test_all || k == study.chosen)
      threads.pool().run(std::ssize(study.rows[k].runs),
                         [&](Index seed) { runs.test(study.rows[k].runs[std::size_t(seed)], 1); });
  for (const std::uint64_t seed : options.seeds.all()) study.baseline.push_back(train_baseline(data, seed, threads));
  return study;
}

}  // namespace har
