#include "options.hpp"

#include "../support/command_line.hpp"

namespace har {
namespace {

using namespace example;

/// Defaults of --study: settings of an experiment in a student's report, with an Elman network and gradient descent.
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
  app.add_option("--train", o.train, "training data, .ts file (default: BasicMotions)")->option_text("FILE");
  app.add_option("--test", o.test, "test data, .ts file with the same channels and classes")->option_text("FILE");
  app.add_option("--data", o.data, "training and test data: file or folder of a known format, or 'stand-in'")
      ->option_text("PATH");
  app.add_option("--window", o.window, "steps of windows cut from longer recordings; 0: 150, with --stream 128")
      ->check(whole(0, 100000));
}

void add_network_options(CLI::App& app, Options& o) {
  app.add_option("--cell", o.cell, "recurrent cell")->check(one_of({"gru", "lstm", "elman"}));
  app.add_option("--direction", o.direction, "direction in time")
      ->check(one_of({"forward", "backward", "bidirectional"}));
  app.add_option("--units", o.all_units, "units of each recurrent layer")->check(whole(1, 4096))->delimiter(',');
  app.add_option("--layers", o.layers, "number of recurrent layers")->check(whole(1, 8));
  app.add_option("--pool", o.pool, "pooling over time")->check(one_of({"mean", "last", "max"}));
  app.add_flag("--every-step", o.every_step, "no pooling: loss at every step, prediction at the last step");
  app.add_option("--outputs", o.outputs, "activation of the outputs: over all classes, or per class")
      ->check(one_of({"softmax", "sigmoid"}));
  app.add_option("--start", o.start, "initial values: default of each layer, or uniform within 0.1")
      ->check(one_of({"usual", "uniform"}));
  app.add_option("--dropout", o.dropout, "dropout rate after each recurrent layer")->check(number(0, 0.95));
}

void add_training_options(CLI::App& app, Options& o) {
  app.add_option("--optimizer", o.optimizer, "optimizer")->check(one_of({"adam", "sgd", "rmsprop"}));
  app.add_option("--momentum", o.momentum, "momentum of sgd")->check(number(0, 0.999));
  app.add_option("--epochs", o.epochs, "number of epochs")->check(whole(1, 100000));
  app.add_option("--batch", o.all_batches, "sequences per update")->check(whole(1, 1000000))->delimiter(',');
  app.add_option("--rate", o.all_rates, "learning rate")->check(number(1e-7, 10))->delimiter(',');
  app.add_option("--clip", o.clip, "largest norm of the gradient; 0: no limit")->check(number(0, 1e6));
  app.add_option("--validation", o.validation, "share of the training data held out; of people if they are known")
      ->check(number(0, 0.9));
  app.add_option("--patience", o.patience, "epochs without a lower validation loss until training stops; 0: never")
      ->check(whole(0, 100000));
  app.add_option("--least-gain", o.least_gain, "smallest decrease of the validation loss that counts")
      ->check(number(0, 1000));
  app.add_option("--seeds", o.seeds, "number of runs, each with another seed")->check(whole(1, 1000));
  app.add_option("--first-seed", o.first_seed, "seed of the first run; each further run adds 1")
      ->check(whole(0, 1000000000));
}

void add_options(CLI::App& app, Options& o) {
  app.add_flag("--study", o.study, "all combinations of the lists --units, --batch and --rate; other defaults");
  app.add_flag("--stream", o.stream, "classification of every step of long recordings; other defaults");
  add_data_options(app, o);
  add_network_options(app, o);
  add_training_options(app, o);
  app.add_option("--test-share", o.test_share, "--stream: share of each recording, at its end, for the test")
      ->check(number(0.05, 0.9));
  app.add_flag("--carry", o.carry, "--stream: whole recordings with carried state instead of windows");
  app.add_option("--class-weights", o.class_weights, "--stream: weights of the classes in the loss")
      ->check(one_of({"balanced", "none"}));
  app.add_option("--threads", o.threads, "number of threads; 0: one per core; results do not depend on it")
      ->check(whole(0, 1024));
  app.add_option("--out", o.out, unroll::text("output folder (default: ", o.out, ")"))->option_text("DIR");
  app.add_option("--tensorboard", o.tensorboard, "folder of event files of each run")->option_text("DIR");
  app.add_flag("--quiet", o.quiet, "no output except errors");
}

void check_together(const CLI::App& app, const Options& o) {
  if (app.count("--train") != app.count("--test"))
    refuse(app.count("--train") == 0 ? "--test" : "--train",
           app.count("--train") == 0 ? "needs --train" : "needs --test");
  if (app.count("--train") > 0) refuse_together(app, {"--data"}, "--train", "both name training data");
  if (o.study && o.stream) refuse("--study", "cannot be combined with --stream");
  if (o.study && o.validation == 0)
    refuse("--validation", "must be above 0 with --study, got '0': validation data select the setting");
  if (o.patience > 0 && o.validation == 0) refuse("--patience", "needs validation data, but --validation is 0");
  if (!o.study && (o.all_units.size() > 1 || o.all_batches.size() > 1 || o.all_rates.size() > 1))
    refuse("--units, --batch, --rate", "must have one value each without --study");
  if (o.stream && o.every_step) refuse("--every-step", "cannot be combined with --stream, which scores every step");
  if (o.stream && o.outputs == "sigmoid") refuse("--outputs", "must be softmax with --stream, got 'sigmoid'");
  if (o.carry && o.direction == "bidirectional")
    refuse("--carry", "cannot be combined with --direction bidirectional, which reads recordings to their end first");
  if (o.stream && o.validation > 0) refuse("--validation", "cannot be combined with --stream");
  if ((o.study || o.stream) && !o.tensorboard.empty())
    refuse("--tensorboard", "cannot be combined with --study or --stream");
  for (const char* name : {"--test-share", "--carry", "--class-weights"})
    if (!o.stream && app.count(name) > 0) refuse(name, "needs --stream");
}

bool has_word(int argc, char** argv, const char* word) {
  return std::find(argv, argv + argc, std::string(word)) != argv + argc;
}

}  // namespace

int read_command_line(int argc, char** argv, Options& options) {
  if (has_word(argc, argv, "--study")) options = study_options();
  if (has_word(argc, argv, "--stream")) options = stream_options();
  return example::read_command_line(
      "har", "Trains and tests a recurrent network for human activity recognition from motion sensors.", argc, argv,
      [&](CLI::App& app) { add_options(app, options); },
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
