#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/core/tables/data_table.hpp"
#include "unroll/train/metrics/chance.hpp"
#include "unroll/train/metrics/grouped_hits.hpp"

namespace unroll {

/// Change to the data before a model is trained and tested.
enum class Control {
  none,             ///< unchanged data: performance of the model
  shuffled_time,    ///< the steps of each sequence, with their labels, in random order: tests whether order matters.
                    ///< Accuracy above chance is no leak here, because single steps can reveal the class
  gaussian_input,   ///< normal numbers instead of all inputs: only targets could reveal the class
  permuted_labels,  ///< each training sequence gets the labels of another; the test data are unchanged
  drawn_labels,     ///< a random class at every step, in training and test data
};

/// Whether a model that sees only inputs cannot be better than chance under this control.
inline bool expects_chance(Control control) { return control != Control::none && control != Control::shuffled_time; }

/// Name of a control for reports, for example "gaussian inputs".
inline std::string_view name(Control control) {
  switch (control) {
    case Control::none:
      return "data as they are";
    case Control::shuffled_time:
      return "time-shuffled inputs";
    case Control::gaussian_input:
      return "gaussian inputs";
    case Control::permuted_labels:
      return "labels permuted over the training sequences";
    default:
      return "labels drawn at every step";
  }
}

/// Accuracies under a control, over all repeats. Confidence limits are those over groups or those over repeats,
/// whichever are wider.
struct ControlResult {
  Control control = Control::none;
  Interval accuracy = {}, balanced = {};
  double chance = 0, balanced_chance = 0;                     ///< highest accuracy possible without inputs
  std::vector<double> accuracies = {}, balanced_values = {};  ///< per repeat

  /// Whether the lower confidence limit is above chance by more than `margin`.
  bool above_chance(double margin) const {
    return accuracy.low > chance + margin || balanced.low > balanced_chance + margin;
  }
};

/// Evidence that outputs depend on the targets of the data passed to the predictor.
struct TargetsSeen {
  Index sequence = 0, step = 0;  ///< first output that changed
};

/// Result of leak_test.
struct LeakReport {
  std::vector<ControlResult> controls;      ///< in the order of LeakTestOptions::controls
  std::optional<TargetsSeen> targets_seen;  ///< exact, not statistical
  bool repeatable = true;                   ///< whether the predictor gives the same outputs for the same data
  bool exact = false;                       ///< whether outputs for changed targets were compared
  ChanceLevels chance;                      ///< of the test data
  Index groups = 0, repeats = 0;
  double margin = 0;

  /// Whether the test found a leak.
  bool leaks() const {
    return targets_seen || std::ranges::any_of(controls, [&](const ControlResult& result) { return leaking(result); });
  }

  /// Result of a control; nullptr if it was not run.
  const ControlResult* find(Control control) const {
    const auto found = std::ranges::find(controls, control, &ControlResult::control);
    return found == controls.end() ? nullptr : &*found;
  }

  /// Conclusions in sentences, for readers who did not run the test.
  std::string verdict() const {
    std::string words = leaks() ? "Information leaks." : "No leak was found.";
    if (targets_seen)
      words += text(" The outputs for test sequence ", targets_seen->sequence, " change from step ", targets_seen->step,
                    " on when only its targets are changed: the predictor sees what it should predict.");
    if (!repeatable) words += " The predictor gives other outputs for the same data, so changed targets prove nothing.";
    words += leaks() ? leak_sentences() : chance_sentence();
    return words + learning_sentence() + order_sentence();
  }

  /// Table with one line per control: accuracy and balanced accuracy with limits, and the chance levels.
  std::string table() const {
    DataTable table{{"", "accuracy (limits)", "chance", "balanced (limits)", "chance"}, {}};
    for (const ControlResult& result : controls)
      table.rows.push_back({std::string(name(result.control)), limits(result.accuracy), percent(result.chance),
                            limits(result.balanced), percent(result.balanced_chance)});
    return to_text(table, {.widths = {43, 22, 8, 22}});
  }

 private:
  bool leaking(const ControlResult& result) const {
    return expects_chance(result.control) && result.above_chance(margin);
  }

  static std::string tenths(double share) {
    const long long n = std::llround(1000 * share);
    return text(n / 10, ".", n % 10);
  }
  static std::string percent(double share) { return tenths(share) + " %"; }
  static std::string limits(const Interval& i) {
    return text(percent(i.value), " (", tenths(i.low), " to ", tenths(i.high), ")");
  }
  std::string leak_sentences() const {
    std::string words;
    bool lengths = true;  // whether sequence lengths alone explain the accuracy
    for (const ControlResult& result : controls) {
      if (!leaking(result)) continue;
      words += text(" With ", name(result.control), " the model is right on ", percent(result.accuracy.value),
                    " of steps where ", percent(result.chance), " is chance (balanced ", percent(result.balanced.value),
                    ", at least ", percent(result.balanced.low), ", chance ", percent(result.balanced_chance), ").");
      lengths = lengths && result.accuracy.low <= chance.per_length + margin &&
                result.balanced.low <= chance.balanced_per_length + margin;
    }
    if (words.empty()) return words;
    if (!lengths) return words + " It must see what it should predict.";
    return words + " Either it sees what it should predict, or it reads sequences to their end before it answers and " +
           "knows them by their length (LeakTestOptions::sees_length).";
  }

  std::string chance_sentence() const {
    std::string list;
    for (const ControlResult& result : controls)
      if (expects_chance(result.control))
        list += text(list.empty() ? " The balanced accuracy is " : ", ", percent(result.balanced.value), " with ",
                     name(result.control), " (chance ", percent(result.balanced_chance), ")");
    if (!list.empty()) list += ".";
    return exact ? " Outputs do not depend on the targets of the data that they are for." + list : list;
  }

  /// A model that learns nothing passes every control.
  std::string learning_sentence() const {
    const ControlResult* plain = find(Control::none);
    if (plain == nullptr || plain->accuracy.value > plain->chance + margin ||
        plain->balanced.value > plain->balanced_chance + margin)
      return "";
    return text(" But the model is no better than chance on the data as they are (balanced ",
                percent(plain->balanced.value), "): it has learnt nothing that could be tested.");
  }

  std::string order_sentence() const {
    const ControlResult *plain = find(Control::none), *shuffled = find(Control::shuffled_time);
    if (plain == nullptr || shuffled == nullptr) return "";
    const double lost = plain->accuracy.value - shuffled->accuracy.value;
    if (shuffled->accuracy.high < plain->accuracy.low)
      return text(" The order of steps matters: without it ", tenths(lost), " points are lost.");
    return text(" That the order of steps matters is not shown: without it the accuracy is ",
                percent(shuffled->accuracy.value), ", with it ", percent(plain->accuracy.value), ".");
  }
};

}  // namespace unroll
