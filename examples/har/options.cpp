#include "options.hpp"

#include "../support/command_line.hpp"

namespace har {
namespace {

using namespace example;

/// Defaults of --study: settings of an experiment in a student's report, with an Elman network and plain gradient
/// descent.
Options study_options() {
  Options o;
  o.study = true;
  o.data = "stand-in";
  o.cell = "elman", o.pool = "last", o.optimizer = "sgd", o.start = "uniform";
  o.all_units = {50, 100}, o.all_batches = {10, 30}, o.all_rates = {0.05, 0.1};
  o.epochs = 50, o.seeds = 3, o.validation = 0.1, o.patience = 30, o.least_gain = 1e-5;
  o.momentum = 0, o.clip = 0;
  o.out = "out/har-study";
  return o;
}

Options stream_options() {
  Options o;
  o.stream = true;
  o.data = "freezing";
  o.epochs = 20, o.seeds = 3, o.all_batches = {8}, o.all_rates = {0.005};
  o.out = "out/har-stream";
  return o;
}

void add_data_options(CLI::App& app, Options& o) {
  app.add_option("--train", o.train, "training data, a .ts file (default: BasicMotions)")->option_text("FILE");
  app.add_option("--test", o.test, "test data with the same channels and classes")->option_text("FILE");
  app.add_option("--data", o.data, "instead of the two: a file or folder of a known kind, or 'stand-in'")
      ->option_text("PATH");
  app.add_option("--window", o.window, "steps of a window that is cut from a longer recording; 0: as is usual")
      ->check(whole(0, 100000));
}

void add_network_options(CLI::App& app, Options& o) {
  app.add_option("--cell", o.cell, "recurrent cell")->check(one_of({"gru", "lstm", "elman"}));
  app.add_option("--direction", o.direction, "in time")->check(one_of({"forward", "backward", "bidirectional"}));
  app.add_option("--units", o.all_units, "of each recurrent layer")->check(whole(1, 4096))->delimiter(',');
  app.add_option("--layers", o.layers, "recurrent layers")->check(whole(1, 8));
  app.add_option("--pool", o.pool, "how a sequence becomes one vector")->check(one_of({"mean", "last", "max"}));
  app.add_flag("--every-step", o.every_step, "no pooling: the loss is taken at every step, the last one decides");
  app.add_option("--outputs", o.outputs, "one choice of all classes, or each by itself")
      ->check(one_of({"softmax", "sigmoid"}));
  app.add_option("--start", o.start, "first values: of each kind of layer, or within 0.1")
      ->check(one_of({"usual", "uniform"}));
  app.add_option("--dropout", o.dropout, "behind each recurrent layer")->check(number(0, 0.95));
}

void add_training_options(CLI::App& app, Options& o) {
  app.add_option("--optimizer", o.optimizer, "")->check(one_of({"adam", "sgd", "rmsprop"}));
  app.add_option("--momentum", o.momentum, "of sgd")->check(number(0, 0.999));
  app.add_option("--epochs", o.epochs, "")->check(whole(1, 100000));
  app.add_option("--batch", o.all_batches, "sequences per update")->check(whole(1, 1000000))->delimiter(',');
  app.add_option("--rate", o.all_rates, "learning rate")->check(number(1e-7, 10))->delimiter(',');
  app.add_option("--clip", o.clip, "largest norm of the gradient; 0: no limit")->check(number(0, 1e6));
  app.add_option("--validation", o.validation, "share of the training data held out: of people, where they are known")
      ->check(number(0, 0.9));
  app.add_option("--patience", o.patience, "stop after so many epochs without a better validation loss; 0: never")
      ->check(whole(0, 100000));
  app.add_option("--least-gain", o.least_gain, "by which a validation loss is better")->check(number(0, 1000));
  app.add_option("--seeds", o.seeds, "runs, each with a seed of its own")->check(whole(1, 1000));
  app.add_option("--first-seed", o.first_seed, "")->check(whole(0, 1000000000));
}

void add_options(CLI::App& app, Options& o) {
  app.add_flag("--study", o.study, "all combinations of --units, --batch and --rate, each a list; other defaults");
  app.add_flag("--stream", o.stream, "recordings with a label at every step; other defaults");
  add_data_options(app, o);
  add_network_options(app, o);
  add_training_options(app, o);
  app.add_option("--test-share", o.test_share, "--stream: the last part of each recording")->check(number(0.05, 0.9));
  app.add_flag("--carry", o.carry, "--stream: train on whole recordings with the state carried, not on windows");
  app.add_option("--class-weights", o.class_weights, "--stream")->check(one_of({"balanced", "none"}));
  app.add_option("--threads", o.threads, "0: all cores")->check(whole(0, 1024));
  app.add_option("--out", o.out, "folder for model, metrics and pictures")->option_text("DIR");
  app.add_option("--tensorboard", o.tensorboard, "event files of each run as well")->option_text("DIR");
  app.add_flag("--quiet", o.quiet, "only the result");
}

void check_together(const CLI::App& app, const Options& o) {
  if (app.count("--train") != app.count("--test"))
    throw CLI::ValidationError(app.count("--train") == 0 ? "--test" : "--train",
                               "--train and --test are given together, or neither for BasicMotions");
  if (app.count("--train") > 0 && app.count("--data") > 0)
    throw CLI::ValidationError("--data", "stands instead of --train and --test");
  if (o.study && o.stream) throw CLI::ValidationError("--study", "is no option of --stream");
  if (o.study && o.validation == 0)
    throw CLI::ValidationError("--validation",
                               "a --study chooses by validation data: expected a share above 0, got '0'");
  if (o.patience > 0 && o.validation == 0)
    throw CLI::ValidationError("--patience", "needs validation data, but --validation is 0");
  if (!o.study && (o.all_units.size() > 1 || o.all_batches.size() > 1 || o.all_rates.size() > 1))
    throw CLI::ValidationError("--units, --batch, --rate", "only a --study takes several values");
  if (o.stream && (o.every_step || o.outputs == "sigmoid"))
    throw CLI::ValidationError("--stream", "has softmax outputs at every step");
  if (o.carry && o.direction == "bidirectional")
    throw CLI::ValidationError("--carry", "a bidirectional network needs the end of a recording before it can begin");
  if (o.stream && o.validation > 0)
    throw CLI::ValidationError("--validation", "sequences of a --stream are not held out by chance");
  if ((o.study || o.stream) && !o.tensorboard.empty())
    throw CLI::ValidationError("--tensorboard", "is an option of plain runs, not of --study or --stream");
  for (const char* name : {"--test-share", "--carry", "--class-weights"})
    if (!o.stream && app.count(name) > 0) throw CLI::ValidationError(name, "is an option of --stream");
}

bool has_word(int argc, char** argv, const char* word) {
  return std::find(argv, argv + argc, std::string(word)) != argv + argc;
}

}  // namespace

int read_command_line(int argc, char** argv, Options& options) {
  if (has_word(argc, argv, "--study")) options = study_options();
  if (has_word(argc, argv, "--stream")) options = stream_options();
  return example::read_command_line(
      "har", "Trains a recurrent network to tell what a person is doing from the sensors of a watch, and tests it.",
      argc, argv, [&](CLI::App& app) { add_options(app, options); },
      [&](const CLI::App& app) {
        check_together(app, options);
        if (app.count("--train") > 0) options.data.clear();
        if (options.carry) options.directions = {"forward"};
        if (app.count("--direction") > 0) options.directions = {options.direction};
        options.setting = {options.all_batches.front(), options.all_units.front(), options.all_rates.front()};
      });
}

std::string settings_text(const Options& o) {
  return unroll::text(o.cell, " ", o.direction, ", layers ", o.layers, ", units ", o.setting.units, ", ",
                      o.every_step ? "every step" : o.pool, ", ", o.outputs, ", start ", o.start, ", dropout ",
                      o.dropout, ", ", o.optimizer, " rate ", o.setting.rate, " momentum ", o.momentum, ", clip ",
                      o.clip, ", batch ", o.setting.batch, ", epochs ", o.epochs, ", validation ", o.validation,
                      ", patience ", o.patience, " least gain ", o.least_gain);
}

}  // namespace har
