#include "options.hpp"

#include "../support/command_line.hpp"

namespace hcp {
namespace {

using namespace example;
using unroll::text;

void add_data_options(CLI::App& app, Options& o) {
  app.add_option("--data", o.data, "recordings, .npy or .npz [sequences x steps x regions] (default: synthetic)")
      ->option_text("FILE");
  app.add_option("--meta", o.meta, "CSV with participant,class,run,length (default: meta.csv in the folder of --data)")
      ->option_text("FILE");
  app.add_option("--steps", o.steps, "steps read from the beginning of each clip; 0: all")->check(whole(0, 1000000));
  app.add_option("--test-participants", o.test_participants,
                 "number of test participants, the last ones; 0: none, with --load all")
      ->check(whole(0, 100000));
  app.add_option("--folds", o.folds, "folds of the cross-validation over the training participants; 0: none")
      ->check(whole(0, 1000));
  app.add_option("--participants", o.stand_in.participants, "synthetic data: number of participants")
      ->check(whole(2, 10000));
  app.add_option("--regions", o.stand_in.regions, "synthetic data: number of regions")->check(whole(1, 100000));
  app.add_option("--snr", o.stand_in.snr, "synthetic data: share of the signal in the variance")->check(number(0, 1));
  app.add_option("--idio", o.stand_in.idio, "synthetic data: individual activity relative to the shared one")
      ->check(number(0, 100));
  app.add_option("--mapvar", o.stand_in.mapvar, "synthetic data: variation of the regions between participants")
      ->check(number(0, 100));
  app.add_option("--data-seed", o.stand_in.seed, "synthetic data: seed")->check(whole(0, 1000000000));
}

void add_model_options(CLI::App& app, Options& o) {
  app.add_option("--model", o.model.kind, "kind of model")->check(one_of(model_kinds()));
  app.add_option("--units", o.model.units, "units of each recurrent layer")->check(whole(1, 4096));
  app.add_option("--layers", o.model.layers, "number of recurrent layers")->check(whole(1, 8));
  app.add_option("--epochs", o.training.epochs, "number of epochs")->check(whole(1, 100000));
  app.add_option("--batch", o.training.batch, "sequences per update")->check(whole(1, 1000000));
  app.add_option("--rate", o.training.rate, "learning rate of Adam")->check(number(1e-7, 10));
  app.add_option("--l2", o.training.l2, "factor of the L2 penalty on input weights")->check(number(0, 10));
  app.add_option("--clip", o.training.clip, "largest norm of the gradient; 0: no limit")->check(number(0, 1e6));
  app.add_option("--seed", o.training.seed, "seed of initial values, batch order and folds")
      ->check(whole(0, 1000000000));
  app.add_option("--load", o.load, "trained model to test instead of training")->option_text("FILE");
  app.add_flag("--controls", o.controls, "leak test: train on shuffled, random and permuted data too");
  app.add_option("--repeats", o.repeats, "runs of each control")->check(whole(1, 1000));
  app.add_option("--out", o.out, text("output folder (default: ", o.out, ")"))->option_text("DIR");
  app.add_flag("--quiet", o.quiet, "no output except errors");
}

void check_together(const CLI::App& app, const Options& o) {
  if (!o.meta.empty() && o.data.empty()) refuse("--meta", "needs --data");
  if (o.folds == 1) refuse("--folds", "must be 0 or at least 2, got '1'");
  if (!o.load.empty() && o.controls) refuse("--controls", "cannot be combined with --load: the controls train models");
  if (o.load.empty() && o.folds == 0 && o.test_participants == 0)
    refuse("--folds", "must be above 0 without --test-participants, got '0': no participant would be tested");
  if (!o.data.empty())
    refuse_together(app, {"--participants", "--regions", "--snr", "--idio", "--mapvar", "--data-seed"}, "--data",
                    "it is an option of the synthetic data");
  if (!o.load.empty())
    refuse_together(app, {"--model", "--units", "--layers", "--steps"}, "--load", "the model file contains this value");
}

std::string clip_list() {
  std::string list = "Numbers and names of the clips:";
  for (std::size_t k = 0; k < clip_names().size(); ++k) list += text(k == 0 ? " " : ", ", k, " ", clip_names()[k]);
  return list;
}

}  // namespace

int read_command_line(int argc, char** argv, Options& options) {
  return example::read_command_line(
      "hcp", "Classifies movie clips from the activity of brain regions at every second.", argc, argv,
      [&](CLI::App& app) {
        app.footer(clip_list());
        add_data_options(app, options);
        add_model_options(app, options);
      },
      [&](const CLI::App& app) { check_together(app, options); });
}

}  // namespace hcp
