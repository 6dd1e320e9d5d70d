#include "options.hpp"

#include "../support/command_line.hpp"

namespace hcp {
namespace {

using example::number, example::one_of, example::whole;
using unroll::text;

void add_data_options(CLI::App& app, Options& o) {
  app.add_option("--data", o.data, "recordings, .npy or .npz [sequences x steps x regions] (default: a stand-in)")
      ->option_text("FILE");
  app.add_option("--meta", o.meta, "participant,class,run,length of each sequence (default: meta.csv beside --data)")
      ->option_text("FILE");
  app.add_option("--steps", o.steps, "of each clip, from its beginning; 0: all")->check(whole(0, 1000000));
  app.add_option("--test-participants", o.test_participants,
                 "the last ones are tested, all others trained on; with --load 0 means that all are tested")
      ->check(whole(0, 100000));
  app.add_option("--folds", o.folds, "of the cross-validation between the others; 0: none")->check(whole(0, 1000));
  app.add_option("--participants", o.stand_in.participants, "of the stand-in, all together")->check(whole(2, 10000));
  app.add_option("--regions", o.stand_in.regions, "of the stand-in")->check(whole(1, 100000));
  app.add_option("--snr", o.stand_in.snr, "share of signal in the stand-in")->check(number(0, 1));
  app.add_option("--idio", o.stand_in.idio, "what goes on in one head alone, of the stand-in")->check(number(0, 100));
  app.add_option("--mapvar", o.stand_in.mapvar, "how much heads differ, in the stand-in")->check(number(0, 100));
  app.add_option("--data-seed", o.stand_in.seed, "of the stand-in")->check(whole(0, 1000000000));
}

void add_model_options(CLI::App& app, Options& o) {
  app.add_option("--model", o.model.kind, "")->check(one_of(model_kinds()));
  app.add_option("--units", o.model.units, "of each recurrent layer")->check(whole(1, 4096));
  app.add_option("--layers", o.model.layers, "recurrent layers")->check(whole(1, 8));
  app.add_option("--epochs", o.training.epochs, "")->check(whole(1, 100000));
  app.add_option("--batch", o.training.batch, "sequences per update")->check(whole(1, 1000000));
  app.add_option("--rate", o.training.rate, "learning rate of Adam")->check(number(1e-7, 10));
  app.add_option("--l2", o.training.l2, "penalty on weights that read inputs")->check(number(0, 10));
  app.add_option("--clip", o.training.clip, "largest norm of the gradient; 0: no limit")->check(number(0, 1e6));
  app.add_option("--seed", o.training.seed, "of first values and shuffling")->check(whole(0, 1000000000));
  app.add_option("--load", o.load, "test this model, train none; its file says who was trained on")
      ->option_text("FILE");
  app.add_flag("--controls", o.controls, "train on shuffled, random and permuted data, too: does information leak?");
  app.add_option("--repeats", o.repeats, "of each control")->check(whole(1, 1000));
  app.add_option("--out", o.out, "folder for model, numbers and pictures")->option_text("DIR");
  app.add_flag("--quiet", o.quiet, "only the result");
}

void check_together(const CLI::App& app, const Options& o) {
  if (!o.meta.empty() && o.data.empty()) throw CLI::ValidationError("--meta", "belongs to --data, which is not given");
  if (o.folds == 1) throw CLI::ValidationError("--folds", "expected 0, or at least 2, got '1'");
  if (!o.load.empty() && o.controls)
    throw CLI::ValidationError("--controls", "trains models, but --load is given, which trains none");
  if (o.load.empty() && o.folds == 0 && o.test_participants == 0)
    throw CLI::ValidationError("--folds", "--folds and --test-participants are both 0: nobody is left to test on");
  for (const char* name : {"--participants", "--regions", "--snr", "--idio", "--mapvar", "--data-seed"})
    if (!o.data.empty() && app.count(name) > 0)
      throw CLI::ValidationError(name, "is an option of the stand-in, but --data is given");
  for (const char* name : {"--model", "--units", "--layers", "--steps"})
    if (!o.load.empty() && app.count(name) > 0) throw CLI::ValidationError(name, "is known to the model of --load");
}

std::string clip_list() {
  std::string list = "Clips by number:";
  for (std::size_t k = 0; k < clip_names().size(); ++k) list += text(k == 0 ? " " : ", ", k, " ", clip_names()[k]);
  return list;
}

}  // namespace

int read_command_line(int argc, char** argv, Options& options) {
  return example::read_command_line(
      "hcp", "Classifies the activity of brain regions, second by second: which movie clip a person is watching.", argc,
      argv,
      [&](CLI::App& app) {
        app.footer(clip_list());
        add_data_options(app, options);
        add_model_options(app, options);
      },
      [&](const CLI::App& app) { check_together(app, options); });
}

}  // namespace hcp
