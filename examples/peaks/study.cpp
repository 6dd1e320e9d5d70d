#include "study.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

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

Point run_point(const Options& options, double value, const EventSets& events, const VectorX<float>& start,
                const OnMessage& on_message) {
  Point point{.value = value};
  const Search search = Search().scaled_to(events.validation.bin_width());
  for (const std::uint64_t seed : options.seeds.all()) {
    Network network = make_network(options.model);
    if (start.size() > 0) network.parameters().values() = start;
    point.parameters = network.parameters().size();
    point.bytes = needed_bytes(options, network, events.training.data.size(), events.training.bins());
    const std::string with = options.study.empty() ? "" : text(options.study, " ", value, ", ");
    on_message(text("\n", with, options.model.kind, " with ", point.parameters, " parameters, seed ", seed, "\n"));
    TrainingOptions training = options.training;
    training.threads = options.running.threads;
    training.checkpoint_seconds = options.running.checkpoint_seconds;
    training.quiet = options.running.quiet || options.running.json;
    if (!options.folder.empty())
      training.checkpoint =
          options.folder / text("checkpoint-", options.study.empty() ? "" : text(value, "-"), "seed", seed, "-");
    point.runs.push_back(train(
        network, training, events.training, events.validation, search, seed,
        [&](const RunEpoch& epoch) { on_message(epoch_text(epoch, options.training)); }, start.size() > 0));
    if (!point.runs.back().collapse.empty()) on_message(text("seed ", seed, ": ", point.runs.back().collapse, "\n"));
  }
  return point;
}

Events first_events(const Events& events, Index count, const char* option) {
  require<ValueError>(count <= events.data.size(), option, " must be at most ", events.data.size(), ", the events in ",
                      events.source, ", got ", count);
  return part(events, 0, count);
}

Events read(const std::string& file, const Options& options) {
  return read_events(file, ReadOptions{.channels = options.channels, .unit = options.unit, .lazy = options.lazy});
}

/// Moves the last events of `training` to `validation`.
void hold_out(EventSets& sets, double share) {
  const Index all = sets.training.data.size(), some = std::max<Index>(1, Index(std::lround(share * double(all))));
  require<ValueError>(some < all, sets.training.source, ": must have at least 2 events without the test events for ",
                      "training and validation, got ", all);
  sets.validation = part(sets.training, all - some, all);
  sets.training = part(sets.training, 0, all - some);
}

/// Events of the user's files. The test events are those of --test, or the last ones of --data.
EventSets divide(const Options& options) {
  const Events all = read(options.data, options);
  const bool one_file = options.test.empty();
  const Index count = all.data.size(),
              tested = one_file ? (options.test_events > 0 ? options.test_events : (count + 4) / 5) : 0;
  require<ValueError>(tested < count, "--test-events must be below ", count, ", the events in ", options.data, ", got ",
                      tested);
  const Events test = one_file ? part(all, count - tested, count) : read(options.test, options);
  EventSets sets{one_file ? part(all, 0, count - tested) : all, test, test};
  if (!one_file && options.test_events > 0) sets.test = first_events(sets.test, options.test_events, "--test-events");
  return sets;
}

void check_same_kind(const Events& events, const Events& training, const char* option) {
  require<ShapeError>(events.bins() == training.bins() && events.channels == training.channels, option, " ",
                      events.source, ": must have ", training.bins(), " bins and the inputs ", training.channels,
                      ", as the training events, got ", events.bins(), " and ", events.channels);
}

/// Tests the runs of a point.
void test(const Options& options, const Events& events, Point& point) {
  const Search search = Search().scaled_to(events.bin_width());
  for (Run& run : point.runs) {
    run.test_events = scores_of_events(network_of(options, run), events, search, options.running.threads);
    run.test = std::accumulate(run.test_events.begin(), run.test_events.end(), Score(),
                               [](Score sum, const Score& event) { return sum += event; });
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
                      "--values must be whole numbers of at least 1 ", "with the study ", study.name, ", got ", value);
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

const Run& best_of(const Point& point) {
  return *std::max_element(point.runs.begin(), point.runs.end(),
                           [](const Run& a, const Run& b) { return a.score().f1() < b.score().f1(); });
}

Network network_of(const Options& options, const Run& run) {
  Network network = make_network(options.model);
  network.parameters().values() = run.parameters;
  return network;
}

EventSets read_events(const Options& options) {
  const auto share = validation_share(options);
  EventSets sets = [&] {
    if (!options.data.empty()) return divide(options);
    const double most = options.study == "samples" ? *std::max_element(options.values.begin(), options.values.end())
                                                   : double(options.events);
    Events test = make_events(options.toy, 1, options.test_events);
    return EventSets{make_events(options.toy, 0, Index(most)), test, test};
  }();
  if (options.validation.empty() && options.data.empty()) {
    sets.validation = make_events(options.toy, 2, options.test_events);
  } else if (options.validation.empty() || share) {
    hold_out(sets, share.value_or(0.1));
  } else {
    sets.validation = read(options.validation, options);
  }
  if (!options.data.empty() && options.events > 0)
    sets.training = first_events(sets.training, options.events, "--events");
  check_same_kind(sets.test, sets.training, "--test");
  check_same_kind(sets.validation, sets.training, "--validation");
  sets.training_hashes = hashes_of_training(sets.training);
  sets.shared = std::ranges::count(
      are_among(hashes_of(sets.test), {sets.training_hashes.begin(), sets.training_hashes.end()}), true);
  return sets;
}

std::size_t needed_bytes(const Options& options, const Network& network, Index events, Index bins) {
  const Index batch = std::min(options.training.batch, events);
  return training_bytes(network, batch * bins, batch, plan_of(options.training, options.model.batch_norm));
}

void check_memory(const Options& options, Index events, Index bins) {
  const auto check = [&](const Options& one) {
    const bool no_recomputing = one.training.recompute || one.model.kind == "cnn";
    example::check_memory(needed_bytes(one, make_network(one.model), events, bins), example::available_memory(),
                          no_recomputing ? "try a smaller --batch or fewer --units"
                                         : "try --recompute, a smaller --batch or fewer --units");
  };
  if (options.study.empty()) check(options);
  for (const double value : options.values) check(with_value(options, value));
}

std::vector<Point> run(const Options& options, const EventSets& events, const VectorX<float>& start,
                       const OnMessage& on_message) {
  std::vector<Point> points;
  if (options.study.empty()) points.push_back(run_point(options, Point().value, events, start, on_message));
  for (const double value : options.values) {
    const Options changed = with_value(options, value);
    if (options.study != "samples") {
      points.push_back(run_point(changed, value, events, start, on_message));
    } else {
      const EventSets some{first_events(events.training, changed.events, "--values"), events.test, events.validation};
      points.push_back(run_point(changed, value, some, start, on_message));
    }
  }
  Point& best = points[std::size_t(&best_of(points) - points.data())];
  test(options.study.empty() ? options : with_value(options, best.value), events.test, best);
  return points;
}

}  // namespace peaks
