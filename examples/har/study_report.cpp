#include "study_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "../support/format.hpp"
#include "report.hpp"

namespace har {

using namespace unroll;
using example::format;

namespace {

std::string deviation_text(const Options& options) {
  const std::size_t seeds = options.seeds.all().size();
  return seeds > 1 ? text("mean and sample standard deviation of ", seeds, " seeds") : "one seed";
}

std::string top_text(const std::vector<Summary>& top, std::size_t k) {
  return k < top.size() && top[k].count > 0 ? percent_text(top[k]) : "";
}

double epochs_of(const Run& run) { return double(run.record.history.size()); }
double seconds_of(const Run& run) { return run.record.seconds(); }

/// Table cells, the same for text and markdown.
DataTable cells_of(const Study& study, const Data& data) {
  DataTable table{{"batch", "units", "rate", "validation top-1", "test top-1", "top-2", "top-3", "epochs", "s per run"},
                  {}};
  for (const Row& row : study.rows) {
    const auto tested = top_summaries(row.runs, &Run::test);
    std::vector<TableValue> cells{text(row.setting.batch), text(row.setting.units), text(row.setting.rate),
                                  top_text(top_summaries(row.runs, &Run::validation), 0)};
    for (std::size_t k = 0; k < 3; ++k) cells.push_back(top_text(tested, k));
    cells.push_back(row.diverged() == 0 ? format("%.0f", row.mean(epochs_of)) : text(row.diverged(), " diverged"));
    cells.push_back(format("%.1f", row.mean(seconds_of)));
    table.rows.push_back(std::move(cells));
  }
  const auto base = top_summaries(study.baseline, &Run::test);
  table.rows.push_back(
      {"logistic regression", "", "", "", top_text(base, 0), top_text(base, 1), top_text(base, 2), "", ""});
  const double chance = chance_levels(data.test).majority;
  table.rows.push_back({"chance", "", "", "", format("%.1f %%", 100 * chance), "", "", "", ""});
  return table;
}

std::string headline(const Options& options, const Data& data) {
  return text(data.name, ", ", options.cell, ", ", options.outputs, " outputs, ",
              options.every_step       ? "every step"
              : options.pool == "last" ? "last step"
                                       : options.pool + " over time",
              " (", deviation_text(options), "; ", data.test.size(), " test sequences)");
}

/// Last line of the table.
std::string choice_text(const Study& study, const Options& options, const Data& data) {
  const Row& chosen = study.selected();
  return text(
      "selected by validation data: ", name_of(chosen.setting), "; top-1 ",
      top_text(top_summaries(chosen.runs, &Run::test), 0), " on ", data.test.size(), " ", tested_text(data),
      options.test_all ? ". Test results were not used for the selection.\n" : ". No other setting was tested.\n");
}

nlohmann::json json_of_setting(const Setting& setting) {
  return {{"batch", setting.batch}, {"units", setting.units}, {"rate", setting.rate}};
}

nlohmann::json json_of_tops(const std::vector<Summary>& top) {
  nlohmann::json object = nlohmann::json::object();
  for (std::size_t k = 0; k < top.size(); ++k) object[text("top_", k + 1)] = json_of(top[k]);
  return object;
}

constexpr std::pair<const char*, Part> parts[] = {
    {"training", &Run::training}, {"validation", &Run::validation}, {"test", &Run::test}};

std::vector<TableValue> with_setting(const Setting& setting) { return {setting.batch, setting.units, setting.rate}; }

void add(std::vector<TableValue>& cells, const Summary& summary, double scale) {
  cells.emplace_back(summary.count > 0 ? scale * summary.mean : Epoch::none);
  cells.emplace_back(summary.count > 1 ? scale * summary.sample_deviation : Epoch::none);
}

DataTable accuracies(const Study& study, Part part) {
  DataTable table{{"batch", "units", "rate", "top-1 (%)", "sd", "top-2 (%)", "sd", "top-3 (%)", "sd"}, {}};
  for (const Row& row : study.rows) {
    const auto tops = top_summaries(row.runs, part);
    if (tops.empty()) continue;
    auto cells = with_setting(row.setting);
    for (std::size_t k = 0; k < 3; ++k) add(cells, k < tops.size() ? tops[k] : Summary(), 100);
    table.rows.push_back(std::move(cells));
  }
  return table;
}

DataTable losses(const Study& study) {
  DataTable table{{"batch", "units", "rate", "training (nats)", "sd", "validation (nats)", "sd", "test (nats)", "sd"},
                  {}};
  for (const Row& row : study.rows) {
    auto cells = with_setting(row.setting);
    for (const auto& [name, part] : parts) {
      const bool known = !top_summaries(row.runs, part).empty();
      add(cells, known ? summary_of(row.runs, [part = part](const Run& run) { return (run.*part).loss; }) : Summary(),
          1);
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

DataTable times(const Study& study) {
  DataTable table{{"batch", "units", "rate", "epochs", "sd", "best epoch", "s per run", "sd", "diverged"}, {}};
  for (const Row& row : study.rows) {
    auto cells = with_setting(row.setting);
    add(cells, summary_of(row.runs, epochs_of), 1);
    cells.emplace_back(row.mean([](const Run& run) { return double(run.record.best_epoch); }));
    add(cells, summary_of(row.runs, seconds_of), 1);
    cells.emplace_back(row.diverged());
    table.rows.push_back(std::move(cells));
  }
  return table;
}

DataTable comparison(const Study& study, const Data& data) {
  DataTable table{{"model", "test top-1 (%)", "sd", "top-2 (%)", "sd", "top-3 (%)", "sd"}, {}};
  const auto line = [&](const std::string& name, const std::vector<Run>& runs) {
    const auto tops = top_summaries(runs, &Run::test);
    std::vector<TableValue> cells{name};
    for (std::size_t k = 0; k < 3; ++k) add(cells, k < tops.size() ? tops[k] : Summary(), 100);
    table.rows.push_back(std::move(cells));
  };
  line("selected: " + name_of(study.selected().setting), study.selected().runs);
  line("logistic regression", study.baseline);
  const double none = Epoch::none;
  table.rows.push_back({"chance", 100 * chance_levels(data.test).majority, none, none, none, none, none});
  return table;
}

/// One row per run, with accuracies in per cent for the page, as shares in files.
DataTable all_runs(const Study& study, bool in_per_cent = false) {
  DataTable table{{"batch", "units", "rate", "seed", "diverged", "training top-1", "validation top-1", "test top-1",
                   "test top-2", "test top-3", "validation loss", "test loss", "epochs", "best epoch", "seconds"},
                  {}};
  if (in_per_cent)
    for (std::size_t k = 5; k < 10; ++k) table.columns[k] += " (%)";
  const auto top = [&](const Scores& scores, std::size_t k) {
    return k < scores.top.size() ? (in_per_cent ? 100 : 1) * scores.top[k] : Epoch::none;
  };
  const auto loss = [](const Scores& scores) { return scores.top.empty() ? Epoch::none : scores.loss; };
  for (const Row& row : study.rows)
    for (const Run& run : row.runs)
      table.rows.push_back({row.setting.batch, row.setting.units, row.setting.rate, run.seed, int(run.diverged()),
                            top(run.training, 0), top(run.validation, 0), top(run.test, 0), top(run.test, 1),
                            top(run.test, 2), loss(run.validation), loss(run.test), std::ssize(run.record.history),
                            run.record.best_epoch, run.record.seconds()});
  return table;
}

}  // namespace

std::string name_of(const Setting& setting) {
  return text("batch ", setting.batch, ", ", setting.units, " units, rate ", setting.rate);
}

std::string tested_text(const Data& data) {
  return data.other_people ? "test sequences of other people than the training data" : "test sequences";
}

std::vector<StudyTable> study_tables(const Study& study, const Options& options, const Data& data) {
  const std::string spread = text(" (%), ", deviation_text(options), ".");
  return {
      {"table_1_training", "Table I. Training accuracy of all settings" + spread, accuracies(study, &Run::training)},
      {"table_2_validation", "Table II. Validation accuracy of all settings, which selects the setting" + spread,
       accuracies(study, &Run::validation)},
      {"table_3_test",
       text("Table III. Accuracy on ", tested_text(data),
            options.test_all ? ", not used for the selection" : ", of the selected setting only", spread),
       accuracies(study, &Run::test)},
      {"table_4_losses", "Table IV. Cross entropy (nats), " + deviation_text(options) + ".", losses(study)},
      {"table_5_time", "Table V. Epochs, and seconds on one core, " + deviation_text(options) + ".", times(study)},
      {"table_6_comparison", "Table VI. Selected setting, logistic regression and chance" + spread,
       comparison(study, data)},
      {"table_7_runs", "Table VII. All runs.", all_runs(study, true)}};
}

std::string outcome_text(const Run& run) {
  const std::string line = text("batch ", run.setting.batch, ", units ", run.setting.units, ", rate ", run.setting.rate,
                                ", seed ", run.seed, ": ");
  if (run.diverged()) return line + "diverged: " + run.record.diverged + "\n";
  const History& history = run.record.history;
  const Index best = run.record.best_epoch > 0 ? run.record.best_epoch : std::ssize(history);
  const Epoch& kept = history[std::size_t(best - 1)];
  return line +
         format("%ld epochs in %.1f s, validation loss %.3f, top-1 %.1f %% in epoch %ld", long(history.size()),
                run.record.seconds(), kept.validation_loss, 100 * kept.validation_accuracy, long(best)) +
         (run.record.loaded ? " (loaded)\n" : "\n");
}

std::string study_text(const Study& study, const Options& options, const Data& data) {
  return headline(options, data) + "\n" + to_text(cells_of(study, data), {.right = true}) +
         choice_text(study, options, data);
}

std::string study_markdown(const Study& study, const Options& options, const Data& data) {
  return headline(options, data) + "\n\n" + to_markdown(cells_of(study, data)) + "\n" +
         choice_text(study, options, data);
}

std::string study_csv(const Study& study) {
  DataTable table = all_runs(study);
  for (std::string& name : table.columns)
    std::ranges::replace_if(
        name, [](char c) { return c == ' ' || c == '-'; }, '_');
  return to_csv(table);
}

nlohmann::json study_options_json(const Options& options) {
  nlohmann::json all = options_json(options);
  all.update({{"units", options.space.units},
              {"batch", options.space.batch},
              {"rate", options.space.rate},
              {"search", options.search},
              {"test_all", options.test_all}});
  if (options.search != "grid") all["trials"] = options.trials;
  return all;
}

nlohmann::json study_json(const Study& study, const Options& options, const Data& data) {
  nlohmann::json all{{"data",
                      {{"name", data.name},
                       {"training_sequences", data.train.size()},
                       {"test_sequences", data.test.size()},
                       {"channels", data.train.features()},
                       {"classes", data.classes},
                       {"remarks", data.remarks}}},
                     {"options", study_options_json(options)},
                     {"logistic_regression", json_of_tops(top_summaries(study.baseline, &Run::test))},
                     {"guessing", chance_levels(data.test).majority},
                     {"chosen_by_validation", json_of_setting(study.selected().setting)},
                     {"settings", nlohmann::json::array()},
                     {"runs", nlohmann::json::array()}};
  for (const Row& row : study.rows) {
    nlohmann::json object = json_of_setting(row.setting);
    for (const auto& [name, part] : parts)
      if (const auto tops = top_summaries(row.runs, part); !tops.empty()) object[name] = json_of_tops(tops);
    object.update({{"diverged", row.diverged()}, {"trained_until", row.epochs}});
    if (row.diverged() < std::ssize(row.runs))
      object.update({{"epochs", row.mean(epochs_of)}, {"seconds", row.mean(seconds_of)}});
    all["settings"].push_back(object);
    for (const Run& run : row.runs) {
      nlohmann::json one = json_of_setting(row.setting);
      one.update(json_of(run));
      all["runs"].push_back(one);
    }
  }
  return all;
}

}  // namespace har
