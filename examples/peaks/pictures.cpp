#include "pictures.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "../support/format.hpp"

namespace peaks {

using namespace unroll;
using example::format;
using figure::Curves, figure::Series;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr const char* rates_axis = "false positives per event";

/// `number(epoch)` of all epochs, one list per run.
template <class F>
std::vector<std::vector<double>> of_epochs(const Point& point, F&& number) {
  std::vector<std::vector<double>> all;
  for (const Run& run : point.runs) {
    all.emplace_back();
    for (const RunEpoch& epoch : run.epochs) all.back().push_back(number(epoch));
  }
  return all;
}

Curves loss_picture(const Options& options, const Point& point) {
  const auto of_phase = [&](bool warm) {
    return of_epochs(point, [&](const RunEpoch& epoch) {
      return (Index(epoch.numbers.epoch) <= options.training.warm_up) == warm ? epoch.numbers.loss : nan_value;
    });
  };
  Curves curves{.title = {},
                .x = {"epoch"},
                .y = {.title = "loss", .logarithmic = true},
                .series = {},
                .band = "range of the runs"};
  if (options.training.warm_up > 0) curves.series.push_back(figure::over_runs("squared error", of_phase(true)));
  if (options.training.warm_up < options.training.epochs)
    curves.series.push_back(figure::over_runs("log-ratio loss", of_phase(false)));
  return curves;
}

Curves efficiency_picture(const Point& point) {
  const auto rates = of_epochs(point, [](const RunEpoch& e) { return 100 * e.outcome.score.efficiency(); });
  return {.title = {},
          .x = {"epoch"},
          .y = {"efficiency (%)", 0, 100},
          .series = {figure::over_runs("validation events", rates)},
          .band = "range of the runs"};
}

Curves false_picture(const Point& point) {
  const auto rates = of_epochs(point, [](const RunEpoch& e) { return e.outcome.score.false_rate(); });
  return {.title = {},
          .x = {"epoch"},
          .y = {rates_axis, 0},
          .series = {figure::over_runs("validation events", rates)},
          .band = "range of the runs"};
}

constexpr Index shown_events = 20;  // first test events, of which the picture of an event selects one

/// Outputs for test events: scores for different smallest sums of a predicted peak, and outputs of the first events.
struct Outputs {
  std::vector<double> integrals{0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.2};
  std::vector<Score> scores;  // true peaks have the usual smallest sum
  std::vector<MatrixX<float>> first;
};

Outputs outputs_for(const Events& test, const Network& network, int threads) {
  const Search usual = Search().scaled_to(test.bin_width());
  Outputs all;
  all.scores.resize(all.integrals.size());
  each_output(network, test, threads, [&](Index event, const MatrixX<float>& output) {
    const MatrixX<float> target = test.target(event);
    Search search = usual;
    for (std::size_t k = 0; k < all.integrals.size(); ++k) {
      search.integral = all.integrals[k];
      all.scores[k] += compare(bins_of(target), bins_of(output), usual, search);
    }
    if (event < shown_events) all.first.push_back(output);
  });
  return all;
}

Series rates_of(std::string name, const std::vector<Score>& scores) {
  Series series{.name = std::move(name), .x = {}, .y = {}, .line = Line::points_and_line};
  for (const Score& score : scores) {
    series.x.push_back(score.false_rate());
    series.y.push_back(100 * score.efficiency());
  }
  return series;
}

Curves scan_picture(const Options& options, const Events& test, const Outputs& outputs) {
  const Search search = Search().scaled_to(test.bin_width());
  Curves curves{.title = {}, .x = {rates_axis, 0}, .y = {"efficiency (%)", 0, 100}, .series = {}};
  curves.series.push_back(rates_of(options.model.kind + ", smallest sum of a peak 0.05 to 1.2", outputs.scores));
  const auto usual = std::ranges::find(outputs.integrals, search.integral) - outputs.integrals.begin();
  curves.series.push_back(rates_of("smallest sum 0.2, the default", {outputs.scores[std::size_t(usual)]}));
  curves.series.back().line = Line::points;
  // a baseline for the network
  curves.series.push_back(
      rates_of("fixed level of the density", level_scores(test, {0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3}, search)));
  curves.series.back().reference = true;
  return curves;
}

/// Bins [first, last) of one event.
struct Window {
  Index event, first, last;
};

/// The 40 mm with the most true and predicted peaks, among the first events, which have `outputs`.
Window busiest_window(const Events& test, const std::vector<MatrixX<float>>& outputs, const Search& search) {
  const Index bins = test.bins(), size = bins / 10;
  Window best{0, 0, size};
  std::size_t most = 0;
  for (Index event = 0; event < std::ssize(outputs); ++event) {
    const MatrixX<float> target = test.target(event);
    const auto found = compare(bins_of(target), bins_of(outputs[std::size_t(event)]), search);
    for (Index first = 0; first + size <= bins; first += size / 4) {
      const auto inside = [&](const Peak& peak) {
        return peak.position >= double(first) && peak.position < double(first + size);
      };
      const auto count = std::size_t(std::count_if(found.truth.begin(), found.truth.end(), inside) +
                                     std::count_if(found.predicted.begin(), found.predicted.end(), inside));
      if (count > most) most = count, best = {event, first, first + size};
    }
  }
  return best;
}

Curves event_picture(const Events& test, const std::vector<MatrixX<float>>& outputs) {
  const Search search = Search().scaled_to(test.bin_width());
  const Window window = busiest_window(test, outputs, search);
  const auto place = [&](double bin) { return z_first + (bin + 0.5) * test.bin_width(); };
  const auto row = [&](std::string name, const auto& values) {
    Series series{.name = std::move(name), .x = {}, .y = {}};
    for (Index bin = window.first; bin < window.last; ++bin) {
      series.x.push_back(place(double(bin)));
      series.y.push_back(double(values(0, bin)));
    }
    return series;
  };
  const MatrixX<float> truth = test.target(window.event);
  const MatrixX<float>& output = outputs[std::size_t(window.event)];
  Curves curves{.title = {},
                .x = {"position along the beam (mm)"},
                .y = {"density, target, output (relative units)", -0.3},
                .series = {}};
  curves.series.push_back(row("track density", test.input(window.event)));
  curves.series.push_back(row("target", truth));
  curves.series.push_back(row("output", output));
  curves.series.back().line = Line::dashed;
  const Comparison found = compare(bins_of(truth), bins_of(output), search);
  const auto marks = [&](std::string name, double height, const std::vector<Peak>& peaks, auto&& is_marked) {
    Series series{.name = std::move(name), .x = {}, .y = {}, .line = Line::points};
    for (const Peak& peak : peaks) {
      if (!is_marked(peak) || peak.position < double(window.first) || peak.position >= double(window.last)) continue;
      series.x.push_back(place(peak.position));
      series.y.push_back(height);
    }
    if (!series.x.empty()) curves.series.push_back(std::move(series));
  };
  marks("found", -0.1, found.truth, [](const Peak& peak) { return peak.matched; });
  marks("missed", -0.17, found.truth, [](const Peak& peak) { return !peak.matched; });
  marks("false positive", -0.24, found.predicted, [](const Peak& peak) { return peak.scored && !peak.matched; });
  return curves;
}

/// Histogram of `numbers` with bins of `width`.
Curves histogram(const std::string& what, const std::vector<Index>& numbers, Index width) {
  const Index classes = *std::max_element(numbers.begin(), numbers.end()) / width + 2;
  std::vector<double> events(std::size_t(classes), 0.0), x;
  for (const Index number : numbers) events[std::size_t(number / width)] += 1;
  for (Index k = 0; k < classes; ++k) x.push_back(double(k * width));
  return {.title = {},
          .x = {what},
          .y = {"number of events", 0},
          .series = {{.name = "events", .x = std::move(x), .y = std::move(events), .line = Line::steps}}};
}

void add_distributions(Report& report, const EventSets& events) {
  const Search search = Search().scaled_to(events.test.bin_width());
  std::vector<Index> peaks_of, masked_of;
  const auto add = [&](const MatrixX<float>&, const MatrixX<float>& target) {
    peaks_of.push_back(Index(find_peaks(bins_of(target), search).size()));
    masked_of.push_back(target.array().isNaN().count());
  };
  each_event(events.training, add);
  each_event(events.test, add);
  const auto mean_text = [](const std::vector<Index>& numbers) {
    return format("Mean: %.1f.",
                  double(std::accumulate(numbers.begin(), numbers.end(), Index(0))) / double(numbers.size()));
  };
  report.heading("Events");
  report.figure("peaks_per_event", histogram("peaks per event", peaks_of, 1),
                "Histogram of the true peaks per event, training and test events.", mean_text(peaks_of));
  report.figure("masked_bins", histogram("masked bins per event", masked_of, 10),
                "Histogram of the masked bins per event, in classes of ten bins.", mean_text(masked_of));
}

}  // namespace

figure::Scatter study_picture(const Options& options, const std::vector<Point>& points) {
  figure::Scatter scatter{.title = {}, .x = {rates_axis, 0}, .y = {"efficiency (%)", 0, 100}, .points = {}};
  for (const Point& point : points) {
    const PointSummary summary = summary_of(point);
    scatter.points.push_back({summary.false_rate.mean, summary.efficiency.mean, text(options.study, " ", point.value)});
  }
  return scatter;
}

void add_pictures(Report& report, const Options& options, const EventSets& events, const Point& point,
                  const Network& network) {
  const Outputs outputs = outputs_for(events.test, network, options.running.threads);
  const Score &first = point.runs.front().epochs.front().outcome.score, &last = point.runs.front().score();
  report.figure("loss", loss_picture(options, point),
                "Training loss against the epoch: squared error, then log-ratio loss.",
                format("%.5f after the last epoch of the first run. The two losses have different scales.",
                       point.runs.front().epochs.back().numbers.loss));
  report.figure("efficiency", efficiency_picture(point),
                "Efficiency, the share of true peaks of the validation events that are found (%), against the epoch.",
                format("%.1f %% after the first epoch of the first run, %.1f %% after the last.",
                       100 * first.efficiency(), 100 * last.efficiency()));
  report.figure("false_positives", false_picture(point), "False positives per validation event against the epoch.",
                format("%.2f per event after the first epoch of the first run, %.2f after the last.",
                       first.false_rate(), last.false_rate()));
  report.figure("scan", scan_picture(options, events.test, outputs),
                "Efficiency (%) against false positives per event, test events, for different smallest sums of a peak.",
                "One line for the network, one for fixed levels; the optimum is the upper left corner.");
  report.figure("event", event_picture(events.test, outputs.first),
                "Part of a test event: density, target and output against the position along the beam (mm).",
                "Marks at the bottom: found peaks, missed peaks and false positives.");
  add_distributions(report, events);
}

}  // namespace peaks
