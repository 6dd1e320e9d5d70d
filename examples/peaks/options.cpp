#include "options.hpp"

#include <map>

#include "../support/command_line.hpp"
#include "study.hpp"

namespace peaks {
namespace {

using example::number, example::one_of, example::whole;
using unroll::text;

const std::map<std::string, Channels>& channel_names() {
  static const std::map<std::string, Channels> all{
      {"automatic", Channels::automatic}, {"kernel", Channels::kernel}, {"poca", Channels::closest_approach}};
  return all;
}

void add_data_options(CLI::App& app, Options& o, std::string& channels) {
  app.add_option("--data", o.data, "events of the real project, HDF5 (default: a toy)")->option_text("FILE");
  app.add_option("--test", o.test, "the same, to test on (default: the last events of --data)")->option_text("FILE");
  app.add_option("--channels", channels, "densities that are read from files: kernel, or of closest approach")
      ->check(one_of({"automatic", "kernel", "poca"}));
  app.add_option("--events", o.events, "to train on; 0: 240 of the toy, all of a file")->check(whole(0, 10000000));
  app.add_option("--test-events", o.test_events, "to test on; 0: 100 of the toy, a fifth of --data, all of --test")
      ->check(whole(0, 10000000));
  app.add_option("--bins", o.toy.bins, "of the toy, along 400 mm")->check(whole(100, 40000));
  app.add_option("--hard", o.toy.hard, "of the toy: track errors, decays and ghosts, 1 is easy")
      ->check(number(0.1, 10));
  app.add_option("--pile-up", o.toy.pile_up, "of the toy: visible collisions in an event")->check(number(0, 100));
  app.add_option("--data-seed", o.toy.seed, "of the toy")->check(whole(0, 1000000000));
}

void add_training_options(CLI::App& app, Options& o) {
  app.add_option("--model", o.model.kind, "")->check(one_of(model_kinds()));
  app.add_option("--units", o.model.units, "of each LSTM, or channels; 0: 16 for cnn, 24 for rnn and rcnn")
      ->check(whole(0, 4096));
  app.add_option("--layers", o.model.layers, "LSTM layers, for cnn convolutions; 0: cnn 5, rnn 2, rcnn 1")
      ->check(whole(0, 32));
  app.add_option("--epochs", o.training.epochs, "all together")->check(whole(1, 100000));
  app.add_option("--warm-up", o.training.warm_up, "epochs of squared error, before the loss of ratios")
      ->check(whole(0, 100000));
  app.add_option("--asymmetry", o.training.asymmetry, "of the loss: more finds more peaks, and more that are none")
      ->check(number(0, 100));
  app.add_option("--rate", o.training.rate, "learning rate of Adam")->check(number(1e-7, 10));
  app.add_option("--batch", o.training.batch, "events per update")->check(whole(1, 1000000));
  app.add_flag("--checkpoints", o.training.checkpoints,
               "LSTMs keep some states and compute the rest again: less memory");
  app.add_option("--threads", o.training.threads, "0: one per core")->check(whole(0, 1024));
  app.add_option("--seed", o.seed, "of first values and shuffling")->check(whole(0, 1000000000));
  app.add_option("--seeds", o.seeds, "trainings, from --seed on")->check(whole(1, 1000));
  app.add_option("--study", o.study, "train with several values of one option")->check(one_of(study_names()));
  app.add_option("--values", o.values, "of the study (default: a ladder)")->delimiter(',')->check(number(0, 1e9));
  app.add_option("--out", o.out, "folder for numbers, pictures and the report")->option_text("DIR");
  app.add_flag("--quiet", o.quiet, "only the result");
}

void check_together(const CLI::App& app, const Options& o) {
  for (const char* name : {"--bins", "--hard", "--pile-up", "--data-seed"})
    if (!o.data.empty() && app.count(name) > 0)
      throw CLI::ValidationError(name, "is an option of the toy, but --data is given");
  for (const char* name : {"--test", "--channels"})
    if (o.data.empty() && app.count(name) > 0)
      throw CLI::ValidationError(name, "belongs to --data, which is not given");
  const auto stride = stride_of(o.model.kind);
  if (o.toy.bins % stride != 0)
    throw CLI::ValidationError("--bins",
                               text("of ", o.model.kind, " must be a multiple of ", stride, ", got ", o.toy.bins));
  if (!o.values.empty() && o.study.empty())
    throw CLI::ValidationError("--values", "belongs to --study, which is not given");
}

/// Replaces zeros and empty lists by defaults, except those that depend on a file.
void complete(Options& o) {
  if (o.data.empty() && o.events == 0) o.events = 240;
  if (o.data.empty() && o.test_events == 0) o.test_events = 100;
  o.model = completed(o.model);
  if (!o.study.empty() && o.values.empty()) o.values = ladder(o);
}

constexpr const char* footer =
    "Ends with 0; 1 when files or data are wrong or memory is too small; 2 when options are; 3 when a training\n"
    "collapsed: nothing is found, and the loss no longer changes. A study goes on with its next training.";

}  // namespace

int read_command_line(int argc, char** argv, Options& options) {
  std::string channels = "automatic";
  return example::read_command_line(
      "peaks", "Finds the places along a beam where protons collided, from the density of tracks.", argc, argv,
      [&](CLI::App& app) {
        app.footer(footer);
        add_data_options(app, options, channels);
        add_training_options(app, options);
      },
      [&](const CLI::App& app) {
        check_together(app, options);
        options.channels = channel_names().at(channels);
        complete(options);
      });
}

}  // namespace peaks
