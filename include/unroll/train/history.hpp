#pragma once
// Training history: measurements of every epoch, as numbers and as text.

#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/tables/data_table.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// One of several losses in an epoch, without its weight; NaN for values that were not measured.
struct EpochLoss {
  double loss = std::numeric_limits<double>::quiet_NaN();
  double validation_loss = std::numeric_limits<double>::quiet_NaN();
};

/// Measurements of one epoch; NaN for values that were not measured.
struct Epoch {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  double epoch = 0;        ///< from 1
  double loss = none;      ///< on the training data, during the updates and with dropout
  double accuracy = none;  ///< likewise; only with labels
  double validation_loss = none, validation_accuracy = none;  ///< after the epoch
  double learning_rate = none;                                ///< of the last update
  double gradient_norm = none;                                ///< largest of the epoch, before clipping
  double seconds = none;
  std::vector<EpochLoss> losses = {};  ///< of Losses: each loss, in their order; else empty

  static constexpr std::array<std::string_view, 8> names{
      "epoch",         "loss",          "accuracy", "validation_loss", "validation_accuracy",
      "learning_rate", "gradient_norm", "seconds"};
  std::array<double, 8> numbers() const {
    return {epoch, loss, accuracy, validation_loss, validation_accuracy, learning_rate, gradient_norm, seconds};
  }
  static Epoch of(const double* n) { return {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], {}}; }
};

using History = std::vector<Epoch>;

/// Names of several losses, in their order.
using LossNames = std::vector<std::string>;

namespace detail {

inline void check_losses(const Epoch& epoch, const LossNames& names) {
  check_as_many("history", "names of losses", "entries as losses in an epoch", Index(names.size()),
                Index(epoch.losses.size()));
}

}  // namespace detail

/// History as CSV: a header line, then one line per epoch; fields of values that were not measured are empty. Of
/// several losses, the columns "loss of NAME" and "validation_loss of NAME" follow. Throws ShapeError unless there is a
/// name for each.
inline std::string to_csv(const History& history, const LossNames& losses = {}) {
  DataTable table{{Epoch::names.begin(), Epoch::names.end()}, {}};
  for (const std::string& name : losses)
    table.columns.push_back("loss of " + name), table.columns.push_back("validation_loss of " + name);
  for (const Epoch& epoch : history) {
    const auto numbers = epoch.numbers();
    auto& row = table.rows.emplace_back(numbers.begin(), numbers.end());
    detail::check_losses(epoch, losses);
    for (const EpochLoss& one : epoch.losses) row.emplace_back(one.loss), row.emplace_back(one.validation_loss);
  }
  return to_csv(table);
}

namespace detail {

inline std::string json_number(double number) { return is_finite(number) ? text(number) : "null"; }

inline std::string json_losses(const std::vector<EpochLoss>& losses, const LossNames& names) {
  std::string all;
  for (std::size_t k = 0; k < losses.size(); ++k) {
    all += all.empty() ? "\"" : ", \"";
    for (const char letter : names[k]) {
      if (letter == '"' || letter == '\\') all += '\\';
      all += letter;
    }
    all += text("\": [", json_number(losses[k].loss), ", ", json_number(losses[k].validation_loss), "]");
  }
  return all;
}

}  // namespace detail

/// History as JSON: an array of one object per epoch; null for values that were not measured. Several losses are the
/// object "losses" of pairs [loss, validation_loss] by name. Throws as to_csv.
inline std::string to_json(const History& history, const LossNames& losses = {}) {
  std::string json;
  for (const Epoch& epoch : history) {
    std::string object;
    for (std::size_t k = 0; k < Epoch::names.size(); ++k) {
      const double number = epoch.numbers()[k];
      object += text(k == 0 ? "" : ", ", "\"", Epoch::names[k], "\": ", detail::json_number(number));
    }
    detail::check_losses(epoch, losses);
    if (!losses.empty()) object += ", \"losses\": {" + detail::json_losses(epoch.losses, losses) + "}";
    json += text(json.empty() ? "[\n" : ",\n", "  {", object, "}");
  }
  return json.empty() ? "[]\n" : json + "\n]\n";
}

}  // namespace unroll
