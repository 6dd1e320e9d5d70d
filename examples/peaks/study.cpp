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
                epoch.numbers.epoch, long(options.epochs), warm ? "squared error " : "log-ratio loss",
                epoch.numbers.loss, 100 * epoch.outcome.score.efficiency(), epoch.outcome.score.false_rate(),
                epoch.numbers.seconds);
}

template <class F>
Summary over_runs(const Point& point, F&& number) {
  VectorX<double> values(Index(point.runs.size()));
  for (Index k = 0; k < values.size(); ++k) values[k] = number(point.runs[std::size_t(k)]);
  return summarize(values);
}

/// Median, because it is least sensitive to other programs on the machine.
double seconds_per_epoch(const Run& run) {
  std::vector<double> seconds;
  for (const RunEpoch& epoch : run.epochs) seconds.push_back(epoch.numbers.seconds);
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

Point run_point(const Options& options, double value, const EventSets& events, std::optional<Network>& network,
                const OnMessage& on_message) {
  Point point{.value = value};
  const Search search = Search().scaled_to(events.monitored().bin_width());
  for (Index k = 0; k < options.seeds; ++k) {
    const std::uint64_t seed = options.seed + std::uint64_t(k);
    network.emplace(make_network(options.model));
    point.parameters = network->parameters().size();
    point.bytes = needed_bytes(options, *network, events.training.data.size(), events.training.bins());
    const std::string with = options.study.empty() ? "" : text(options.study, " ", value, ", ");
    on_message(text("\n", with, options.model.kind, " with ", point.parameters, " parameters, seed ", seed, "\n"));
    point.runs.push_back(train(*network, options.training, events.training, events.monitored(), search, seed,
                               [&](const RunEpoch& epoch) { on_message(epoch_text(epoch, options.training)); }));
    if (!events.validation) point.runs.back().test = point.runs.back().score();
    if (!point.runs.back().collapse.empty()) on_message(text("seed ", seed, ": ", point.runs.back().collapse, "\n"));
  }
  return point;
}

Events first_events(const Events& events, Index count, const char* option) {
  require<ValueError>(count <= events.data.size(), option, " must be at most ", events.data.size(), ", the events in ",
                      events.source, ", got ", count);
  return part(events, 0, count);
}

/// Events of the user's files. The test events are those of --test, or the last ones of --data; in a study the last
/// tenth of the remaining events is for validation.
EventSets divide(const Options& options) {
  Events all = read_events(options.data, options.channels);
  const bool one_file = options.test.empty();
  const Index count = all.data.size(),
              tested = one_file ? (options.test_events > 0 ? options.test_events : (count + 4) / 5) : 0;
  require<ValueError>(tested < count, "--test-events must be below ", count, ", the events in ", options.data, ", got ",
                      tested);
  EventSets sets{one_file ? part(all, 0, count - tested) : std::move(all),
                 one_file ? part(all, count - tested, count) : read_events(options.test, options.channels)};
  if (!one_file && options.test_events > 0) sets.test = first_events(sets.test, options.test_events, "--test-events");
  if (!options.study.empty()) {
    const Index rest = sets.training.data.size(), monitored = (rest + 9) / 10;
    require<ValueError>(monitored < rest, options.data, ": must have at least 2 events without the test events for ",
                        "training and validation, got ", rest);
    sets.validation = part(sets.training, rest - monitored, rest);
    sets.training = part(sets.training, 0, rest - monitored);
  }
  if (options.events > 0) sets.training = first_events(sets.training, options.events, "--events");
  return sets;
}

/// Tests the point that a study selected, with the parameters after its training.
void test(const Options& options, const Events& events, Point& point) {
  const Search search = Search().scaled_to(events.bin_width());
  for (Run& run : point.runs) {
    Network network = make_network(options.model);
    network.parameters().values() = run.parameters;
    run.test = score(network, events, search, options.training.threads).score;
  }
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
  require<ValueError>(!study.whole || (value >= 1 && value == std::floor(value)),
                      "--values must be whole numbers of at least 1 ", "with --study ", study.name, ", got ", value);
  Options changed = options;
  study.set(changed, value);
  return changed;
}

namespace {

template <class F>
PointSummary summary_by(const Point& point, F&& score_of) {
  const auto collapsed =
      std::count_if(point.runs.begin(), point.runs.end(), [](const Run& run) { return !run.collapse.empty(); });
  return {.efficiency = over_runs(point, [&](const Run& run) { return 100 * score_of(run).efficiency(); }),
          .false_rate = over_runs(point, [&](const Run& run) { return score_of(run).false_rate(); }),
          .seconds = over_runs(point, seconds_per_epoch),
          .collapsed = collapsed};
}

}  // namespace

PointSummary summary_of(const Point& point) {
  return summary_by(point, [](const Run& run) { return run.score(); });
}

PointSummary test_summary_of(const Point& point) {
  return summary_by(point, [](const Run& run) {
    require<ValueError>(run.test.has_value(), "peaks: the value of the study must be tested first");
    return *run.test;
  });
}

const Point& best_of(const std::vector<Point>& points) {
  const auto quality = [](const Point& point) {
    double sum = 0;
    for (const Run& run : point.runs) sum += run.score().f1();
    return sum;
  };
  return *std::max_element(points.begin(), points.end(),
                           [&](const Point& a, const Point& b) { return quality(a) < quality(b); });
}

EventSets read_events(const Options& options) {
  if (!options.data.empty()) return divide(options);
  const double most = options.study == "samples" ? *std::max_element(options.values.begin(), options.values.end())
                                                 : double(options.events);
  EventSets sets{make_events(options.toy, 0, Index(most)), make_events(options.toy, 1, options.test_events)};
  if (!options.study.empty()) sets.validation = make_events(options.toy, 2, options.test_events);
  return sets;
}

std::size_t needed_bytes(const Options& options, const Network& network, Index events, Index bins) {
  const Index batch = std::min(options.training.batch, events);
  return training_bytes(network, batch * bins, batch, plan_of(options.training));
}

void check_memory(const Options& options, Index events, Index bins) {
  const auto check = [&](const Options& one) {
    const bool no_checkpoints = one.training.checkpoints || one.model.kind == "cnn";
    example::check_memory(needed_bytes(one, make_network(one.model), events, bins), example::available_memory(),
                          no_checkpoints ? "try a smaller --batch or fewer --units"
                                         : "try --checkpoints, a smaller --batch or fewer --units");
  };
  if (options.study.empty()) check(options);
  for (const double value : options.values) check(with_value(options, value));
}

std::vector<Point> run(const Options& options, const EventSets& events, std::optional<Network>& network,
                       const OnMessage& on_message) {
  if (options.study.empty()) return {run_point(options, Point().value, events, network, on_message)};
  std::vector<Point> points;
  for (const double value : options.values) {
    const Options changed = with_value(options, value);
    if (options.study != "samples") {
      points.push_back(run_point(changed, value, events, network, on_message));
    } else {
      const EventSets some{first_events(events.training, changed.events, "--values"), events.test, events.validation};
      points.push_back(run_point(changed, value, some, network, on_message));
    }
  }
  Point& best = points[std::size_t(&best_of(points) - points.data())];
  test(with_value(options, best.value), events.test, best);
  return points;
}

}  // namespace peaks
