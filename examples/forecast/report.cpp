#include "report.hpp"

#include <cmath>

#include "../support/format.hpp"
#include "../support/names.hpp"
#include "../support/today.hpp"
#include "pictures.hpp"
#include "unroll/report/environment.hpp"
#include "unroll/train/metrics/summary.hpp"

namespace forecast {

using namespace unroll;
using example::format;

namespace {

/// Number, or "-" if it is missing.
std::string number_text(const char* pattern, double value) {
  return std::isfinite(value) ? format(pattern, value) : "-";
}

Named all_of(const Results& results, const Scores Run::*of_run, const Scores Baseline::*of_baseline) {
  Named all;
  for (const Run& run : results.runs) all.emplace_back(text("network, seed ", run.seed), &(run.*of_run));
  for (const Baseline& baseline : results.baselines) all.emplace_back(baseline.name, &(baseline.*of_baseline));
  return all;
}

std::string channel_name(const Plan& plan, Index target) {
  return plan.regression() ? "value" : plan.channels[std::size_t(target)];
}

/// Number as JSON; null if it is missing.
nlohmann::ordered_json number_json(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

nlohmann::ordered_json json_of(const Errors& errors) {
  return {{"mase", number_json(errors.mase)},         {"mae", number_json(errors.mae)},
          {"rmse", number_json(errors.rmse)},         {"pinball", number_json(errors.pinball)},
          {"coverage", number_json(errors.coverage)}, {"values", errors.count}};
}

/// Mean and deviation over the runs; NaN for an error that was not measured.
Summary over_runs(const Results& results, double Errors::*member) {
  VectorX<double> values(Index(results.runs.size()));
  for (Index k = 0; k < values.size(); ++k) values[k] = results.runs[std::size_t(k)].test.errors().*member;
  return values.allFinite() ? summarize(values) : Summary{.mean = std::nan("")};
}

/// Baseline with the lowest error on the validation part.
const Baseline& best_baseline(const Results& results) {
  return *std::ranges::min_element(results.baselines, {}, [](const Baseline& one) {
    const double error = one.validation.errors().mase;
    return std::isfinite(error) ? error : HUGE_VAL;
  });
}

void add_metrics(Report& report, const Results& results) {
  const bool several = results.runs.size() > 1;
  const std::string note =
      several ? text("mean and sample standard deviation of ", results.runs.size(), " seeds, test part") : "test part";
  const auto add = [&](const char* name, double Errors::*member, double scale, const char* unit) {
    const Summary summary = over_runs(results, member);
    if (std::isfinite(summary.mean))
      report.metric(
          {name, scale * summary.mean, several ? scale * summary.sample_deviation : std::nan(""), unit, note});
  };
  add("mean absolute scaled error", &Errors::mase, 1, "");
  add("mean absolute error", &Errors::mae, 1, "");
  add("root mean squared error", &Errors::rmse, 1, "");
  add("pinball loss", &Errors::pinball, 1, "");
  add("coverage of the interval", &Errors::coverage, 100, "%");
  const Baseline& baseline = best_baseline(results);
  report.metric({.name = "mean absolute scaled error of the best baseline",
                 .value = baseline.test.errors().mase,
                 .note = text(baseline.name, ", selected by the validation part")});
}

}  // namespace

std::string data_text(const Plan& plan, const Data& data) {
  const SeriesSet& set = data.set;
  std::string words = text(set.series.size(), " series, ", set.steps(), " steps in ", set.source, "; ",
                           plan.regression() ? "regression from " : "forecast of ",
                           example::quoted_list(plan.regression() ? plan.channels : plan.target_names()), "\n");
  for (const std::string& remark : data.remarks) words += remark + "\n";
  if (plan.regression()) {
    Index training = 0, validation = 0;
    for (const Borders& one : data.borders)
      training += one.training > 0, validation += one.training == 0 && one.validation > 0;
    return words + text(training, " training series, ", validation, " validation series, ",
                        Index(data.borders.size()) - training - validation, " test series\n");
  }
  for (std::size_t k = 0; k < std::min<std::size_t>(5, data.borders.size()); ++k) {
    const Series& one = set.series[k];
    const auto [training, validation] = data.borders[k];
    const auto place = [&](Index step) {
      return one.dates.empty() ? text("step ", step) : one.dates[std::size_t(std::min(step, one.values.cols() - 1))];
    };
    words += text(one.name.empty() ? "" : one.name + ": ", "validation part from ", place(training),
                  ", test part from ", place(validation), ", ", one.values.cols(), " steps\n");
  }
  return words;
}

DataTable comparison_table(const Plan& plan, const Named& all) {
  DataTable table{{"forecast", "channel", "MASE", "MAE", "RMSE", "pinball loss", "coverage (%)", "values"}, {}};
  for (const auto& [name, scores] : all)
    for (Index c = 0; c < plan.targets; ++c) {
      const Errors errors = scores->errors(c);
      table.rows.push_back({name, channel_name(plan, c), errors.mase, errors.mae, errors.rmse, errors.pinball,
                            100 * errors.coverage, errors.count});
    }
  return table;
}

DataTable horizon_table(const Plan& plan, const Named& all) {
  DataTable table{{"forecast", "channel", "step", "MASE", "MAE", "RMSE", "pinball loss", "coverage (%)"}, {}};
  for (const auto& [name, scores] : all)
    for (Index c = 0; c < plan.targets; ++c)
      for (Index h = 1; h <= plan.horizon; ++h) {
        const Errors errors = scores->errors(c, h);
        table.rows.push_back({name, channel_name(plan, c), h, errors.mase, errors.mae, errors.rmse, errors.pinball,
                              100 * errors.coverage});
      }
  return table;
}

DataTable coverage_table(const Plan& plan, const Scores& scores) {
  DataTable table{{"quantile", "share of the values at most the forecast"}, {}};
  const auto shares = scores.shares();
  for (std::size_t q = 0; q < shares.size(); ++q) table.rows.push_back({plan.quantiles[q], shares[q]});
  return table;
}

std::string comparison_text(const Plan& plan, const Named& all) {
  std::string lines = format("%-36s %-14s %7s %10s %10s %9s\n", "", "channel", "MASE", "MAE", "RMSE", "coverage");
  for (const auto& [name, scores] : all)
    for (Index c = 0; c < plan.targets; ++c) {
      const Errors errors = scores->errors(c);
      lines += format("%-36s %-14s %7s %10s %10s %9s\n", name.c_str(), channel_name(plan, c).c_str(),
                      number_text("%.3f", errors.mase).c_str(), number_text("%.4g", errors.mae).c_str(),
                      number_text("%.4g", errors.rmse).c_str(), number_text("%.1f %%", 100 * errors.coverage).c_str());
    }
  return lines;
}

nlohmann::ordered_json errors_json(const Plan& plan, const Scores& scores) {
  nlohmann::ordered_json all = json_of(scores.errors());
  for (Index c = 0; c < plan.targets; ++c) {
    nlohmann::ordered_json channel = json_of(scores.errors(c));
    channel["channel"] = channel_name(plan, c);
    for (Index h = 1; h <= plan.horizon; ++h) channel["steps"].push_back(json_of(scores.errors(c, h)));
    all["channels"].push_back(std::move(channel));
  }
  const auto shares = scores.shares();
  for (std::size_t q = 0; q < shares.size(); ++q)
    if (std::isfinite(shares[q])) all["shares_below"][text(plan.quantiles[q])] = shares[q];
  return all;
}

nlohmann::ordered_json results_json(const nlohmann::ordered_json& settings, const Data& data, const Results& results) {
  const Plan& plan = results.best().model.plan;
  nlohmann::ordered_json all{{"options", settings},
                             {"data",
                              {{"source", data.set.source},
                               {"series", data.set.series.size()},
                               {"steps", data.set.steps()},
                               {"missing", data.set.missing()}}},
                             {"selected_seed", results.best().seed}};
  for (const Run& run : results.runs)
    all["runs"].push_back({{"seed", run.seed},
                           {"epochs", run.fit.history.size()},
                           {"best_epoch", run.fit.best_epoch},
                           {"validation_loss", run.validation_loss()},
                           {"validation", errors_json(plan, run.validation)},
                           {"test", errors_json(plan, run.test)}});
  for (const Baseline& one : results.baselines)
    all["baselines"].push_back(
        {{"name", one.name}, {"validation", errors_json(plan, one.validation)}, {"test", errors_json(plan, one.test)}});
  return all;
}

example::RunScores scores_of(const Results& results, const std::vector<Origin>& test) {
  const Plan& plan = results.best().model.plan;
  std::vector<std::pair<std::uint64_t, const Scores*>> seeds;
  std::vector<History> histories;
  for (const Run& run : results.runs) seeds.emplace_back(run.seed, &run.test), histories.push_back(run.fit.history);
  example::RunScores scores = scores_of(plan, test, seeds);
  scores.curves = example::curves_of(histories, plan.recursive() ? "squared error" : "pinball loss");
  return scores;
}

std::string history_csv(const Results& results) {
  DataTable table{{"seed"}, {}};
  table.columns.insert(table.columns.end(), Epoch::names.begin(), Epoch::names.end());
  for (const Run& run : results.runs)
    for (const Epoch& epoch : run.fit.history) {
      table.rows.push_back({run.seed});
      for (const double number : epoch.numbers()) table.rows.back().emplace_back(number);
    }
  return to_csv(table);
}

std::string result_text(const Results& results) {
  const Summary error = over_runs(results, &Errors::mase), coverage = over_runs(results, &Errors::coverage);
  const Plan& plan = results.best().model.plan;
  const Baseline& baseline = best_baseline(results);
  const std::string interval = std::isfinite(coverage.mean)
                                   ? format(", %.1f %% of the values in the %g %% interval", 100 * coverage.mean,
                                            100 * (plan.quantiles.back() - plan.quantiles.front()))
                                   : std::string();
  const std::string seeds =
      results.runs.size() > 1 ? text(", mean and sample standard deviation of ", results.runs.size(), " seeds") : "";
  return text("test: MASE ", number_text("%.3f", error.mean),
              results.runs.size() > 1 ? " +- " + number_text("%.3f", error.sample_deviation) : "", interval, "; ",
              baseline.name, " ", number_text("%.3f", baseline.test.errors().mase), seeds, "\n");
}

std::string write_report(const std::filesystem::path& folder, const nlohmann::ordered_json& settings,
                         const Windows& windows, const Data& data, const Results& results, int threads) {
  const Run& best = results.best();
  const Plan& plan = best.model.plan;
  const Named tested = all_of(results, &Run::test, &Baseline::test);
  Report report(text(plan.regression() ? "Regression of time series: " : "Forecasts of time series: ",
                     example::title_of(data.set.source)),
                folder);
  report.paragraph(
      "The validation part selects the epoch, the seed and the number of lags of the autoregression. The test part is "
      "used once. Standardization and coefficients are those of the training part; a forecast reads no value after its "
      "origin.");
  for (const std::string& remark : data.remarks) report.paragraph(remark + ".");
  add_metrics(report, results);
  report.settings(named_values(settings));
  report.environment(environment(example::today()));
  report.heading("Test part");
  report.table("comparison", comparison_table(plan, tested),
               "Errors of networks and baselines. MASE: absolute error divided by the mean absolute difference to the "
               "season before (without a season: to the step before) in the training part.");
  add_pictures(report, windows, data, results, threads);
  report.table("horizons", horizon_table(plan, tested), "Errors by step of the horizon.");
  if (best.test.has_quantiles())
    report.table("quantiles", coverage_table(plan, best.test), "Shares of the test values below the quantiles.");
  report.heading("Training");
  add_training_picture(report, results);
  report.table("validation", comparison_table(plan, all_of(results, &Run::validation, &Baseline::validation)),
               "Errors on the validation part.");
  for (const auto& [file, what] : {std::pair("results.json", "all results"),
                                   {"model.safetensors", "the selected network"},
                                   {"forecasts.csv", "forecasts of the test part"},
                                   {"history.csv", "all epochs"}})
    report.file(file, what);
  report.write();
  return report.missing();
}

}  // namespace forecast
