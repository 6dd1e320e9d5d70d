#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "search.hpp"
#include "unroll/core/error.hpp"

namespace har {

using namespace example;
using unroll::Index;

namespace {

/// Defaults of a study: settings of an experiment in a student's report, with an Elman network and gradient descent.
Options study_options() {
  Options o;
  o.cell = "elman", o.pool = "last", o.optimizer = "sgd", o.start = "uniform";
  o.space = {.batch = {"10", "30"}, .units = {"50", "100"}, .rate = {"0.05", "0.1"}};
  o.epochs = 50, o.seeds.runs = {3}, o.validation = "0.1", o.patience = 30, o.least_gain = 1e-5;
  o.momentum = 0, o.clip = 0;
  o.running.out = "out/har-study";
  return o;
}

Options stream_options() {
  Options o;
  o.stream = true;
  o.direction = "both";
  o.epochs = 20, o.seeds.runs = {3}, o.setting.batch = 8, o.setting.rate = 0.005;
  o.running.out = "out/har-stream";
  return o;
}

CLI::Validator share_or_file() {
  const auto check = [](const std::string& given) {
    double value = 0;
    const char* const end = given.data() + given.size();
    const auto [last, error] = std::from_chars(given.data(), end, value);
    const bool share = error == std::errc{} && last == end;
    const bool good = share ? value >= 0 && value <= 0.9 : std::filesystem::exists(given);
    return good ? std::string()
                : unroll::text("must be a number from 0 to 0.9 or a file, got ", unroll::detail::in_quotes(given));
  };
  return {check, "0 to 0.9, FILE", "share or file"};
}

/// Validator for a number or a range LOW:HIGH.
CLI::Validator value_or_range(double low, double high, bool whole) {
  const auto check = [=](const std::string& given) {
    const auto range = range_of(given);
    const bool good = range && low <= range->low && range->high <= high &&
                      (!whole || (range->low == std::floor(range->low) && range->high == std::floor(range->high)));
    return good ? std::string()
                : unroll::text("must be ", whole ? "a whole number" : "a number", " from ", low, " to ", high,
                               " or a range LOW:HIGH of them, got ", unroll::detail::in_quotes(given));
  };
  return {check, unroll::text(low, " to ", high, ", or LOW:HIGH"), "value or range"};
}

void add_data_options(CLI::App& app, Options& o, Kind kind) {
  if (kind != Kind::stream) {
    app.add_option("--train", o.train, "training data, .ts file")->option_text("FILE");
    app.add_option("--test", o.test, "test data, .ts file with the same channels and classes")->option_text("FILE");
  }
  app.add_option("--data", o.data,
                 kind == Kind::stream ? "recordings with a class at every step: file or folder (default: 'freezing')"
                 : kind == Kind::study
                     ? "training and test data: file or folder of a known format (default: 'stand-in')"
                     : "training and test data: file or folder of a known format, or 'stand-in' "
                       "(default: BasicMotions)")
      ->option_text("FILE|DIR|NAME");
  if (kind == Kind::train)
    app.add_flag("--lazy", o.lazy,
                 "read training sequences when they are needed, for data larger than memory; HDF5 and .ts files");
  app.add_option("--window", o.window,
                 kind == Kind::stream ? "steps of the windows of training; 0: 128"
                                      : "steps of windows cut from longer recordings; 0: 150")
      ->check(whole(0, 100000));
}

void add_network_options(CLI::App& app, Options& o, Kind kind) {
  app.add_option("--cell", o.cell, "recurrent cell")->check(one_of({"gru", "lstm", "elman"}));
  std::vector<std::string> directions{"forward", "backward", "bidirectional"};
  if (kind == Kind::stream) directions.push_back("both");
  app.add_option("--direction", o.direction,
                 kind == Kind::stream ? "direction in time; both: forward and bidirectional" : "direction in time")
      ->check(one_of(directions));
  app.add_option("--layers", o.layers, "number of recurrent layers")->check(whole(1, 8));
  if (kind != Kind::stream) {
    app.add_option("--pool", o.pool, "pooling over time")->check(one_of({"mean", "last", "max"}));
    app.add_flag("--every-step", o.every_step, "no pooling: loss at every step, prediction at the last step");
    app.add_option("--outputs", o.outputs, "activation of the outputs: over all classes, or per class")
        ->check(one_of({"softmax", "sigmoid"}));
  }
  app.add_option("--start", o.start, "initial values: default of each layer, or uniform within 0.1")
      ->check(one_of({"usual", "uniform"}));
  app.add_option("--dropout", o.dropout, "dropout rate after each recurrent layer")->check(number(0, 0.95));
}

void add_setting_options(CLI::App& app, Options& o, Kind kind) {
  constexpr const char* units = "units of each recurrent layer";
  constexpr const char* batch = "sequences per update";
  constexpr const char* rate = "learning rate";
  if (kind == Kind::study) {
    app.add_option("--units", o.space.units, units)->check(value_or_range(1, 4096, true))->delimiter(',');
    app.add_option("--batch", o.space.batch, batch)->check(value_or_range(1, 1000000, true))->delimiter(',');
    app.add_option("--rate", o.space.rate, rate)->check(value_or_range(1e-7, 10, false))->delimiter(',');
    app.add_option("--search", o.search,
                   "settings: all combinations, random ones, or random ones of which the better half trains on")
        ->check(one_of({"grid", "random", "halving"}));
    app.add_option("--trials", o.trials, "number of settings of --search random and halving")->check(whole(1, 10000));
    app.add_flag("--test-all", o.test_all, "test results of every setting; the selection does not use them");
  } else {
    app.add_option("--units", o.setting.units, units)->check(whole(1, 4096));
    app.add_option("--batch", o.setting.batch, batch)->check(whole(1, 1000000));
    app.add_option("--rate", o.setting.rate, rate)->check(number(1e-7, 10));
  }
}

void add_training_options(CLI::App& app, Options& o, Kind kind) {
  app.add_option("--optimizer", o.optimizer, "optimizer")->check(one_of({"adam", "sgd", "rmsprop"}));
  app.add_option("--momentum", o.momentum, "momentum of sgd")->check(number(0, 0.999));
  app.add_option("--epochs", o.epochs, "number of epochs")->check(whole(1, 100000));
  app.add_option("--clip", o.clip, "largest norm of the gradient; 0: no limit")->check(number(0, 1e6));
  example::add_products_option(app, o.products);
  CLI::Option* const validation = app.add_option(
      "--validation", o.validation,
      kind == Kind::stream
          ? "share of the training part, at its end, held out for validation; the best epoch's parameters are kept"
          : "share of the training data (of people if they are known) held out for validation, or a file; the best "
            "epoch's parameters are kept");
  validation->check(kind == Kind::stream ? number(0, 0.9) : share_or_file());
  if (kind != Kind::stream) validation->option_text(unroll::text("SHARE|FILE (", o.validation, ")"));
  app.add_option("--monitor", o.monitor, "measure that compares epochs")
      ->check(one_of({"validation-loss", "validation-accuracy"}));
  app.add_option("--patience", o.patience, "epochs without an improvement of --monitor until training stops; 0: never")
      ->check(whole(0, 100000));
  app.add_option("--least-gain", o.least_gain, "smallest improvement of --monitor that counts")->check(number(0, 1000));
  add_seed_options(app, o.seeds);
}

/// Normal form of a share: "0.10" is "0.1".
std::string normal(const std::string& share_or_file) {
  double value = 0;
  const char* const end = share_or_file.data() + share_or_file.size();
  const auto [last, error] = std::from_chars(share_or_file.data(), end, value);
  return error == std::errc{} && last == end ? unroll::text(value) : share_or_file;
}

/// Calls f(name, member) for each option of the network.
template <class O, class F>
void each_network_option(O& o, const F& f) {
  f("cell", o.cell), f("direction", o.direction), f("units", o.setting.units), f("layers", o.layers);
  f("pool", o.pool), f("every_step", o.every_step), f("outputs", o.outputs), f("start", o.start);
  f("dropout", o.dropout), f("stream", o.stream), f("window", o.window), f("carry", o.carry);
}

constexpr const char* network_options[] = {"--cell",    "--direction",  "--units",   "--layers",
                                           "--pool",    "--every-step", "--outputs", "--start",
                                           "--dropout", "--window",     "--carry"};

}  // namespace

double Options::validation_share() const {
  double share = 0;
  const char* const end = validation.data() + validation.size();
  const auto [last, error] = std::from_chars(validation.data(), end, share);
  return error == std::errc{} && last == end ? share : 0;
}

std::string Options::validation_file() const {
  return validates() && validation_share() == 0 ? validation : std::string();
}

unroll::Monitor Options::monitored() const {
  return monitor == "validation-loss" ? unroll::Monitor::validation_loss : unroll::Monitor::validation_accuracy;
}

Options default_options(Kind kind) {
  if (kind == Kind::study) return study_options();
  if (kind == Kind::stream) return stream_options();
  Options options;
  options.running.out = "out/har";
  return options;
}

void add_training_verb(CLI::App& app, Options& o, Kind kind) {
  add_data_options(app, o, kind);
  if (kind != Kind::study)
    add_model_options(app, o.load, o.save);
  else
    add_save_option(app, o.save);
  add_network_options(app, o, kind);
  add_setting_options(app, o, kind);
  add_training_options(app, o, kind);
  if (kind == Kind::stream) {
    app.add_option("--test-share", o.test_share, "share of each recording, at its end, for the test")
        ->check(number(0.05, 0.9));
    app.add_flag("--carry", o.carry, "whole recordings with carried state instead of windows");
    app.add_option("--class-weights", o.class_weights, "weights of the classes in the loss")
        ->check(one_of({"balanced", "none"}));
  }
  if (kind == Kind::train)
    app.add_option("--tensorboard", o.tensorboard, "folder of event files of each run")
        ->option_text("DIR")
        ->group(running_group);
  const std::string folder = o.running.out;
  add_running_options(app, o.running, folder);
}

void add_application_verb(CLI::App& app, Options& o) {
  add_load_option(app, o.load);
  app.add_option("--data", o.data, "file or folder of a known format, 'stand-in' or 'freezing'")
      ->option_text("FILE|DIR|NAME");
  app.add_option("--part", o.part,
                 "part of data with a training and a test part (default: test; all if the format has no parts)")
      ->check(one_of({"training", "test", "all"}));
  app.add_flag("--stream", o.stream, "requires a model with a class at every step");
  add_applying_options(app, o.running);
}

void check_training_verb(const CLI::App& app, Options& o, Kind kind) {
  o.validation = normal(o.validation);
  if (kind != Kind::stream) {
    if (app.count("--train") != app.count("--test"))
      refuse(app.count("--train") == 0 ? "--test" : "--train",
             app.count("--train") == 0 ? "needs --train" : "needs --test");
    if (!o.train.empty() && !o.data.empty())
      refuse("--data", "cannot be combined with --train: both name training data");
  }
  if (o.data.empty() && o.train.empty()) {
    if (kind == Kind::train)
      o.train = UNROLL_EXAMPLE_DATA "/har/data/BasicMotions_TRAIN.ts",
      o.test = UNROLL_EXAMPLE_DATA "/har/data/BasicMotions_TEST.ts";
    else
      o.data = kind == Kind::stream ? "freezing" : "stand-in";
  }
  if (o.lazy && o.data == "stand-in") refuse("--lazy", "needs data in HDF5 or .ts files, got 'stand-in'");
  if (kind == Kind::study && !o.validates())
    refuse("--validation", "must be above 0 in a study, got '0': validation data select the setting");
  if (o.patience > 0 && !o.validates()) refuse("--patience", "needs validation data, but --validation is 0");
  if (app.count("--monitor") > 0 && app.count("--config") == 0 && !o.validates())
    refuse("--monitor", "needs validation data, but --validation is 0");
  if (o.carry && o.direction == "bidirectional")
    refuse("--carry", "cannot be combined with --direction bidirectional, which reads recordings to their end first");
  if (kind == Kind::study && o.search == "grid")
    for (const auto& [name, list] :
         {std::pair("--units", o.space.units), {"--batch", o.space.batch}, {"--rate", o.space.rate}})
      for (const std::string& entry : list)
        if (entry.find(':') != entry.npos)
          refuse(name, unroll::text("must be a list of values with --search grid, got the range ",
                                    unroll::detail::in_quotes(entry), "; --search random draws from ranges"));
  if (!o.load.empty())
    for (const char* name : network_options)
      if (app.get_option_no_throw(name) != nullptr && app.count("--config") == 0)
        refuse_together(app, {name}, "--load", "the file defines the network");
  if (kind != Kind::stream) return;
  o.directions = {o.direction};
  if (o.direction == "both") o.directions = {"forward", "bidirectional"};
  if (o.direction == "both" && o.carry) o.directions = {"forward"};
}

void check_application_verb(const CLI::App&, Options& o) {
  if (o.load.empty()) refuse("--load", "must be the file of a trained model, got none");
  if (o.data.empty()) refuse("--data", "must be a file or folder, got none");
  if (o.running.force && o.running.out.empty()) refuse("--force", "needs --out");
}

nlohmann::json network_json(const Options& options) {
  nlohmann::json json;
  each_network_option(options, [&](const char* name, const auto& value) { json[name] = value; });
  return json;
}

void take_network(const nlohmann::json& json, const std::string& file, Options& options) try {
  each_network_option(options, [&](const char* name, auto& value) { json.at(name).get_to(value); });
} catch (const nlohmann::json::exception&) {
  throw unroll::FileError(file + ": must be a model that har has trained, with its network options");
}

nlohmann::json options_json(const Options& o) {
  nlohmann::json all = network_json(o);
  all.update({{"batch", o.setting.batch},
              {"rate", o.setting.rate},
              {"optimizer", o.optimizer},
              {"momentum", o.momentum},
              {"clip", o.clip},
              {"epochs", o.epochs},
              {"validation", o.validation},
              {"monitor", o.monitor},
              {"patience", o.patience},
              {"least_gain", o.least_gain},
              {"seeds", o.seeds.all()}});
  if (!o.load.empty()) all["load"] = o.load;
  if (o.data.empty())
    all.update({{"train", o.train}, {"test", o.test}});
  else
    all["data"] = o.data;
  if (o.stream) {
    for (const char* name : {"pool", "every_step", "outputs"}) all.erase(name);
    all.update({{"test_share", o.test_share}, {"class_weights", o.class_weights}});
  } else {
    for (const char* name : {"stream", "carry"}) all.erase(name);
  }
  return all;
}

}  // namespace har
