#include "options.hpp"

#include <map>

#include "../support/command_line.hpp"
#include "study.hpp"

namespace peaks {
namespace {

using namespace example;
using unroll::text;

const std::map<std::string, Channels>& channel_names() {
  static const std::map<std::string, Channels> all{
      {"automatic", Channels::automatic}, {"kernel", Channels::kernel}, {"poca", Channels::closest_approach}};
  return all;
}

void add_data_options(CLI::App& app, Options& o, std::string& channels) {
  app.add_option("--data", o.data, "events, HDF5 file of the project (default: toy simulation)")->option_text("FILE");
  app.add_option("--test", o.test, "test events, HDF5 file (default: the last events of --data)")->option_text("FILE");
  app.add_option("--channels", channels, "input densities of files: kernel, or points of closest approach")
      ->check(one_of({"automatic", "kernel", "poca"}));
  app.add_option("--events", o.events, "number of training events; 0: 240 of the toy, all of a file")
      ->check(whole(0, 10000000));
  app.add_option("--test-events", o.test_events,
                 "number of test events; 0: 100 of the toy, a fifth of --data, all of --test")
      ->check(whole(0, 10000000));
  app.add_option("--bins", o.toy.bins, "toy: number of bins along 400 mm")->check(whole(100, 40000));
  app.add_option("--hard", o.toy.hard, "toy: scale of track errors, decays and ghost tracks; 1: easy")
      ->check(number(0.1, 10));
  app.add_option("--pile-up", o.toy.pile_up, "toy: mean number of visible collisions per event")->check(number(0, 100));
  app.add_option("--data-seed", o.toy.seed, "toy: seed")->check(whole(0, 1000000000));
}

void add_training_options(CLI::App& app, Options& o) {
  app.add_option("--model", o.model.kind, "kind of model")->check(one_of(model_kinds()));
  app.add_option("--units", o.model.units, "units per LSTM direction, cnn: channels; 0: cnn 16, rnn and rcnn 24")
      ->check(whole(0, 4096));
  app.add_option("--layers", o.model.layers, "number of LSTM layers, cnn: of convolutions; 0: cnn 5, rnn 2, rcnn 1")
      ->check(whole(0, 32));
  app.add_option("--epochs", o.training.epochs, "number of epochs, including --warm-up")->check(whole(1, 100000));
  app.add_option("--warm-up", o.training.warm_up, "epochs with squared error, before the log-ratio loss")
      ->check(whole(0, 100000));
  app.add_option("--asymmetry", o.training.asymmetry,
                 "asymmetry of the loss; larger: higher efficiency, more false positives")
      ->check(number(0, 100));
  app.add_option("--rate", o.training.rate, "learning rate of Adam; times 0.3 from 70 % of the epochs on")
      ->check(number(1e-7, 10));
  app.add_option("--batch", o.training.batch, "events per update")->check(whole(1, 1000000));
  app.add_flag("--checkpoints", o.training.checkpoints, "LSTMs store some states and recompute the rest: less memory");
  app.add_option("--threads", o.training.threads, "number of threads; 0: one per core; results do not depend on it")
      ->check(whole(0, 1024));
  app.add_option("--seed", o.seed, "seed of initial values and batch order")->check(whole(0, 1000000000));
  app.add_option("--seeds", o.seeds, "number of runs; the first has --seed, each further run adds 1")
      ->check(whole(1, 1000));
  app.add_option("--study", o.study, "option that is varied")->check(one_of(study_names()));
  app.add_option("--values", o.values, "values of the varied option (default: a list for each)")
      ->delimiter(',')
      ->check(number(0, 1e9));
  app.add_option("--out", o.out, text("output folder (default: ", o.out, ")"))->option_text("DIR");
  app.add_flag("--quiet", o.quiet, "no output except errors");
}

void check_together(const CLI::App& app, const Options& o) {
  if (!o.data.empty())
    refuse_together(app, {"--bins", "--hard", "--pile-up", "--data-seed"}, "--data", "it is an option of the toy");
  for (const char* name : {"--test", "--channels"})
    if (o.data.empty() && app.count(name) > 0) refuse(name, "needs --data");
  const auto stride = stride_of(o.model.kind);
  if (o.toy.bins % stride != 0)
    refuse("--bins",
           text("must be a multiple of ", stride, " with --model ", o.model.kind, ", got '", o.toy.bins, "'"));
  if (o.training.warm_up > o.training.epochs)
    refuse("--warm-up", text("must be at most --epochs, ", o.training.epochs, ", got '", o.training.warm_up, "'"));
  if (!o.values.empty() && o.study.empty()) refuse("--values", "needs --study");
}

/// Replaces zeros and empty lists by defaults, except those that depend on a file.
void complete(Options& o) {
  if (o.data.empty() && o.events == 0) o.events = 240;
  if (o.data.empty() && o.test_events == 0) o.test_events = 100;
  o.model = completed(o.model);
  if (!o.study.empty() && o.values.empty()) o.values = ladder(o);
}

constexpr const char* footer =
    "Exit status: 0: success; 1: invalid files or data, or too little memory; 2: invalid options; 3: a training\n"
    "collapsed, i.e. it finds no peak and its loss no longer changes. A study continues after a collapse.";

}  // namespace

int read_command_line(int argc, char** argv, Options& options) {
  std::string channels = "automatic";
  return example::read_command_line(
      "peaks", "Finds vertices of proton collisions along a beam from the density of tracks.", argc, argv,
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
