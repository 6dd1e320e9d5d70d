#include "run_file.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "unroll/io/input_file.hpp"
#include "unroll/io/json.hpp"

namespace har {

using namespace unroll;

namespace {

double number_of(const nlohmann::json& value) { return value.is_null() ? Epoch::none : value.get<double>(); }

/// Integer from `low` to `high`. Throws ValueError for other values.
Index whole_of(const nlohmann::json& value, Index low, Index high) {
  const bool whole = value.is_number_integer() && !(value.is_number_unsigned() && value > high);
  require<ValueError>(whole && value >= low && value <= high, "run: the number must be a whole number from ", low,
                      " to ", high, ", got ", [&] { return value.dump(); });
  return value.get<Index>();
}

RunRecord record_of(const nlohmann::json& json) {
  RunRecord run{.epochs = whole_of(json.at("epochs"), 1, 1000000),
                .diverged = json.at("diverged"),
                .stopped_early = json.at("stopped_early")};
  for (const nlohmann::json& epoch : json.at("history")) {
    std::array<double, Epoch::names.size()> numbers;
    for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = number_of(epoch.at(std::string(Epoch::names[k])));
    run.history.push_back(Epoch::of(numbers.data()));
  }
  const Index trained = std::ssize(run.history);
  run.best_epoch = whole_of(json.at("best_epoch"), 0, trained);
  const bool complete = run.stopped_early ? trained >= 1 && trained <= run.epochs : trained == run.epochs;
  require<ValueError>(run.diverged.empty() ? complete : trained == 0,
                      "run: must have the history of all epochs or a reason of the divergence");
  return run;
}

}  // namespace

Index best_epoch(const History& history, Index epochs, Monitor monitor, double least_gain) {
  Index best = 0;
  double value = 0;
  for (Index k = 0; k < std::min<Index>(epochs, std::ssize(history)); ++k) {
    const double now = unroll::detail::monitored(history[std::size_t(k)], monitor);
    if (!is_finite(now)) continue;
    const bool better = unroll::detail::is_accuracy(monitor) ? now > value + least_gain : now < value - least_gain;
    if (best == 0 || better) best = k + 1, value = now;
  }
  return best;
}

std::string record_text(const RunRecord& run, const std::string& of) {
  const nlohmann::json object{{"of", of},
                              {"epochs", run.epochs},
                              {"diverged", run.diverged},
                              {"best_epoch", run.best_epoch},
                              {"stopped_early", run.stopped_early},
                              {"history", nlohmann::json::parse(to_json(run.history))}};
  return object.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<RunRecord> read_record(const std::filesystem::path& file, const std::string& of) try {
  if (!std::filesystem::exists(file)) return std::nullopt;
  const auto json = unroll::detail::parse_json(unroll::detail::read_text(file), file.string());
  if (json.at("of") != of) return std::nullopt;
  return record_of(json);
} catch (const nlohmann::json::exception&) {
  return std::nullopt;
} catch (const Error&) {
  return std::nullopt;
}

}  // namespace har
