#include "options.hpp"

#include <cstdio>

#include "unroll/core/error.hpp"

namespace lm {

using namespace unroll;

namespace {

constexpr std::int64_t many = 1'000'000'000;

void add_text_settings(Settings& s, Options& o) {
  s.for_commands({"train", "evaluate"});
  s.add_text("text", o.text, "FILE", "UTF-8 text for training or evaluation");
  s.for_commands({"train"});
  s.add_text("valid", o.valid, "FILE", "validation text; default: the end of --text");
  s.add_number("held-out", o.held_out, 0, 0.9, "share of --text, at its end, for validation; not used with --valid");
  s.add_choice("tokens", o.tokens, {"characters", "words"}, "kind of tokens");
  s.add_choice("read", o.read, {"streams", "units"}, "streams with carried state, or each unit separately");
  s.add_choice("unit", o.unit, {"line", "sentence", "paragraph"}, "unit of text");
  s.add_flag("lower", o.lower, "conversion to lower case");
  s.add_whole("vocabulary", o.vocabulary, 0, many, "largest number of tokens, the most frequent ones; 0: all");
  s.add_whole("longest", o.longest, 0, many,
              "largest number of tokens per unit, longer units are truncated; 0: no limit");
}

void add_network_settings(Settings& s, Options& o) {
  s.add_choice("cell", o.cell, {"elman", "gru", "lstm"}, "recurrent cell");
  s.add_whole("units", o.units, 1, 65536, "units of each recurrent layer");
  s.add_whole("layers", o.layers, 1, 64, "number of recurrent layers");
  s.add_whole("embedding", o.embedding, 1, 65536, "dimension of the embedding");
  s.add_number("embedding-deviation", o.embedding_deviation, 0, 100,
               "standard deviation of the initial embedding; with --tied use about 0.1");
  s.add_number("dropout", o.dropout, 0, 0.99, "dropout rate after the embedding and each recurrent layer");
  s.add_flag("tied", o.tied, "output weights shared with the embedding; needs --embedding equal to --units");
}

void add_training_settings(Settings& s, Options& o) {
  s.add_whole("epochs", o.epochs, 1, 1'000'000, "number of epochs");
  s.add_whole("batch", o.batch, 1, 1'000'000, "streams or units per batch");
  s.add_whole("steps", o.steps, 1, 1'000'000, "tokens of each stream per batch");
  s.add_whole("update-every", o.update_every, 0, 1'000'000,
              "steps between updates within a batch, k1 of truncated BPTT; 0: all");
  s.add_whole("back", o.back, 0, 1'000'000, "largest number of steps of a backward pass, k2 of truncated BPTT; 0: k1");
  s.add_choice("optimizer", o.optimizer, {"sgd", "nesterov", "rmsprop", "adam"}, "optimizer");
  s.add_number("rate", o.rate, 1e-9, 100, "learning rate");
  s.add_number("momentum", o.momentum, 0, 0.9999, "momentum of nesterov");
  s.add_number("clip", o.clip, 0, 1e9, "largest norm of the gradient; 0: no limit");
  s.add_number("decay", o.decay, 1e-6, 1, "factor of each decrease of the learning rate");
  s.add_whole("decay-epochs", o.decay_epochs, 0, 1'000'000,
              "number of epochs at the end that decrease the rate, once each");
  s.add_whole("patience", o.patience, 0, 1'000'000,
              "epochs without a lower validation loss until the rate decreases; 0: never");
  s.add_whole("stop-after", o.stop_after, 0, 1'000'000,
              "epochs without a lower validation loss until training stops, with the best parameters; 0: never");
  s.add_whole("seed", o.seed, 0, many, "seed of initial values, batch order and samples during training");
  s.add_whole("overfit", o.overfit, 0, 1'000'000,
              "number of sequences of the overfitting check before training; 0: none");
}

void add_running_settings(Settings& s, Options& o) {
  s.for_commands({"train", "evaluate"});
  s.add_whole("threads", o.threads, 0, 1024, "number of threads; 0: one per core; results do not depend on it");
  s.for_commands({"train"});
  s.add_number("checkpoint-seconds", o.checkpoint_seconds, 0, 1e9,
               "seconds between checkpoints; 0: after every update");
  s.add_flag("resume", o.resume, "continue from the checkpoint in --out, if there is one");
  s.add_text("out", o.out, "DIR", "output folder");
  s.add_flag("quiet", o.quiet, "no output except errors");
}

void add_writing_settings(Settings& s, Options& o) {
  s.for_commands({"sample", "evaluate"});
  s.add_text("model", o.model, "FILE", "trained model");
  s.for_commands({"train", "sample"});
  s.add_text("prompt", o.prompt, "TEXT", "beginning of the generated texts");
  s.add_whole("samples", o.samples, 0, 100'000, "number of generated texts");
  s.add_whole("length", o.length, 1, 10'000'000, "largest number of generated tokens per text");
  s.add_number("temperature", o.temperature, 0, 1000, "sampling temperature; 0: the most probable token");
  s.add_whole("top-k", o.top_k, 0, many, "number of most probable tokens to sample from; 0: all");
  s.add_number("top-p", o.top_p, 0, 1, "probability of the most probable tokens to sample from");
  s.for_commands({"sample"});
  s.add_whole("sample-seed", o.sample_seed, 0, many, "seed of the samples");
}

}  // namespace

Settings settings_of(Options& options) {
  Settings settings;
  add_text_settings(settings, options);
  add_network_settings(settings, options);
  add_training_settings(settings, options);
  add_running_settings(settings, options);
  add_writing_settings(settings, options);
  return settings;
}

std::string identity_of(const Options& options) {
  Options copy = options;
  Settings settings;
  add_text_settings(settings, copy);
  add_network_settings(settings, copy);
  add_training_settings(settings, copy);
  return settings.to_json();
}

void check_together(const Options& o) {
  require<ValueError>(
      o.patience == 0 || o.decay_epochs == 0,
      "--patience cannot be combined with --decay-epochs, both decrease the rate: set one of them to 0");
  require<ValueError>(o.back == 0 || (o.update_every > 0 && o.back >= o.update_every),
                      "--back must be at least --update-every, which is ", o.update_every, ", got ", o.back);
  require<ValueError>(!o.tied || o.embedding == o.units, "--embedding must be --units, which is ", o.units,
                      ", with --tied, got ", o.embedding);
}

CommandLine read_options(int argc, char** argv, Options& options, int& status) {
  Settings settings = settings_of(options), all = settings;
  all.for_commands({"train", "sample", "evaluate"});
  all.add_text("config", options.config, "FILE", "settings as JSON; options of the command line override them");
  CommandLine line;
  status = read_command_line(argc, argv, all,
                             {{"train", "train a language model on a text"},
                              {"sample", "generate text with a trained model"},
                              {"evaluate", "compute the loss of a trained model on a text"}},
                             line);
  if (status >= 0) return line;
  if (line.given.contains("config")) settings.take_file(line.given.at("config"));
  line.given.erase("config");
  for (const auto& [name, value] : line.given) {
    if (status >= 0) break;
    try {
      settings.take(name, value, "--");
    } catch (const ValueError& error) {
      std::fprintf(stderr, "text: %s (text %s --help lists all options)\n", error.what(), line.command.c_str());
      status = 2;
    }
  }
  return line;
}

}  // namespace lm
