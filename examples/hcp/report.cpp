#include "report.hpp"

#include "../support/fingerprint.hpp"
#include "../support/format.hpp"
#include "../support/names.hpp"
#include "unroll/report/report.hpp"

namespace hcp {

using namespace unroll;
using example::format;

namespace {

nlohmann::json json_of(const Interval& i) { return {{"value", i.value}, {"low", i.low}, {"high", i.high}}; }

nlohmann::json json_of(const ChanceLevels& c) {
  return {{"uniform", c.uniform},
          {"majority", c.majority},
          {"majority_per_sequence", c.per_sequence},
          {"majority_per_step", c.per_step},
          {"by_length", c.per_length},
          {"balanced_per_step", c.balanced_per_step},
          {"balanced_by_length", c.balanced_per_length}};
}

nlohmann::json json_of(const Scores& scores) {
  nlohmann::json object{{"accuracy", json_of(scores.steps.accuracy())},
                        {"balanced_accuracy", json_of(scores.steps.balanced_accuracy())},
                        {"scored_steps", scores.steps.scored()}};
  for (std::size_t t = 0; t < scores.at_step.size(); ++t)
    object["accuracy_at_step"].push_back(scores.at_step[t].accuracy().value);
  for (Index k = 0; k < scores.confusion.rows(); ++k) {
    const Index all = scores.confusion.row(k).sum();
    object["recall"].push_back(all == 0 ? 0.0 : double(scores.confusion(k, k)) / double(all));
  }
  return object;
}

nlohmann::json json_of(const Fold& fold, const Data& data) {
  nlohmann::json object{{"seed", fold.seed},
                        {"accuracy", json_of(fold.accuracy)},
                        {"balanced_accuracy", json_of(fold.balanced)},
                        {"seconds", fold.seconds}};
  for (const Index p : fold.held_out) object["held_out"].push_back(data.participants[std::size_t(p)]);
  return object;
}

nlohmann::json json_of(const LeakReport& leak) {
  nlohmann::json object{{"leaks", leak.leaks()},
                        {"verdict", leak.verdict()},
                        {"targets_seen", leak.targets_seen.has_value()},
                        {"repeats", leak.repeats},
                        {"groups", leak.groups}};
  for (const ControlResult& result : leak.controls)
    object["controls"].push_back({{"control", std::string(name(result.control))},
                                  {"accuracy", json_of(result.accuracy)},
                                  {"chance", result.chance},
                                  {"balanced_accuracy", json_of(result.balanced)},
                                  {"balanced_chance", result.balanced_chance}});
  return object;
}

nlohmann::json json_of(const Run& run) {
  nlohmann::json object{{"seed", run.seed}, {"seconds", run.training.seconds()}};
  if (run.cross_validation) object["cross_validation"] = json_of(*run.cross_validation);
  if (run.test) object["accuracy"] = json_of(*run.test), object["balanced_accuracy"] = json_of(*run.balanced);
  if (run.training.best_epoch > 0) object["best_epoch"] = run.training.best_epoch;
  for (const Epoch& epoch : run.training.history) {
    object["training_loss"].push_back(epoch.loss);
    if (is_finite(epoch.validation_loss)) {
      object["validation_loss"].push_back(epoch.validation_loss);
      object["validation_accuracy"].push_back(epoch.validation_accuracy);
    }
  }
  return object;
}

}  // namespace

std::string percent_text(const Interval& i) {
  return format("%.1f %% (%.1f to %.1f)", 100 * i.value, 100 * i.low, 100 * i.high);
}

std::string data_text(const Data& data, const Division& division) {
  Index longest = 0;
  for (Index s = 0; s < data.clips.size(); ++s) longest = std::max(longest, data.clips.length(s));
  return text(data.source, "\n  ", data.clips.size(), " sequences of up to ", longest, " seconds, ",
              data.clips.features(), " regions, ", data.classes.size(),
              data.classes == clip_names() ? " clips\n  " : " classes\n  ",
              division.training.empty() ? "" : text(division.training.size(), " training participants, "),
              division.test.size(), " test participants\n",
              data.classes == clip_names() ? "" : text("  classes: ", example::quoted_list(data.classes), "\n"));
}

std::string fold_text(std::size_t number, const Fold& fold) {
  return format("fold %zu, seed %llu: %zu participants held out, accuracy %s, balanced %.1f %%, %.1f s\n", number,
                static_cast<unsigned long long>(fold.seed), fold.held_out.size(), percent_text(fold.accuracy).c_str(),
                100 * fold.balanced.value, fold.seconds);
}

std::string epoch_text(const Epoch& epoch, Index epochs) {
  const std::string validation = is_finite(epoch.validation_loss)
                                     ? format(", validation loss %.4f nats, validation accuracy %5.1f %%",
                                              epoch.validation_loss, 100 * epoch.validation_accuracy)
                                     : std::string();
  return format("epoch %3.0f/%ld   loss %.4f nats, accuracy %5.1f %%", epoch.epoch, long(epochs), epoch.loss,
                100 * epoch.accuracy) +
         validation + format(", %.1f s\n", epoch.seconds);
}

std::string run_text(Control control, Index repeat, const GroupedHits& hits) {
  return format("control %ld: %s: accuracy %.1f %%, balanced %.1f %%\n", long(repeat + 1),
                std::string(name(control)).c_str(), 100 * hits.accuracy().value, 100 * hits.balanced_accuracy().value);
}

std::string moments_text(const Scores& scores) {
  std::string line = "accuracy after";
  for (const std::size_t t : std::initializer_list<std::size_t>{0, 5, 10, 20, 30, 45, 60, 75, 89, 120, 180, 240})
    if (t < scores.at_step.size())
      line += format("%s %zu s %.0f %%", t == 0 ? "" : ",", t, 100 * scores.at_step[t].accuracy().value);
  return line + "\n";
}

std::string chance_text(const ChanceLevels& c) {
  return format(
      "chance without input: most frequent clip %.1f %%, most frequent clip of each second %.1f %%; balanced %.1f %% "
      "and %.1f %%\n",
      100 * c.majority, 100 * c.per_step, 100 * c.uniform, 100 * c.balanced_per_step);
}

std::string all_tested_text(const Results& results) {
  return text("all ", results.tested.participants, " test participants, ", results.tested.trained_on.size(),
              " of them in the training data");
}

std::string tested_text(const Results& results) {
  const Index count = results.main().steps.groups();
  const std::string participants = text(count, count == 1 ? " participant" : " participants");
  if (!results.test) return participants + " in cross-validation";
  if (!results.tested.known) return participants + " (training participants unknown)";
  if (results.all_tested || results.tested.trained_on.empty()) return participants + " not in the training data";
  return participants + (count == 1 ? ", in the training data" : ", all of them in the training data");
}

std::string known_text(const Results& results) {
  if (results.tested.trained_on.empty()) return {};
  return text("participants in the training data (", results.tested.trained_on.size(),
              "): ", example::quoted_list(results.tested.trained_on), "\n");
}

std::string seeds_text(const Results& results) {
  if (results.runs.size() < 2) return {};
  std::string lines;
  VectorX<double> accuracies(Index(results.runs.size()));
  for (std::size_t k = 0; k < results.runs.size(); ++k) {
    const Run& run = results.runs[k];
    const Interval& accuracy = run.test ? *run.test : *run.cross_validation;
    accuracies[Index(k)] = 100 * accuracy.value;
    lines += text("seed ", run.seed, ": accuracy ", percent_text(accuracy),
                  run.cross_validation && run.test ? ", cross-validation " + percent_text(*run.cross_validation) : "",
                  run.seed == results.best().seed ? ", saved in model.safetensors" : "", "\n");
  }
  const Summary summary = summarize(accuracies);
  return lines + format("%ld seeds: accuracy %.1f +- %.1f %% (mean and sample standard deviation)\n",
                        long(summary.count), summary.mean, summary.sample_deviation);
}

std::string result_text(const Results& results) {
  const auto line = [](const GroupedHits& steps, const std::string& participants) {
    return text("accuracy ", percent_text(steps.accuracy()), ", balanced ", percent_text(steps.balanced_accuracy()),
                ", ", participants, "\n");
  };
  const std::string all = results.all_tested ? line(results.all_tested->steps, all_tested_text(results)) : "";
  return all + line(results.main().steps, tested_text(results));
}

std::string metrics_json(const nlohmann::json& settings, const Data& data, const Division& division,
                         const Results& results) {
  nlohmann::json all{{"options", settings},
                     {"data",
                      {{"source", data.source},
                       {"sequences", data.clips.size()},
                       {"regions", data.clips.features()},
                       {"training_participants", division.training.size()},
                       {"test_participants", division.test.size()},
                       {"classes", data.classes}}}};
  if (!results.leak) all["chance"] = json_of(results.chance);
  for (const Fold& fold : results.folds) all["folds"].push_back(json_of(fold, data));
  for (const Run& run : results.runs) all["runs"].push_back(json_of(run));
  if (results.cross_validation) all["cross_validation"] = json_of(*results.cross_validation);
  if (results.test) {
    all["test"] = json_of(*results.test);
    all["test"]["participants"] = tested_text(results);
    all["test"]["trained_participants"] = results.tested.trained_on;
  }
  if (results.all_tested) {
    all["test_of_all"] = json_of(*results.all_tested);
    all["test_of_all"]["participants"] = all_tested_text(results);
  }
  if (results.leak) all["leak_test"] = json_of(*results.leak);
  // Names from files may contain invalid UTF-8: it is replaced instead of throwing.
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

example::RunScores scores_of(const Data& data, const std::vector<Run>& runs) {
  example::RunScores scores{.seeds = {}, .items = "participants"};
  example::Fingerprint tested;
  const std::string all = fingerprint(data);
  tested.add(all.data(), all.size());
  for (const std::string& name : runs.front().tested) tested.add(name.c_str(), name.size() + 1);
  scores.tested = tested.text();
  example::ItemMeasure accuracy{.name = "accuracy", .unit = "%"};
  std::vector<History> histories;
  for (const Run& run : runs) {
    scores.seeds.push_back(run.seed);
    histories.push_back(run.training.history);
    auto& [parts, wholes] = accuracy.seeds.emplace_back();
    for (const Hits& hits : run.of_person) parts.push_back(double(hits.correct)), wholes.push_back(double(hits.scored));
  }
  scores.curves = example::curves_of(histories);
  scores.measures.push_back(std::move(accuracy));
  return scores;
}

}  // namespace hcp
