#include "study.hpp"

#include <algorithm>
#include <cmath>

#include "../support/format.hpp"
#include "../support/memory.hpp"

namespace peaks {

using namespace unroll;
using example::format;

namespace {

struct Study {
  std::string name;
  std::vector<double> (*ladder)(const Options&);
  void (*set)(Options&, double);
  bool whole;
};

const std::vector<Study>& studies() {
  static const std::vector<Study> all{
      {"learning-rate",
       [](const Options&) {
         return std::vector<double>{5e-4, 1e-3, 2e-3, 4e-3, 8e-3};
       },
       [](Options& o, double value) { o.training.rate = value; }, false},
      {"units",
       [](const Options&) {
         return std::vector<double>{4, 8, 16, 32};
       },
       [](Options& o, double value) { o.model.units = Index(value); }, true},
      {"layers",
       [](const Options& o) {
         return o.model.kind == "cnn" ? std::vector<double>{3, 4, 5, 6} : std::vector<double>{1, 2, 3};
       },
       [](Options& o, double value) { o.model.layers = Index(value); }, true},
      {"samples",
       [](const Options& o) {
         if (o.data.empty()) return std::vector<double>{60, 120, 240, 480};
         return std::vector<double>{5000, 10000, 15000};
       },
       [](Options& o, double value) { o.events = Index(value); }, true},
      {"asymmetry",
       [](const Options&) {
         return std::vector<double>{0, 1, 2.5, 5, 10};
       },
       [](Options& o, double value) { o.training.asymmetry = value; }, false}};
  return all;
}

const Study& study_of(const std::string& name) {
  return *std::find_if(studies().begin(), studies().end(), [&](const Study& study) { return study.name == name; });
}

std::string epoch_text(const RunEpoch& epoch, const TrainingOptions& options) {
  const bool warm = Index(epoch.numbers.epoch) <= options.warm_up;
  return format("epoch %3.0f of %ld  %s %.5f  efficiency %5.1f %%  false positives %.2f per event  %.1f s\n",
                epoch.numbers.epoch, long(options.epochs), warm ? "squared error" : "ratio loss   ", epoch.numbers.loss,
                100 * epoch.outcome.score.efficiency(), epoch.outcome.score.false_rate(), epoch.numbers.seconds);
}

/// One number of every run.
template <class F>
Summary over_runs(const Point& point, F&& number) {
  Vector<double> values(Index(point.runs.size()));
  for (Index k = 0; k < values.size(); ++k) values[k] = number(point.runs[std::size_t(k)]);
  return summarize(values);
}

/// The median, which other programs on the machine change least.
double seconds_per_epoch(const Run& run) {
  std::vector<double> seconds;
  for (const RunEpoch& epoch : run.epochs) seconds.push_back(epoch.numbers.seconds);
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

Point run_point(const Options& options, double value, const EventSets& events, std::optional<Network>& network,
                const Say& say) {
  Point point{.value = value};
  const Search search = Search().scaled_to(events.test.bin_width());
  for (Index k = 0; k < options.seeds; ++k) {
    const std::uint64_t seed = options.seed + std::uint64_t(k);
    network.emplace(make_network(options.model));
    point.parameters = network->parameters().size();
    point.bytes = needed_bytes(options, *network, events.training.data.size(), events.training.bins());
    const std::string with = options.study.empty() ? "" : text(options.study, " ", value, ", ");
    say(text("\n", with, options.model.kind, " with ", point.parameters, " parameters, seed ", seed, "\n"));
    point.runs.push_back(train(*network, options.training, events.training, events.test, search, seed,
                               [&](const RunEpoch& epoch) { say(epoch_text(epoch, options.training)); }));
    if (!point.runs.back().collapse.empty()) say(text("seed ", seed, ": ", point.runs.back().collapse, "\n"));
  }
  return point;
}

Events first_events(const Events& events, Index count) {
  require<ValueError>(count <= events.data.size(), events.source, ": ", count,
                      " events are wanted to train on, there are ", events.data.size());
  return part(events, 0, count);
}

EventSets divide(const Options& options) {
  Events all = read_events(options.data, options.channels);
  if (!options.test.empty()) {
    Events test = read_events(options.test, options.channels);
    if (options.test_events > 0) test = first_events(test, options.test_events);
    return {options.events > 0 ? first_events(all, options.events) : std::move(all), std::move(test)};
  }
  const Index count = all.data.size(), tested = options.test_events > 0 ? options.test_events : (count + 4) / 5;
  require<ValueError>(tested < count, options.data, ": has ", count, " events, with ", tested,
                      " of them for the test none is left to train on");
  Events training = part(all, 0, count - tested);
  return {options.events > 0 ? first_events(training, options.events) : std::move(training),
          part(all, count - tested, count)};
}

}  // namespace

std::vector<std::string> study_names() {
  std::vector<std::string> names;
  for (const Study& study : studies()) names.push_back(study.name);
  return names;
}

std::vector<double> ladder(const Options& options) { return study_of(options.study).ladder(options); }

Options with_value(const Options& options, double value) {
  const Study& study = study_of(options.study);
  require<ValueError>(!study.whole || (value >= 1 && value == std::floor(value)), "--values of the study ", study.name,
                      ": expected whole numbers from 1 on, got ", value);
  Options changed = options;
  study.set(changed, value);
  return changed;
}

PointSummary summary_of(const Point& point) {
  const auto collapsed =
      std::count_if(point.runs.begin(), point.runs.end(), [](const Run& run) { return !run.collapse.empty(); });
  return {.efficiency = over_runs(point, [](const Run& run) { return 100 * run.score().efficiency(); }),
          .false_rate = over_runs(point, [](const Run& run) { return run.score().false_rate(); }),
          .seconds = over_runs(point, seconds_per_epoch),
          .collapsed = collapsed};
}

EventSets read_events(const Options& options) {
  if (!options.data.empty()) return divide(options);
  const double most = options.study == "samples" ? *std::max_element(options.values.begin(), options.values.end())
                                                 : double(options.events);
  return {make_events(options.toy, 0, Index(most)), make_events(options.toy, 1, options.test_events)};
}

std::size_t needed_bytes(const Options& options, const Network& network, Index events, Index bins) {
  const Index batch = std::min(options.training.batch, events);
  return training_bytes(network, batch * bins, batch, plan_of(options.training));
}

void check_memory(const Options& options, Index events, Index bins) {
  const auto check = [&](const Options& one) {
    const bool last_hope = one.training.checkpoints || one.model.kind == "cnn";
    example::check_memory(
        needed_bytes(one, make_network(one.model), events, bins), example::available_memory(),
        last_hope ? "try a smaller --batch or fewer --units" : "try --checkpoints, a smaller --batch or fewer --units");
  };
  if (options.study.empty()) check(options);
  for (const double value : options.values) check(with_value(options, value));
}

std::vector<Point> run(const Options& options, const EventSets& events, std::optional<Network>& network,
                       const Say& say) {
  if (options.study.empty()) return {run_point(options, Point().value, events, network, say)};
  std::vector<Point> points;
  for (const double value : options.values) {
    const Options changed = with_value(options, value);
    if (options.study != "samples")
      points.push_back(run_point(changed, value, events, network, say));
    else
      points.push_back(
          run_point(changed, value, {first_events(events.training, changed.events), events.test}, network, say));
  }
  return points;
}

}  // namespace peaks
