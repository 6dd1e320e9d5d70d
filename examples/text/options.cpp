#include "options.hpp"

#include <cstdio>

#include "unroll/core/error.hpp"

namespace lm {

using namespace unroll;

namespace {

constexpr std::int64_t many = 1'000'000'000;

void add_text_settings(Settings& s, Options& o) {
  s.for_commands({"train", "evaluate"});
  s.add_text("text", o.text, "FILE", "UTF-8 to learn from, or to be evaluated");
  s.for_commands({"train"});
  s.add_text("valid", o.valid, "FILE", "to watch while learning; without it the end of the text");
  s.add_number("held-out", o.held_out, 0, 0.9, "share of the text that is its end");
  s.add_choice("tokens", o.tokens, {"characters", "words"}, "what is predicted");
  s.add_choice("read", o.read, {"streams", "units"},
               "the text as streams with the state carried on, or each unit by itself");
  s.add_choice("unit", o.unit, {"line", "sentence", "paragraph"}, "what stands by itself in the text");
  s.add_flag("lower", o.lower, "make capitals small");
  s.add_whole("vocabulary", o.vocabulary, 0, many, "tokens at most, the most frequent ones; 0: all");
  s.add_whole("longest", o.longest, 0, many, "tokens of a unit at most, what is over is cut off; 0: all");
}

void add_network_settings(Settings& s, Options& o) {
  s.add_choice("cell", o.cell, {"elman", "gru", "lstm"}, "of every recurrent layer");
  s.add_whole("units", o.units, 1, 65536, "of every recurrent layer");
  s.add_whole("layers", o.layers, 1, 64, "recurrent ones");
  s.add_whole("embedding", o.embedding, 1, 65536, "numbers for a token");
  s.add_number("embedding-deviation", o.embedding_deviation, 0, 100, "of those numbers at first; 0.1 suits --tied");
  s.add_number("dropout", o.dropout, 0, 0.99, "share of values that are dropped behind every layer");
  s.add_flag("tied", o.tied, "scores by the vectors of the embedding, which is then as large as a layer");
}

void add_training_settings(Settings& s, Options& o) {
  s.add_whole("epochs", o.epochs, 1, 1'000'000, "times through the text");
  s.add_whole("batch", o.batch, 1, 1'000'000, "streams, or units, side by side");
  s.add_whole("steps", o.steps, 1, 1'000'000, "tokens of every stream in a batch");
  s.add_whole("update-every", o.update_every, 0, 1'000'000, "k1 of truncated BPTT in a batch, in steps; 0: all");
  s.add_whole("back", o.back, 0, 1'000'000, "k2: steps that a gradient goes back at most; 0: as k1");
  s.add_choice("optimizer", o.optimizer, {"sgd", "nesterov", "rmsprop", "adam"}, "");
  s.add_number("rate", o.rate, 1e-9, 100, "learning rate");
  s.add_number("momentum", o.momentum, 0, 0.9999, "of nesterov");
  s.add_number("clip", o.clip, 0, 1e9, "largest norm of the gradient; 0: no limit");
  s.add_number("decay", o.decay, 1e-6, 1, "factor by which the rate falls");
  s.add_whole("decay-epochs", o.decay_epochs, 0, 1'000'000, "in so many of the last epochs it falls once more each");
  s.add_whole("patience", o.patience, 0, 1'000'000,
              "or it falls after so many epochs without a better watched loss; 0: not");
  s.add_whole("stop-after", o.stop_after, 0, 1'000'000,
              "end after so many epochs without a better one, with the best; 0: not");
  s.add_whole("seed", o.seed, 0, many, "another seed, another run");
  s.add_whole("overfit", o.overfit, 0, 1'000'000, "first see whether so many units can be learned by heart; 0: not");
}

void add_running_settings(Settings& s, Options& o) {
  s.for_commands({"train", "evaluate"});
  s.add_whole("threads", o.threads, 0, 1024, "0: one for each core; results do not depend on it");
  s.for_commands({"train"});
  s.add_number("checkpoint-seconds", o.checkpoint_seconds, 0, 1e9, "between checkpoints; 0: after every update");
  s.add_flag("resume", o.resume, "go on where an interrupted run stopped, if there is one in the folder");
  s.add_text("out", o.out, "DIR", "folder for model, numbers, pictures and checkpoints");
  s.add_flag("quiet", o.quiet, "only the result");
}

void add_writing_settings(Settings& s, Options& o) {
  s.for_commands({"sample", "evaluate"});
  s.add_text("model", o.model, "FILE", "a model that was trained before");
  s.for_commands({"train", "sample"});
  s.add_text("prompt", o.prompt, "TEXT", "what is written on from");
  s.add_whole("samples", o.samples, 0, 100'000, "texts to write");
  s.add_whole("length", o.length, 1, 10'000'000, "tokens of each at most");
  s.add_number("temperature", o.temperature, 0, 1000, "0: always the most likely token");
  s.add_whole("top-k", o.top_k, 0, many, "choose among so many of the most likely tokens; 0: all");
  s.add_number("top-p", o.top_p, 0, 1, "choose among the most likely tokens that have this share of the probability");
  s.for_commands({"sample"});
  s.add_whole("sample-seed", o.sample_seed, 0, many, "another seed, other texts");
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
  require<ValueError>(o.patience == 0 || o.decay_epochs == 0,
                      "--patience and --decay-epochs both lower the rate: give one of them as 0");
  require<ValueError>(o.back == 0 || (o.update_every > 0 && o.back >= o.update_every), "--back ", o.back,
                      ": expected at least --update-every, which is ", o.update_every);
  require<ValueError>(!o.tied || o.embedding == o.units, "--tied: the embedding has ", o.embedding,
                      " numbers for a token, expected as many as a layer has units, ", o.units);
}

CommandLine read_options(int argc, char** argv, Options& options, int& status) {
  Settings settings = settings_of(options), all = settings;
  all.for_commands({"train", "sample", "evaluate"});
  all.add_text("config", options.config, "FILE", "settings as JSON; the command line goes before");
  CommandLine line;
  status = read_command_line(argc, argv, all,
                             {{"train", "learn from a text"},
                              {"sample", "let a model write"},
                              {"evaluate", "how well a model foretells a text"}},
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
