// Language model: predicts the next token of a text, and generates text.
// bin/text train [--text FILE] [--tokens words] ...      bin/text sample --prompt "And God"      bin/text evaluate
// Takes a minute on two cores with the defaults, characters of the King James Version. Prints the bits per character of
// the last tenth of the text. bin/text COMMAND --help lists the options, which a configuration file (--config) may also
// set.

#include <cstdio>

#include "../support/output_folder.hpp"
#include "../support/program.hpp"
#include "results.hpp"
#include "unroll/io/checkpoint.hpp"
#include "writing.hpp"

using namespace unroll;
using namespace lm;

namespace {

void print(const Options& options, const std::string& lines) {
  if (!options.quiet) example::print(lines);
}

std::string written(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& one : texts) all += one + "\n" + (one.find('\n') == one.npos ? "" : "---\n");
  return all;
}

void run_training(const Options& options) {
  check_together(options);
  const auto folder = example::output_folder(options.out, "model.safetensors");
  const Threads threads{int(options.threads)};
  const Corpus corpus = read_corpus(options);
  Model model{options, corpus.vocabulary, make_network(options, corpus.vocabulary.size())};
  write(model, options, options.seed);  // an invalid prompt throws before training
  Options copy = options;
  write_text(folder / "config.json", settings_of(copy).to_json("train"));
  print(options, corpus_text(options, corpus) + network_text(model));
  if (options.overfit > 0)
    print(options,
          text(options.overfit, " sequences, overfitting check: ", overfit_check(options, corpus).text(), "\n"));
  const RunState state = train(model, corpus, options, threads, folder, [&](RunState& now) {
    const auto epoch = now.training.epochs;
    if (epoch == 1) print(options, first_loss_text(now, model.vocabulary.size()));
    const std::string samples = written(write(model, options, options.seed + Index(epoch)));
    now.samples += text("== epoch ", epoch, "\n", samples);
    print(options, epoch_text(model, now, options.epochs) + samples);
  });
  save(model, folder / "model.safetensors");
  const auto validation = Sequences::for_validation(corpus.validation, corpus.vocabulary, options);
  const Validation result = validate(model.network, validation, model.vocabulary, threads);
  const std::string missing = write_results(model, state, result, folder);
  if (!missing.empty()) print(options, "report page without figures: " + missing + "\n");
  print(options,
        text("files in ", options.out, ": model.safetensors, config.json, history.csv, samples.txt, report.html\n"));
  print(options, validation_text(result, options) + "\n");
}

void run_writing(const Options& options) {
  example::print(written(write(load(options.model), options, options.sample_seed)));
}

void run_evaluation(const Options& options, bool other_text) {
  const Model model = load(options.model);
  const Part part = other_text ? read_part(options.text, model.options, model.vocabulary)
                               : read_corpus(model.options, &model.vocabulary).validation;
  const auto sequences = Sequences::for_validation(part, model.vocabulary, model.options);
  const Validation result = validate(model.network, sequences, model.vocabulary, Threads{int(options.threads)});
  example::print(validation_text(result, model.options) + "\n");
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("text", [&] {
    Options options;
    int status = -1;
    const CommandLine line = read_options(argc, argv, options, status);
    if (status >= 0) return status;
    if (line.command == "train") run_training(options);
    if (line.command == "sample") run_writing(options);
    if (line.command == "evaluate") run_evaluation(options, line.given.contains("text"));
    return 0;
  });
}
