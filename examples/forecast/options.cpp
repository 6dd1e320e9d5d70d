#include "options.hpp"

#include <algorithm>
#include <charconv>

#include "model_file.hpp"

namespace forecast {

using namespace example;
using unroll::text;

namespace {

constexpr const char* data_group = "Data";

void add_data_options(CLI::App& app, Options& o, const char* help) {
  app.add_option("--data", o.data, help)->option_text("FILE")->group(data_group);
  app.add_option("--columns", o.columns, "channels that are forecast (default: all others than dates and inputs)")
      ->delimiter(',')
      ->group(data_group);
  app.add_option("--exogenous", o.exogenous, "channels that are only inputs, up to the last known step")
      ->delimiter(',')
      ->group(data_group);
  app.add_option("--date", o.plan.date, "CSV column of dates; auto: by its name, such as date or year; none: no column")
      ->group(data_group);
  app.add_option("--series", o.plan.series, "CSV column with the name of the series (default: one series)")
      ->group(data_group);
  app.add_option("--values", o.values, "regression: .npy file with one value per series")
      ->option_text("FILE")
      ->group(data_group);
  app.add_option("--missing", o.plan.missing,
                 "missing values: refuse; last: inputs repeat the last value, targets are not scored")
      ->check(one_of({"refuse", "last"}))
      ->group(data_group);
}

void add_forecast_options(CLI::App& app, Options& o) {
  Plan& plan = o.plan;
  app.add_option("--horizon", plan.horizon, "steps that are forecast")->check(whole(1, 10000));
  app.add_option("--window", plan.window, "steps that the network reads")->check(whole(1, 100000));
  app.add_option("--season", plan.season, "steps of a season, for a baseline and --transform season; 0: none")
      ->check(whole(0, 100000));
  app.add_option("--mode", plan.mode, "direct: all steps at once; recursive: one step, whose prediction is fed back")
      ->check(one_of({"direct", "recursive"}));
  app.add_option("--transform", plan.transform,
                 "scale of the network: logarithm; difference to the step or to the season before; mean and "
                 "deviation of each window")
      ->check(one_of(transform_names()));
  app.add_option("--quantiles", plan.quantiles,
                 "quantiles, with 0.5, the forecast; direct: outputs, recursive: from validation errors")
      ->delimiter(',')
      ->check(number(1e-6, 1 - 1e-6));
  app.add_option("--model", plan.model, "kind of network: recurrent, linear in the window, or their sum")
      ->check(one_of(model_names()));
  app.add_option("--cell", plan.cell, "recurrent cell")->check(one_of(cell_names()));
  app.add_option("--units", plan.units, "units of each recurrent layer")->check(whole(1, 4096));
  app.add_option("--layers", plan.layers, "number of recurrent layers")->check(whole(1, 8));
  app.add_option("--dropout", plan.dropout, "dropout rate after each recurrent layer")->check(number(0, 0.95));
}

CLI::Validator share_or_file() {
  const auto check = [](const std::string& given) {
    Options options;
    options.validation = given;
    const auto share = validation_share(options);
    return !share || (*share > 0 && *share <= 0.9)
               ? std::string()
               : text("must be a share above 0, at most 0.9, or a file, got ", unroll::detail::in_quotes(given));
  };
  return {check, "", "share or file"};
}

void add_applying_options(CLI::App& app, Options& o) {
  example::add_load_option(app, o.load);
  add_data_options(app, o, "series, .csv, .tsv, .ts or .npy file");
  example::add_applying_options(app, o.running);
}

}  // namespace

ReadOptions Options::reading() const {
  return {columns, exogenous, plan.date, plan.series, values, plan.missing == "last"};
}

std::optional<double> validation_share(const Options& o) {
  double share = 0;
  const char* const last = o.validation.data() + o.validation.size();
  const auto [end, error] = std::from_chars(o.validation.data(), last, share);
  return error == std::errc{} && end == last ? std::optional(share) : std::nullopt;
}

void add_train_options(CLI::App& app, Options& o) {
  add_data_options(app, o, "series, .csv, .tsv, .ts or .npy file (default: yearly sunspots)");
  app.add_option("--test", o.test, "other series for the test (default: the last steps of --data)")
      ->option_text("FILE")
      ->group(data_group);
  app.add_option("--test-share", o.test_share, "share of the steps of each series, at its end, for the test")
      ->check(number(0.01, 0.9))
      ->group(data_group);
  app.add_option("--validation", o.validation,
                 "share of the steps of each series, before those of the test, held out for validation, or a file of "
                 "other series; the best epoch's parameters are kept")
      ->option_text("SHARE|FILE (0.2)")
      ->check(share_or_file())
      ->group(data_group);
  app.add_option("--limit", o.limit, "number of training windows, the latest ones of each series; 0: all")
      ->check(whole(0, 1000000000))
      ->group(data_group);
  example::add_model_options(app, o.load, o.save);
  add_forecast_options(app, o);
  app.add_option("--epochs", o.epochs, "number of epochs")->check(whole(1, 100000));
  app.add_option("--batch", o.batch, "windows per update")->check(whole(1, 1000000));
  app.add_option("--rate", o.rate, "learning rate of Adam")->check(number(1e-7, 10));
  app.add_option("--clip", o.clip, "largest norm of the gradient; 0: no limit")->check(number(0, 1e6));
  example::add_products_option(app, o.products);
  app.add_option("--patience", o.patience, "epochs without a lower validation loss until training stops; 0: never")
      ->check(whole(0, 100000));
  add_seed_options(app, o.seeds);
  add_running_options(app, o.running, "out/forecast");
}

void add_evaluate_options(CLI::App& app, Options& o) {
  add_applying_options(app, o);
  app.add_option("--origins", o.origins, "number of origins of each series, the last ones; 0: all")
      ->check(whole(0, 1000000000));
  app.add_option("--every", o.every, "steps between origins")->check(whole(1, 100000));
}

void add_predict_options(CLI::App& app, Options& o) { add_applying_options(app, o); }

void check_options(const CLI::App& app, Options& o) {
  if (app.get_name() != "train") {
    if (o.load.empty()) refuse("--load", "must be given: the trained model");
    if (o.data.empty()) refuse("--data", "must be given: the series");
    if (o.running.force && o.running.out.empty()) refuse("--force", "needs --out");
    return;
  }
  Plan& plan = o.plan;
  if (o.data.empty()) {
    o.data = UNROLL_EXAMPLE_DATA "/forecast/data/sunspots.csv";
    if (app.count("--season") == 0) plan.season = 11;
  }
  if (!o.test.empty() && app.count("--test-share") > 0 && app.count("--config") == 0)
    refuse("--test-share", "cannot be combined with --test: both name the test data");
  const double held_out = validation_share(o).value_or(0) + (o.test.empty() ? o.test_share : 0);
  if (held_out > 0.95)
    refuse("--validation", text("and --test-share must be at most 0.95 together, got '", held_out, "'"));
  if (!std::ranges::is_sorted(plan.quantiles, std::ranges::less_equal()) ||
      std::ranges::count(plan.quantiles, 0.5) != 1)
    refuse("--quantiles", "must be increasing numbers with 0.5, such as 0.1,0.5,0.9");
  if (plan.season > plan.window)
    refuse("--season", text("must be at most --window, ", plan.window, ", got '", plan.season, "'"));
  if (plan.transform.ends_with("season") && plan.season == 0)
    refuse("--transform", text(plan.transform, " needs --season"));
  if (plan.recursive() && !o.exogenous.empty())
    refuse("--exogenous", "cannot be combined with --mode recursive: future values of these channels are unknown");
}

std::string inherited(const CLI::App& app, const Options& o) {
  if (o.load.empty()) return {};
  const Plan plan = read_model(o.load).plan;
  const std::vector<std::string> all = plan.channels, targets = plan.target_names();
  nlohmann::ordered_json json{{"columns", plan.regression() ? all : targets},
                              {"date", plan.date},
                              {"series", plan.series},
                              {"missing", plan.missing}};
  if (!plan.regression() && plan.targets < std::ssize(all))
    json["exogenous"] = std::vector<std::string>(all.begin() + plan.targets, all.end());
  if (app.get_name() == "train") json.update(network_options(plan));
  return json.dump();
}

}  // namespace forecast
