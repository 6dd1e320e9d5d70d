#include "run_file.hpp"

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

ConfusionMatrix::Counts counts_of(const nlohmann::json& list, Index classes) {
  require<ValueError>(list.is_array() && Index(list.size()) == classes * classes,
                      "run: the confusion matrix must have ", classes, " classes");
  ConfusionMatrix::Counts counts(classes, classes);
  for (Index k = 0; k < counts.size(); ++k) counts.data()[k] = whole_of(list[std::size_t(k)], 0, Index(1) << 53);
  return counts;
}

void take(const nlohmann::json& json, Index classes, Outcome& run) {
  run.diverged = json.at("diverged");
  run.top = json.at("top").get<std::vector<double>>();
  run.loss = json.at("test_loss");
  run.seconds = json.at("seconds");
  const bool whole = run.diverged.empty();
  run.confusion = counts_of(json.at("confusion_by_columns"), whole ? classes : 0);
  for (const nlohmann::json& epoch : json.at("history")) {
    std::array<double, Epoch::names.size()> numbers;
    for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = number_of(epoch.at(std::string(Epoch::names[k])));
    run.history.push_back(Epoch::of(numbers.data()));
  }
  run.best_epoch = whole_of(json.at("best_epoch"), 0, Index(run.history.size()));
  require<ValueError>(run.top.empty() != whole && run.history.empty() != whole,
                      "run: must have either results or a reason of the divergence");
}

}  // namespace

std::string run_text(const Outcome& run, const std::string& of) {
  nlohmann::json counts = nlohmann::json::array();
  for (Index k = 0; k < run.confusion.size(); ++k) counts.push_back(run.confusion.data()[k]);
  const nlohmann::json object{{"of", of},
                              {"diverged", run.diverged},
                              {"top", run.top},
                              {"test_loss", run.loss},
                              {"best_epoch", run.best_epoch},
                              {"seconds", run.seconds},
                              {"confusion_by_columns", counts},
                              {"history", nlohmann::json::parse(to_json(run.history))}};
  return object.dump(1) + "\n";
}

std::optional<Outcome> read_run(const std::filesystem::path& file, const std::string& of, Index classes,
                                Outcome run) try {
  if (!std::filesystem::exists(file)) return std::nullopt;
  const auto json = unroll::detail::parse_json(unroll::detail::read_text(file), file.string());
  if (json.at("of") != of) return std::nullopt;
  take(json, classes, run);
  return run;
} catch (const nlohmann::json::exception&) {
  return std::nullopt;
} catch (const Error&) {
  return std::nullopt;
}

}  // namespace har
