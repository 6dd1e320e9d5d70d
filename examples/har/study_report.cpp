#include "study_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unroll/core/tables/data_table.hpp>

#include "../support/format.hpp"
#include "report.hpp"

namespace har {

using namespace unroll;
using example::format;

namespace {

Summary summary_of(const std::vector<double>& values) {
  return summarize(Eigen::Map<const VectorX<double>>(values.data(), Index(values.size())));
}

Row row_of(std::span<const Outcome> seeds) {
  Row row{.setting = seeds.front().setting, .top = {}};
  std::vector<std::vector<double>> top;
  std::vector<double> validation;
  for (const Outcome& run : seeds) {
    if (run.diverged.empty()) validation.push_back(run.validation());
    row.diverged += !run.diverged.empty();
    row.epochs += double(run.history.size()) / double(seeds.size());
    row.seconds += run.seconds / double(seeds.size());
    top.resize(std::max(top.size(), run.top.size()));
    for (std::size_t k = 0; k < run.top.size(); ++k) top[k].push_back(run.top[k]);
  }
  for (const auto& values : top) row.top.push_back(summary_of(values));
  if (!validation.empty()) row.validation = summary_of(validation);
  return row;
}

std::string deviation_text(const Options& options) {
  return options.seeds > 1 ? text("mean and sample standard deviation of ", options.seeds, " seeds") : "one seed";
}

std::string top_text(const std::vector<Summary>& top, std::size_t k) {
  return k < top.size() ? percent_text(top[k]) : "";
}

/// Table cells, the same for text and markdown.
DataTable cells_of(const Study& study, const Data& data) {
  DataTable table{{"batch", "units", "rate", "validation top-1", "test top-1", "top-2", "top-3", "epochs", "s per run"},
                  {}};
  for (const Row& row : rows_of(study)) {
    std::vector<TableValue> cells{text(row.setting.batch), text(row.setting.units), text(row.setting.rate),
                                  row.top.empty() ? "" : percent_text(row.validation)};
    for (std::size_t k = 0; k < 3; ++k) cells.push_back(top_text(row.top, k));
    cells.push_back(row.diverged == 0 ? format("%.0f", row.epochs) : text(row.diverged, " diverged"));
    cells.push_back(format("%.1f", row.seconds));
    table.rows.push_back(std::move(cells));
  }
  const auto base = top_summaries(study.baseline);
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
std::string choice_text(const Study& study, const Data& data) {
  const auto rows = rows_of(study);
  const Row& chosen = chosen_of(rows);
  return text("selected by validation data: ", name_of(chosen.setting), "; top-1 ", top_text(chosen.top, 0), " on ",
              data.test.size(), " ", tested_text(data), ". Test results were not used for the selection.\n");
}

nlohmann::json json_of_setting(const Setting& setting) {
  return {{"batch", setting.batch}, {"units", setting.units}, {"rate", setting.rate}};
}

nlohmann::json json_of_tops(const std::vector<Summary>& top) {
  nlohmann::json object = nlohmann::json::object();
  for (std::size_t k = 0; k < top.size(); ++k) object[text("top_", k + 1)] = json_of(top[k]);
  return object;
}

}  // namespace

std::vector<Row> rows_of(const Study& study) {
  std::vector<Row> rows;
  const std::span<const Outcome> runs(study.runs);
  const std::size_t seeds = study.baseline.size();
  for (std::size_t first = 0; first < runs.size(); first += seeds) rows.push_back(row_of(runs.subspan(first, seeds)));
  return rows;
}

const Row& chosen_of(const std::vector<Row>& rows) {
  return *std::ranges::max_element(rows, {}, [](const Row& row) { return row.top.empty() ? -1 : row.validation.mean; });
}

std::string name_of(const Setting& setting) {
  return text("batch ", setting.batch, ", ", setting.units, " units, rate ", setting.rate);
}

std::string tested_text(const Data& data) {
  return data.other_people ? "test sequences of other people than the training data" : "test sequences";
}

std::string outcome_text(const Outcome& run, bool resumed) {
  std::string line = text("batch ", run.setting.batch, ", units ", run.setting.units, ", rate ", run.setting.rate,
                          ", seed ", run.seed, ": ");
  if (!run.diverged.empty()) return line + "diverged: " + run.diverged + "\n";
  line += format("%ld epochs in %.1f s, test loss %.3f", long(run.history.size()), run.seconds, run.loss);
  for (std::size_t k = 0; k < run.top.size(); ++k) line += format(", top-%ld %.1f %%", long(k + 1), 100 * run.top[k]);
  return line + (resumed ? " (loaded)\n" : "\n");
}

std::string study_text(const Study& study, const Options& options, const Data& data) {
  return headline(options, data) + "\n" + to_text(cells_of(study, data), {.right = true}) + choice_text(study, data);
}

std::string study_markdown(const Study& study, const Options& options, const Data& data) {
  return headline(options, data) + "\n\n" + to_markdown(cells_of(study, data)) + "\n" + choice_text(study, data);
}

std::string study_csv(const Study& study) {
  std::string csv =
      "batch,units,rate,seed,diverged,validation_top_1,test_top_1,test_top_2,test_top_3,test_loss,epochs,best_epoch,"
      "seconds\n";
  for (const Outcome& run : study.runs) {
    csv += text(run.setting.batch, ",", run.setting.units, ",", run.setting.rate, ",", run.seed, ",",
                int(!run.diverged.empty()), ",", is_finite(run.validation()) ? text(run.validation()) : "");
    for (std::size_t k = 0; k < 3; ++k) csv += k < run.top.size() ? text(",", run.top[k]) : ",";
    csv += text(",", run.loss, ",", run.history.size(), ",", run.best_epoch, ",", run.seconds, "\n");
  }
  return csv;
}

std::string study_json(const Study& study, const Options& options, const Data& data) {
  nlohmann::json all{{"data",
                      {{"name", data.name},
                       {"training_sequences", data.train.size()},
                       {"test_sequences", data.test.size()},
                       {"channels", data.train.features()},
                       {"classes", data.classes},
                       {"remarks", data.remarks}}},
                     {"options", options_json(options)},
                     {"logistic_regression", json_of_tops(top_summaries(study.baseline))},
                     {"guessing", chance_levels(data.test).majority},
                     {"seconds", study.seconds},
                     {"runs_that_were_there", study.resumed},
                     {"settings", nlohmann::json::array()},
                     {"runs", nlohmann::json::array()}};
  const auto rows = rows_of(study);
  all["chosen_by_validation"] = json_of_setting(chosen_of(rows).setting);
  for (const Row& row : rows) {
    nlohmann::json object = json_of_setting(row.setting);
    object.update(json_of_tops(row.top));
    object["validation_top_1"] = json_of(row.validation);
    object.update({{"diverged", row.diverged}, {"epochs", row.epochs}, {"seconds", row.seconds}});
    all["settings"].push_back(object);
  }
  for (const Outcome& run : study.runs) {
    nlohmann::json object = json_of_setting(run.setting);
    object.update({{"seed", run.seed}, {"diverged", run.diverged}, {"top", run.top}, {"seconds", run.seconds}});
    all["runs"].push_back(object);
  }
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace har
