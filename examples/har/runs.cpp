#include "runs.hpp"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <optional>

#include "../support/fingerprint.hpp"
#include "../support/program.hpp"
#include "unroll/threads/thread_pool.hpp"

namespace har {

using namespace unroll;

namespace {

/// Order of the runs, longest first, so that the threads finish at about the same time.
std::vector<std::size_t> by_work(const std::vector<Job>& jobs) {
  std::vector<std::size_t> order(jobs.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  const auto work = [&](std::size_t k) { return std::pair(-jobs[k].setting.units, jobs[k].setting.batch); };
  std::ranges::stable_sort(order, {}, work);
  return order;
}

std::string fingerprint_of(const TrainedModel& model) {
  return example::Fingerprint().add(model.network.parameters().values()).text();
}

}  // namespace

Runs::Runs(const Options& options, const Data& data, std::filesystem::path folder, const TrainedModel* before)
    : options_(options),
      data_(data),
      folder_(std::move(folder)),
      before_(before),
      fingerprint_(data_fingerprint(data) + (before == nullptr ? "" : "; from " + fingerprint_of(*before))) {}

Options Runs::options_of(const Setting& setting) const {
  Options options = options_;
  options.setting = setting;
  return options;
}

std::string Runs::name_of(const Setting& setting, std::uint64_t seed) const {
  return setting == options_.setting
             ? text("seed", seed)
             : text("batch", setting.batch, "-units", setting.units, "-rate", setting.rate, "-seed", seed);
}

void Runs::forget(const std::vector<Job>& jobs) const {
  for (const Job& job : jobs) {
    const RunFiles files{folder_, name_of(job.setting, job.seed), {}};
    std::filesystem::remove(files.record());
    std::filesystem::remove(files.checkpoint());
  }
}

Run Runs::train_one(const Job& job, bool scored, bool tested, bool shown, const Threads& threads,
                    const OnEpoch& on_epoch) const {
  Options options = options_of(job.setting);
  auto identity = options_json(options);
  for (const char* name : {"epochs", "seeds", "load", "data", "train", "test"}) identity.erase(name);
  options.epochs = job.epochs;
  Network network = make_network(options, data_.train.features(), std::ssize(data_.classes));
  if (before_ == nullptr)
    network.initialise(job.seed);
  else
    network.parameters().values() = before_->network.parameters().values();
  const Parts parts = divide(data_, options, job.seed);
  const ClassLoss loss = loss_of(options, std::ssize(data_.classes));
  std::optional<LazyDataset<float>> test;
  if (!parts.validation && tested) test.emplace(as_scored(data_.test, options));
  Run run{job.setting, job.seed, {}, {}, {}, {}};
  run.record = har::train(network,
                          {.options = options,
                           .loss = loss,
                           .training = parts.training,
                           .validation = parts.validation ? &*parts.validation : nullptr,
                           .shown = test ? &*test : nullptr,
                           .seed = job.seed,
                           .threads = threads,
                           .diverges = !tested,
                           .longer = !scored},
                          {.folder = folder_,
                           .name = name_of(job.setting, job.seed),
                           .of = text(fingerprint_, "; seed ", job.seed, "; ", identity.dump()),
                           .checkpoint_seconds = options.running.checkpoint_seconds,
                           .quiet = !shown},
                          on_epoch);
  if (run.diverged()) return run;
  if (scored) run.training = score(network, parts.training, options, threads);
  if (scored && parts.validation) run.validation = score(network, *parts.validation, options, threads);
  if (tested) run.test = score(network, data_.test, options, threads);
  return run;
}

std::vector<Run> Runs::train(const std::vector<Job>& jobs, bool scored, bool tested, const OnRun& on_run,
                             const OnEpochOf& on_epoch) const {
  std::vector<Run> runs(jobs.size());
  const auto order = by_work(jobs);
  const Threads threads(options_.running.threads), one(1);
  std::mutex one_at_a_time;
  threads.pool().run(std::ssize(order), [&](Index k) {
    const std::size_t at = order[std::size_t(k)];
    const Job& job = jobs[at];
    example::stop_if_requested();
    const bool shown = k == 0 && !options_.running.quiet && !options_.running.json;
    runs[at] = train_one(job, scored, tested, shown, jobs.size() == 1 ? threads : one,
                         [&](const Epoch& epoch, const Network& network) {
                           if (!on_epoch) return;
                           const std::lock_guard lock(one_at_a_time);
                           on_epoch(job, epoch, network);
                         });
    if (!on_run) return;
    const std::lock_guard lock(one_at_a_time);
    on_run(runs[at]);
  });
  return runs;
}

Network Runs::network_of(const Run& run) const {
  Network network = make_network(options_of(run.setting), data_.train.features(), std::ssize(data_.classes));
  load(network, RunFiles{folder_, name_of(run.setting, run.seed), {}}.network());
  return network;
}

void Runs::test(Run& run, const Threads& threads) const {
  if (!run.diverged()) run.test = score(network_of(run), data_.test, options_of(run.setting), threads);
}

void Runs::save(const Run& run, const std::filesystem::path& file) const {
  const Options options = options_of(run.setting);
  save_and_check(network_of(run), file, options, details_of(data_, options, run.seed, before_));
}

const Run& best_of(const std::vector<Run>& runs, const Options& options) {
  const Run* best = nullptr;
  double value = 0;
  for (const Run& run : runs) {
    if (run.diverged()) continue;
    const Index epoch = run.record.best_epoch;
    const double now =
        epoch > 0 ? unroll::detail::monitored(run.record.history[std::size_t(epoch - 1)], options.monitored()) : 0;
    const bool better = unroll::detail::is_accuracy(options.monitored()) ? now > value : now < value;
    if (best == nullptr || better) best = &run, value = now;
  }
  require<ValueError>(best != nullptr, "har: at least one run must end without diverging, got none");
  return *best;
}

}  // namespace har
