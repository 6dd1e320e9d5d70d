#include "study.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>

#include "unroll/io/checkpoint.hpp"

namespace har {

using namespace unroll;

namespace {

std::string name_of(const Setting& setting, std::uint64_t seed) {
  return text("batch", setting.batch, "-units", setting.units, "-rate", setting.rate, "-seed", seed, ".json");
}

/// Trains and tests one run. Divergence is a result, not an error.
Outcome run_one(Options options, const Data& data, Outcome outcome) try {
  options.setting = outcome.setting;
  Network network = make_network(options, data.train.features(), Index(data.classes.size()));
  const Run run = train(network, options, data, outcome.seed, Threads(1));
  for (const Hits& hits : run.top) outcome.top.push_back(hits.value());
  outcome.loss = run.loss.value();
  outcome.best_epoch = run.fit.best_epoch;
  outcome.seconds = run.seconds;
  outcome.confusion = run.confusion.counts();
  outcome.history = run.fit.history;
  return outcome;
} catch (const NonFiniteError& error) {
  outcome.diverged = error.what();
  return outcome;
}

/// Order of the runs, longest first, so that the threads finish at about the same time.
std::vector<std::size_t> by_work(const std::vector<Outcome>& runs) {
  std::vector<std::size_t> order(runs.size());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  const auto work = [&](std::size_t k) { return std::pair(-runs[k].setting.units, runs[k].setting.batch); };
  std::ranges::stable_sort(order, {}, work);
  return order;
}

}  // namespace

std::vector<Setting> settings_of(const Options& options) {
  std::vector<Setting> all;
  for (const Index batch : options.all_batches)
    for (const Index units : options.all_units)
      for (const double rate : options.all_rates) all.push_back({batch, units, rate});
  return all;
}

Study run_study(const Options& options, const Data& data, const std::filesystem::path& folder,
                const std::function<void(const Outcome&, bool resumed)>& on_run) {
  const auto begin = std::chrono::steady_clock::now();
  Study study;
  for (const Setting& setting : settings_of(options))
    for (Index k = 0; k < options.seeds; ++k)
      study.runs.push_back({.setting = setting, .seed = options.first_seed + std::uint64_t(k)});
  const std::string of = data_fingerprint(data);
  const auto order = by_work(study.runs);
  std::mutex one_at_a_time;
  const Threads threads(options.threads);
  threads.pool().run(std::ssize(order), [&](Index k) {
    Outcome& run = study.runs[order[std::size_t(k)]];
    Options mine = options;
    mine.setting = run.setting;
    const auto file = folder / name_of(run.setting, run.seed);
    const std::string whole = text(of, "; ", settings_text(mine));
    const auto there = read_run(file, whole, Index(data.classes.size()), run);
    run = there ? *there : run_one(options, data, run);
    if (!there) write_text(file, run_text(run, whole));
    const std::lock_guard lock(one_at_a_time);
    study.resumed += there.has_value();
    on_run(run, there.has_value());
  });
  for (Index k = 0; k < options.seeds; ++k)
    study.baseline.push_back(train_baseline(data, options.first_seed + std::uint64_t(k), threads));
  study.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return study;
}

}  // namespace har
