#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "study.hpp"

namespace peaks {
namespace {

using namespace example;
using unroll::text;

constexpr const char* data_group = "Data";
constexpr const char* toy_group = "Toy simulation";
constexpr const char* footer =
    "Exit status: 0: success; 1: invalid files or data, or too little memory; 2: invalid options; 3: a training\n"
    "collapsed, i.e. it finds no peak and its loss no longer changes. Other trainings continue after a collapse.";

const std::map<std::string, Channels>& channel_names() {
  static const std::map<std::string, Channels> all{
      {"automatic", Channels::automatic}, {"kernel", Channels::kernel}, {"poca", Channels::closest_approach}};
  return all;
}

void add_data_options(CLI::App& app, Options& o) {
  app.add_option("--data", o.data, "events, HDF5 or .npz file or folder of .npy files (default: toy simulation)")
      ->option_text("FILE")
      ->group(data_group);
  app.add_option("--channels", o.channels_word, "input densities of files: kernel, or points of closest approach")
      ->check(one_of({"automatic", "kernel", "poca"}))
      ->group(data_group);
  app.add_option("--transverse-unit", o.unit_word, "unit of Xmax and Ymax in files; those of the project have mm/2500")
      ->check(one_of({"mm/2500", "mm"}))
      ->group(data_group);
  app.add_flag(
         "--lazy", o.lazy,
         "read events of files when they are needed, for data larger than memory; HDF5, folders of .npy, and .npz "
         "without compression")
      ->group(data_group);
  app.add_option("--hard", o.toy.hard, "scale of track errors, decays and ghost tracks; 1: easy")
      ->check(number(0.1, 10))
      ->group(toy_group);
  app.add_option("--pile-up", o.toy.pile_up, "mean number of visible collisions per event")
      ->check(number(0, 100))
      ->group(toy_group);
  app.add_option("--data-seed", o.toy.seed, "seed of the toy")->check(whole(0, 1000000000))->group(toy_group);
}

void add_bins(CLI::App& app, Options& o) {
  app.add_option("--bins", o.toy.bins, "number of bins along 400 mm")->check(whole(100, 40000))->group(toy_group);
}

void add_test_events(CLI::App& app, Options& o, const char* help) {
  app.add_option("--test-events", o.test_events, help)->check(whole(0, 10000000))->group(data_group);
}

void add_training_options(CLI::App& app, Options& o) {
  add_data_options(app, o);
  add_bins(app, o);
  app.add_option("--test", o.test, "test events (default: the last events of --data)")
      ->option_text("FILE")
      ->group(data_group);
  app.add_option("--validation", o.validation,
                 "share of the training events held out for validation, or a file of events (default: 0.1; toy: other "
                 "events, as many as for the test)")
      ->option_text("SHARE|FILE")
      ->group(data_group);
  app.add_option("--events", o.events, "number of training events; 0: 240 of the toy, all of a file")
      ->check(whole(0, 10000000))
      ->group(data_group);
  add_test_events(app, o, "number of test events; 0: 100 of the toy, a fifth of --data, all of --test");
  app.add_option("--model", o.model.kind, "kind of network")->check(one_of(model_kinds()));
  app.add_option("--units", o.model.units, "units per LSTM direction, cnn: channels; 0: cnn 16, rnn and rcnn 24")
      ->check(whole(0, 4096));
  app.add_option("--layers", o.model.layers, "number of LSTM layers, cnn: of convolutions; 0: cnn 5, rnn 2, rcnn 1")
      ->check(whole(0, 32));
  app.add_flag("--batch-norm", o.model.batch_norm, "batch normalisation after convolutions and recurrent layers");
  app.add_option("--epochs", o.training.epochs, "number of epochs, including --warm-up")->check(whole(1, 100000));
  app.add_option("--warm-up", o.training.warm_up,
                 "epochs with squared error, before the log-ratio loss; if not given, at most half of --epochs")
      ->check(whole(0, 100000));
  app.add_option("--asymmetry", o.training.asymmetry,
                 "asymmetry of the loss; larger: higher efficiency, more false positives")
      ->check(number(0, 100));
  app.add_option("--rate", o.training.rate, "learning rate of Adam; times 0.3 from 70 % of the epochs on")
      ->check(number(1e-7, 10));
  app.add_option("--beta1", o.training.beta1, "decay of the first moment of Adam")->check(number(0, 0.99999));
  app.add_option("--beta2", o.training.beta2, "decay of the second moment of Adam")->check(number(0, 0.9999999));
  app.add_option("--batch", o.training.batch, "events per update")->check(whole(1, 1000000));
  example::add_products_option(app, o.training.products);
  app.add_flag("--recompute", o.training.recompute, "LSTMs store some states and recompute the rest: less memory");
  add_seed_options(app, o.seeds);
  app.footer(footer);
}

void add_reading_options(CLI::App& app, Options& o) {
  add_load_option(app, o.load);
  add_data_options(app, o);
  add_test_events(app, o, "number of events, the first ones; 0: 100 of the toy, all of a file");
  add_applying_options(app, o.running);
}

}  // namespace

std::optional<double> validation_share(const Options& o) {
  double share = 0;
  const char* const last = o.validation.data() + o.validation.size();
  const auto [end, error] = std::from_chars(o.validation.data(), last, share);
  if (o.validation.empty() || error != std::errc{} || end != last) return std::nullopt;
  return share;
}

void add_train_options(CLI::App& app, Options& o) {
  add_training_options(app, o);
  add_model_options(app, o.load, o.save);
  add_running_options(app, o.running, "out/peaks");
}

void add_study_options(CLI::App& app, Options& o) {
  app.add_option("option", o.study, "option that is varied")->check(one_of(study_names()));
  app.add_option("--values", o.values, "values of the varied option (default: a list for each)")
      ->delimiter(',')
      ->check(number(0, 1e9));
  add_training_options(app, o);
  add_save_option(app, o.save);
  add_running_options(app, o.running, "out/peaks-study");
}

void add_evaluate_options(CLI::App& app, Options& o) { add_reading_options(app, o); }
void add_predict_options(CLI::App& app, Options& o) { add_reading_options(app, o); }

void check_options(const CLI::App& app, Options& o) {
  const std::string verb = app.get_name();
  const auto given = [&](const char* name) {
    const CLI::Option* const option = app.get_option_no_throw(name);
    return option != nullptr && option->count() > 0;
  };
  for (const char* name : {"--bins", "--hard", "--pile-up", "--data-seed"})
    if (!o.data.empty() && given(name)) refuse(name, "cannot be combined with --data: it is an option of the toy");
  for (const char* name : {"--test", "--channels", "--transverse-unit", "--lazy"})
    if (o.data.empty() && given(name)) refuse(name, "needs --data");
  o.channels = channel_names().at(o.channels_word);
  o.unit = o.unit_word == "mm" ? TransverseUnit::millimetre : TransverseUnit::project;
  if (o.data.empty() && o.test_events == 0) o.test_events = 100;
  if (verb == "evaluate" || verb == "predict") {
    if (o.load.empty()) refuse("--load", "must be given: the trained model");
    return;
  }
  const auto share = validation_share(o);
  if (share && !(*share > 0 && *share <= 0.9))
    refuse("--validation", text("must be a share above 0, at most 0.9, or a file, got '", o.validation, "'"));
  if (!o.validation.empty() && !share && o.data.empty()) refuse("--validation", "must be a share without --data");
  if (!o.load.empty())
    for (const char* name : {"--model", "--units", "--layers", "--batch-norm", "--bins"})
      if (given(name)) refuse(name, "cannot be combined with --load: the model file contains this value");
  const auto stride = stride_of(o.model.kind);
  if (o.toy.bins % stride != 0)
    refuse("--bins",
           text("must be a multiple of ", stride, " with --model ", o.model.kind, ", got '", o.toy.bins, "'"));
  if (!given("--warm-up")) o.training.warm_up = std::min(o.training.warm_up, (o.training.epochs + 1) / 2);
  if (o.training.warm_up > o.training.epochs)
    refuse("--warm-up", text("must be at most --epochs, ", o.training.epochs, ", got '", o.training.warm_up, "'"));
  if (verb == "study" && o.study.empty())
    refuse("option", text("must be ", any_of(study_names()), ", got none: peaks study units"));
  if (o.data.empty() && o.events == 0) o.events = 240;
  o.model = completed(o.model);
  if (!o.study.empty() && o.values.empty()) o.values = ladder(o);
}

}  // namespace peaks
