#include "options.hpp"

namespace hcp {
namespace {

using namespace example;
using unroll::text;

constexpr const char* data_group = "Data";
constexpr const char* synthetic_group = "Synthetic data";

std::string clip_list() {
  std::string list = "Numbers and names of the clips:";
  for (std::size_t k = 0; k < clip_names().size(); ++k) list += text(k == 0 ? " " : ", ", k, " ", clip_names()[k]);
  return list;
}

void add_data_options(CLI::App& app, Options& o) {
  app.add_option("--data", o.data, "recordings, .npy or .npz [sequences x steps x regions] (default: synthetic)")
      ->option_text("FILE")
      ->group(data_group);
  app.add_option("--meta", o.meta, "CSV with participant,class,run,length (default: meta.csv in the folder of --data)")
      ->option_text("FILE")
      ->group(data_group);
  app.add_option("--participants", o.stand_in.participants, "number of participants")
      ->check(whole(2, 10000))
      ->group(synthetic_group);
  app.add_option("--snr", o.stand_in.snr, "share of the signal in the variance")
      ->check(number(0, 1))
      ->group(synthetic_group);
  app.add_option("--idio", o.stand_in.idio, "individual activity relative to the shared one")
      ->check(number(0, 100))
      ->group(synthetic_group);
  app.add_option("--mapvar", o.stand_in.mapvar, "variation of the regions between participants")
      ->check(number(0, 100))
      ->group(synthetic_group);
  app.add_option("--data-seed", o.stand_in.seed, "seed of the synthetic data")
      ->check(whole(0, 1000000000))
      ->group(synthetic_group);
}

void add_test_people(CLI::App& app, Options& o, const char* help) {
  app.add_option("--test-people", o.test_people, help)->delimiter(',')->option_text("FILE|NAMES")->group(data_group);
}

void add_new_data_options(CLI::App& app, Options& o) {
  add_data_options(app, o);
  app.add_option("--classes", o.classes,
                 "names of the classes, one per line (default: the clips, or the names in the column class)")
      ->option_text("FILE")
      ->group(data_group);
  app.add_option("--steps", o.steps, "steps read from the beginning of each clip; 0: all")
      ->check(whole(0, 1000000))
      ->group(data_group);
  app.add_option("--regions", o.stand_in.regions, "number of regions")->check(whole(1, 100000))->group(synthetic_group);
  app.add_option("--train-people", o.train_people, "training participants, names or a file with a name per line")
      ->delimiter(',')
      ->option_text("FILE|NAMES")
      ->group(data_group);
  add_test_people(app, o, "test participants, likewise (default: all others with --train-people)");
  app.add_option_function<unroll::Index>(
         "--test-participants", [&o](unroll::Index count) { o.test_participants = count; },
         "number of test participants, the last ones; 0: none; if not given, at most a quarter of all")
      ->default_str("20")
      ->check(whole(0, 100000))
      ->group(data_group);
  app.add_option("--folds", o.folds, "folds of the cross-validation over the training participants; 0: none")
      ->check(whole(0, 1000))
      ->group(data_group);
}

void add_model_options(CLI::App& app, Options& o) {
  app.add_option("--model", o.model.kind, "kind of network")->check(one_of(model_kinds()));
  app.add_option("--units", o.model.units, "units of each recurrent layer")->check(whole(1, 4096));
  app.add_option("--layers", o.model.layers, "number of recurrent layers")->check(whole(1, 8));
  app.add_option("--dropout", o.model.dropout, "dropout rate after each recurrent layer")->check(number(0, 0.95));
  app.add_option("--epochs", o.training.epochs, "number of epochs")->check(whole(1, 100000));
  app.add_option("--batch", o.training.batch, "sequences per update")->check(whole(1, 1000000));
  app.add_option("--rate", o.training.rate, "learning rate of Adam")->check(number(1e-7, 10));
  app.add_option("--l2", o.training.l2, "factor of the L2 penalty on input weights")->check(number(0, 10));
  app.add_option("--clip", o.training.clip, "largest norm of the gradient; 0: no limit")->check(number(0, 1e6));
  example::add_products_option(app, o.training.products);
}

void add_reading_options(CLI::App& app, Options& o) {
  example::add_load_option(app, o.load);
  add_data_options(app, o);
  example::add_applying_options(app, o.running);
}

}  // namespace

const std::vector<std::string>& synthetic_options() {
  static const std::vector<std::string> names{"--participants", "--regions", "--snr",
                                              "--idio",         "--mapvar",  "--data-seed"};
  return names;
}

void add_train_options(CLI::App& app, Options& o) {
  app.footer(clip_list());
  add_new_data_options(app, o);
  app.add_option("--validation", o.validation, "share of the training participants held out for validation")
      ->check(number(0, 0.9))
      ->group(data_group);
  add_model_options(app, o);
  app.add_option("--patience", o.training.patience,
                 "epochs without a lower validation loss until training stops; 0: never")
      ->check(whole(0, 100000));
  example::add_model_options(app, o.load, o.save);
  add_seed_options(app, o.seeds);
  add_running_options(app, o.running, "out/hcp");
}

void add_controls_options(CLI::App& app, Options& o) {
  app.footer(clip_list());
  add_new_data_options(app, o);
  add_model_options(app, o);
  app.add_option("--repeats", o.repeats, "runs of each control")->check(whole(1, 1000));
  app.add_option("--seed", o.seeds.seed, "seed of the first run of each control; each further run adds 1")
      ->check(whole(0, 1000000000));
  add_running_options(app, o.running, "out/hcp-controls");
}

void add_evaluate_options(CLI::App& app, Options& o) {
  o.test_participants = 0;
  add_reading_options(app, o);
  add_test_people(app, o, "participants to test, names or a file with a name per line (default: all)");
  app.add_option_function<unroll::Index>(
         "--test-participants", [&o](unroll::Index count) { o.test_participants = count; },
         "number of participants to test, the last ones; 0: all")
      ->default_str("0")
      ->check(whole(0, 100000))
      ->group(data_group);
}

void add_predict_options(CLI::App& app, Options& o) {
  add_reading_options(app, o);
  app.add_flag("--steps-output", o.steps_output, "class and probability of every step too, in steps.csv (needs --out)");
}

void check_options(const CLI::App& app, Options& o) {
  const std::string verb = app.get_name();
  const auto given = [&](const char* name) {
    const CLI::Option* const option = app.get_option_no_throw(name);
    return option != nullptr && option->count() > 0;
  };
  if (!o.meta.empty() && o.data.empty()) refuse("--meta", "needs --data");
  for (const std::string& name : synthetic_options())
    if (!o.data.empty() && given(name.c_str()))
      refuse(name, "cannot be combined with --data: it is an option of the synthetic data");
  if (!o.classes.empty() && o.data.empty()) refuse("--classes", "needs --data");
  if (!o.test_people.empty() && given("--test-participants"))
    refuse("--test-people", "cannot be combined with --test-participants: both select the test participants");
  if (verb == "predict" && o.steps_output && o.running.out.empty()) refuse("--steps-output", "needs --out");
  if (verb == "evaluate" || verb == "predict") {
    if (o.load.empty()) refuse("--load", "must be given: the trained model");
    return;
  }
  if (o.folds == 1) refuse("--folds", "must be 0 or at least 2, got '1'");
  if (!o.train_people.empty() && !given("--test-participants")) o.test_participants.reset();
  o.default_test = !given("--test-participants") && o.train_people.empty() && o.test_people.empty();
  o.default_folds = !given("--folds");
  if (!o.load.empty()) {
    for (const char* name : {"--model", "--units", "--layers", "--dropout", "--steps", "--regions", "--classes"})
      if (given(name)) refuse(name, "cannot be combined with --load: the model file contains this value");
    if (given("--folds") && o.folds > 0)
      refuse("--folds", "must be 0 with --load: the loaded model was trained on the participants of all folds");
    o.folds = 0;
  }
  if (o.training.patience > 0 && o.validation == 0)
    refuse("--patience", "needs validation data, but --validation is 0");
  if (o.load.empty() && o.folds == 0 && o.test_participants == unroll::Index(0) && o.test_people.empty())
    refuse("--folds", "must be above 0 without --test-participants, got '0': no participant would be tested");
}

}  // namespace hcp
