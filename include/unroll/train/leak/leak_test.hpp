#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <span>

#include "unroll/train/leak/leak_controls.hpp"
#include "unroll/train/metrics/summary.hpp"

namespace unroll {

/// Options of leak_test.
struct LeakTestOptions {
  std::vector<Control> controls = {Control::none, Control::shuffled_time, Control::gaussian_input,
                                   Control::permuted_labels, Control::drawn_labels};
  bool change_targets = true;  ///< exact test: outputs must not depend on the targets of the predicted data
  Index repeats = 3;  ///< trainings per control, each with different draws and a different seed; one is not enough,
                      ///< because labels permuted once may by chance be right for a whole class
  std::uint64_t seed = 1;
  double confidence = 0.95;  ///< of the limits
  double margin = 0.03;      ///< largest excess over chance that is not a leak
  bool sees_length = false;  ///< the model reads a sequence to its end before it answers (bidirectional layer,
                             ///< encoder), so chance levels include the information in the lengths
  std::function<void(Control, Index repeat, const GroupedHits&)> on_run = {};  ///< called after each training
};

/// Training function for leak_test: trains a model on a data set with a seed and returns a predictor. The predictor
/// returns for a data set the scores [classes x steps] of each sequence ([classes x 1] for one label per sequence), in
/// order.
template <class T, class S>
concept LeakTestTrain = std::invocable < const T&,
        const Dataset<S>
&, std::uint64_t > &&requires(const T& train, const Dataset<S>& data, std::uint64_t seed) {
  { train(data, seed)(data) } -> std::convertible_to<std::vector<MatrixX<S>>>;
};

namespace detail {

template <class S, class Train>
class LeakTest {
 public:
  LeakTest(const Dataset<S>& training, const Dataset<S>& test, std::span<const Index> groups, const Train& train,
           const LeakTestOptions& options)
      : training_(training), test_(test), groups_(groups), train_(train), options_(options), scale_(training) {
    check();
    report_.chance = chance_levels(test);
    report_.groups = *std::ranges::max_element(groups) + 1;
    report_.repeats = options.repeats;
    report_.margin = options.margin;
  }

  LeakReport run() {
    for (const Control control : options_.controls) report_.controls.push_back(result_of(control));
    if (options_.change_targets) change_targets();
    return std::move(report_);
  }

 private:
  void check() const {
    require<ValueError>(has_labels(training_.kind()) && training_.kind() == test_.kind(),
                        "leak test: training and test data must both have a label per step, or both one per sequence, "
                        "got other targets");
    require<ShapeError>(training_.features() == test_.features() && training_.classes() == test_.classes(),
                        "leak test: the test data must have ", training_.features(), " features and ",
                        training_.classes(), " classes, as the training data, got ", test_.features(), " and ",
                        test_.classes());
    require<ValueError>(test_.classes() >= 2, "leak test: classes must be at least 2, got ", test_.classes());
    require<ShapeError>(Index(groups_.size()) == test_.size(), "leak test: groups must have ", test_.size(),
                        " entries, one for each test sequence, got ", groups_.size());
    const auto [low, high] = std::ranges::minmax_element(groups_);
    require<ValueError>(*low >= 0 && *low < *high,
                        "leak test: groups must be at least 2 different numbers from 0, got ", *low, " to ", *high);
    require<ValueError>(options_.repeats >= 1, "leak test: repeats must be at least 1, got ", options_.repeats);
    require<ValueError>(options_.margin >= 0, "leak test: margin must be >= 0, got ", options_.margin);
    if (std::ranges::find(options_.controls, Control::shuffled_time) != options_.controls.end())
      for (const auto* data : {&training_, &test_}) check_label_of_each_step(*data);
  }

  static void check_label_of_each_step(const Dataset<S>& data) {
    for (Index s = 0; s < data.size(); ++s)
      require<ShapeError>(!per_step(data.kind()) || data.target_steps(s) == data.length(s), "leak test: sample ", s,
                          " must have ", data.length(s), " labels, one for each step, for Control::shuffled_time, got ",
                          data.target_steps(s));
  }

  ControlRandom random_of(Control control, Index repeat, bool test) const {
    return {options_.seed, control, repeat, test};
  }

  Dataset<S> changed(const Dataset<S>& data, Control control, Index repeat, bool test) const {
    const ControlRandom random = random_of(control, repeat, test);
    switch (control) {
      case Control::shuffled_time:
        return with_shuffled_time(data, random);
      case Control::gaussian_input:
        return with_gaussian_input(data, scale_, random);
      case Control::permuted_labels:
        return test ? data : with_permuted_labels(data, random);
      case Control::drawn_labels:
        return with_drawn_labels(data, random);
      default:
        return data;
    }
  }

  std::uint64_t seed(Index repeat) const { return options_.seed + std::uint64_t(repeat); }

  GroupedHits hits_of(Control control, Index repeat) {
    const Dataset<S> test = changed(test_, control, repeat, true);
    const std::vector<MatrixX<S>> outputs =
        train_(changed(training_, control, repeat, false), seed(repeat))(std::as_const(test));
    require<ShapeError>(Index(outputs.size()) == test.size(), "leak test: the predictor must give outputs for ",
                        test.size(), " sequences, got ", outputs.size());
    GroupedHits hits(report_.groups, test.classes());
    for (Index s = 0; s < test.size(); ++s) hits.add(groups_[std::size_t(s)], outputs[std::size_t(s)], test.labels(s));
    if (options_.on_run) options_.on_run(control, repeat, hits);
    return hits;
  }

  ControlResult result_of(Control control) {
    ControlResult result{.control = control};
    GroupedHits all(report_.groups, test_.classes());
    for (Index repeat = 0; repeat < options_.repeats; ++repeat) {
      const GroupedHits hits = hits_of(control, repeat);
      result.accuracies.push_back(hits.accuracy().value);
      result.balanced_values.push_back(hits.balanced_accuracy().value);
      all += hits;
    }
    result.accuracy = wider(all.accuracy(options_.confidence), result.accuracies);
    result.balanced = wider(all.balanced_accuracy(options_.confidence), result.balanced_values);
    set_chance(result);
    return result;
  }

  void set_chance(ControlResult& result) const {
    const ChanceLevels& levels = report_.chance;
    const bool drawn =
        result.control == Control::drawn_labels;  // neither lengths nor steps are related to drawn labels
    const double even = 1 / double(test_.classes());
    result.chance = drawn ? even : options_.sees_length ? levels.per_length : levels.per_step;
    result.balanced_chance = drawn                  ? even
                             : options_.sees_length ? levels.balanced_per_length
                                                    : levels.balanced_per_step;
  }

  /// Limits widened to include the spread over repeats: all groups of a repeat share its draws.
  Interval wider(Interval limits, const std::vector<double>& repeats) const {
    if (repeats.size() < 2) return limits;
    const Summary summary = summarize(Eigen::Map<const VectorX<double>>(repeats.data(), Index(repeats.size())));
    const double reach = summary.sample_deviation / std::sqrt(double(summary.count)) *
                         student_quantile(options_.confidence, summary.count - 1);
    limits.low = std::max(0.0, std::min(limits.low, limits.value - reach));
    limits.high = std::min(1.0, std::max(limits.high, limits.value + reach));
    return limits;
  }

  void change_targets() {
    auto predictor = train_(training_, options_.seed);
    const std::vector<MatrixX<S>> outputs = predictor(test_), again = predictor(test_);
    report_.repeatable = !first_difference(outputs, again);
    if (!report_.repeatable) return;
    report_.exact = true;
    const std::vector<MatrixX<S>> other = predictor(with_changed_labels(test_, random_of(Control::none, 0, true)));
    report_.targets_seen = first_difference(outputs, other);
  }

  static std::optional<TargetsSeen> first_difference(const std::vector<MatrixX<S>>& a,
                                                     const std::vector<MatrixX<S>>& b) {
    for (std::size_t s = 0; s < a.size(); ++s)
      for (Index t = 0; t < a[s].cols(); ++t)
        if (s >= b.size() || t >= b[s].cols() || !same(a[s].col(t), b[s].col(t))) return TargetsSeen{Index(s), t};
    return std::nullopt;
  }
  /// Equality in which NaN equals NaN.
  template <class Column>
  static bool same(const Column& a, const Column& b) {
    return ((a.array() == b.array()) || (a.array() != a.array() && b.array() != b.array())).all();
  }

  const Dataset<S>&training_, &test_;
  std::span<const Index> groups_;
  const Train& train_;
  const LeakTestOptions& options_;
  Standardizer<S> scale_;
  LeakReport report_;
};

}  // namespace detail

/// Leak test for any model and training procedure: trains and tests a model under each control, several times, and
/// detects outputs that cannot come from the inputs.
///
///     const auto train = [](const Dataset<float>& data, std::uint64_t seed) {
///       auto model = ...;                                                     // made, initialised by seed and trained
///       return [model](const Dataset<float>& data) { return predict(model, data); };
///     };
///     std::puts(leak_test(training, test, participants, train).verdict().c_str());
///
/// `groups`: group of each test sequence, counted from 0. Sequences that are not independent, such as those of one
/// person, form one group. No group may occur in the training data. A control indicates a leak if the lower confidence
/// limit of its accuracy or balanced accuracy exceeds the chance level by more than the margin. The exact test predicts
/// the test data with every target changed: if any bit of the outputs differs, the predictor reads targets.
///
/// Results depend on the seed only, provided that `train` does. Throws ValueError and ShapeError before training for
/// data without labels, data that do not match, fewer than two groups and options out of range.
template <class S, LeakTestTrain<S> Train>
LeakReport leak_test(const Dataset<S>& training, const Dataset<S>& test, std::span<const Index> groups,
                     const Train& train, const LeakTestOptions& options = {}) {
  return detail::LeakTest<S, Train>(training, test, groups, train, options).run();
}

}  // namespace unroll
