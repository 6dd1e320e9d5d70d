#include "options.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "unroll/core/utf8.hpp"
#include "unroll/io/detail/text_lines.hpp"

namespace lm {

using namespace unroll;
using namespace example;

namespace {

constexpr std::int64_t many = 1'000'000'000;

std::optional<double> number_in(const std::string& word) { return unroll::detail::parse_number<double>(word); }

/// Validator of a share from 0 to 0.9; any other word is the name of a file.
CLI::Validator share_or_file() {
  const auto check = [](const std::string& given) {
    const auto share = number_in(given);
    const bool good = share ? *share >= 0 && *share <= 0.9 : !given.empty();
    return good ? std::string()
                : unroll::text("must be a file or a share from 0 to 0.9, got ", unroll::detail::in_quotes(given));
  };
  return {check, "", "share"};
}

CLI::Option* add_column(CLI::App& app, Options& o) {
  return app.add_option("--column", o.column, "column of texts, if the files are CSV or, as .tsv, separated by tabs")
      ->option_text("NAME");
}

void add_text_options(CLI::App& app, Options& o) {
  app.add_option("--text", o.text, "UTF-8 text for training")
      ->option_text("FILE (five books of Moses)")
      ->check(a_file());
  add_column(app, o);
  app.add_flag("--lazy", o.lazy,
               "read texts when they are needed, for data larger than memory; characters in streams, and lines");
  app.add_option("--validation", o.validation,
                 "share of the tokens of --text, at its end, held out for validation, or a file of text")
      ->option_text("SHARE|FILE (0.1)")
      ->check(share_or_file());
  app.add_option("--tokens", o.tokens, "kind of tokens")->check(one_of({"characters", "words"}));
  app.add_option("--read", o.read, "streams with carried state, or each unit separately")
      ->check(one_of({"streams", "units"}));
  app.add_option("--unit", o.unit, "unit of text")->check(one_of({"line", "sentence", "paragraph"}));
  app.add_option("--case", o.letters, "letters as they are, or converted to lower case")
      ->check(one_of({"keep", "lower"}));
  app.add_option("--vocabulary", o.vocabulary, "largest number of tokens, the most frequent ones; 0: all")
      ->check(whole(0, many));
  app.add_option("--longest", o.longest, "largest number of tokens per unit, longer units are truncated; 0: no limit")
      ->check(whole(0, many));
  app.add_option("--limit", o.limit, "number of tokens of the training text, without those held out; 0: all")
      ->check(whole(0, many));
}

void add_network_options(CLI::App& app, Options& o) {
  app.add_option("--cell", o.cell, "recurrent cell")->check(one_of({"elman", "gru", "lstm"}));
  app.add_option("--units", o.units, "units of each recurrent layer")->check(whole(1, 65536));
  app.add_option("--layers", o.layers, "number of recurrent layers")->check(whole(1, 64));
  app.add_option("--embedding", o.embedding, "dimension of the embedding")->check(whole(1, 65536));
  app.add_option("--embedding-deviation", o.embedding_deviation,
                 "standard deviation of the initial embedding; with --tied use about 0.1")
      ->check(number(0, 100));
  app.add_option("--vectors", o.vectors,
                 "word vectors for the initial embedding, of word2vec, gensim or GloVe; .bin: binary, otherwise text")
      ->option_text("FILE");
  app.add_option("--dropout", o.dropout, "dropout rate after the embedding and each recurrent layer")
      ->check(number(0, 0.95));
  app.add_flag("--tied", o.tied, "output weights shared with the embedding; needs --embedding equal to --units");
}

void add_rate_options(CLI::App& app, Options& o) {
  app.add_option("--optimizer", o.optimizer, "optimizer")->check(one_of({"sgd", "nesterov", "rmsprop", "adam"}));
  app.add_option("--rate", o.rate, "learning rate")->check(number(1e-7, 10));
  app.add_option("--momentum", o.momentum, "momentum of nesterov")->check(number(0, 0.9999));
  app.add_option("--clip", o.clip, "largest norm of the gradient; 0: no limit")->check(number(0, 1e6));
  example::add_products_option(app, o.products);
  app.add_option("--decay", o.decay, "factor of each decrease of the learning rate")->check(number(1e-6, 1));
  app.add_option("--decay-epochs", o.decay_epochs, "number of epochs at the end that decrease the rate, once each")
      ->check(whole(0, 1'000'000));
  app.add_option("--plateau", o.plateau,
                 "epochs without a lower validation loss until the rate decreases; 0: never; needs --decay-epochs 0")
      ->check(whole(0, 1'000'000));
}

void add_training_options(CLI::App& app, Options& o) {
  app.add_option("--epochs", o.epochs, "number of epochs")->check(whole(1, 100000));
  app.add_option("--batch", o.batch, "streams or units per update")->check(whole(1, 1'000'000));
  app.add_option("--steps", o.steps, "tokens of each stream per batch")->check(whole(1, 1'000'000));
  app.add_option("--update-every", o.update_every, "steps between updates within a batch, k1 of truncated BPTT; 0: all")
      ->check(whole(0, 1'000'000));
  app.add_option("--back", o.back, "largest number of steps of a backward pass, k2 of truncated BPTT; 0: k1")
      ->check(whole(0, 1'000'000));
  add_rate_options(app, o);
  app.add_option("--patience", o.patience, "epochs without a lower validation loss until training stops; 0: never")
      ->check(whole(0, 100000));
  add_seed_options(app, o.seeds);
  app.add_option("--overfit", o.overfit, "number of sequences of the overfitting check before training; 0: none")
      ->check(whole(0, 1'000'000));
}

void add_writing_options(CLI::App& app, Options& o) {
  app.add_option("--prompt", o.prompt, "beginning of the generated texts")->option_text("TEXT");
  app.add_option("--samples", o.samples, "number of generated texts")->check(whole(0, 100'000));
  app.add_option("--length", o.length, "largest number of generated tokens per text")->check(whole(1, 10'000'000));
  app.add_option("--least-length", o.least_length,
                 "smallest number of generated tokens per text of a model that reads units")
      ->check(whole(0, 10'000'000));
  app.add_option("--temperature", o.temperature, "sampling temperature; 0: the most probable token")
      ->check(number(0, 1000));
  app.add_option("--top-k", o.top_k, "number of most probable tokens to sample from; 0: all")->check(whole(0, many));
  app.add_option("--top-p", o.top_p, "probability of the most probable tokens to sample from")->check(number(0, 1));
}

void add_load(CLI::App& app, Options& o) {
  if (o.load.empty()) o.load = "out/text/model.safetensors";
  app.add_option("--load", o.load, "trained model, or a checkpoint")->option_text("FILE (out/text/model.safetensors)");
}

}  // namespace

std::optional<double> Options::share() const { return number_in(validation); }

void add_train_options(CLI::App& app, Options& o) {
  add_text_options(app, o);
  add_network_options(app, o);
  add_training_options(app, o);
  app.add_option("--load", o.load, "trained model to train on, or a checkpoint; its settings are used unless given")
      ->option_text("FILE");
  add_save_option(app, o.save);
  add_writing_options(app, o);
  add_running_options(app, o.running, "out/text");
}

void add_evaluate_options(CLI::App& app, Options& o) {
  add_load(app, o);
  app.add_option("--text", o.text, "UTF-8 text (default: the validation text of the training)")
      ->option_text("FILE")
      ->check(a_file());
  add_column(app, o);
  add_output_options(app, o.running);
}

void add_sample_options(CLI::App& app, Options& o) {
  add_load(app, o);
  add_writing_options(app, o);
  app.add_option("--seed", o.seeds.seed, "seed of the samples")->check(whole(0, many));
  add_output_options(app, o.running);
}

void add_predict_options(CLI::App& app, Options& o) {
  app.add_option("text", o.files, "UTF-8 texts")->option_text("FILE ...")->required()->check(a_file());
  add_load(app, o);
  add_column(app, o);
  app.add_option("--by", o.by, "rows: each token, or each unit, in streams each line")
      ->check(one_of({"token", "unit"}));
  add_applying_options(app, o.running);
}

EarlierNames earlier_names() {
  return {{"--model", "--load"},       {"--valid", "--validation"},    {"--held-out", "--validation"},
          {"--lower", "--case=lower"}, {"--stop-after", "--patience"}, {"--sample-seed", "--seed"}};
}

std::vector<std::string> free_options() {
  return {"epochs", "lazy", "overfit", "prompt", "samples", "length", "least-length", "temperature", "top-k", "top-p"};
}

std::vector<std::string> network_options() {
  return {"tokens", "read", "unit", "case", "vocabulary", "cell", "units", "layers", "embedding", "embedding-deviation",
          "tied"};
}

Settings settings_of(const CLI::App& train) {
  const auto json = nlohmann::json::parse(settings_json(train));
  auto left_out = free_options();
  std::erase(left_out, "epochs");
  left_out.emplace_back("load");
  Settings settings;
  for (const CLI::Option* option : train.get_options()) {
    if (option->get_lnames().empty() || option->get_group() == running_group) continue;
    const std::string& name = option->get_lnames().front();
    if (!json.contains(name) || std::find(left_out.begin(), left_out.end(), name) != left_out.end()) continue;
    const auto& value = json[name].is_array() && json[name].size() == 1 ? json[name][0] : json[name];
    settings[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return settings;
}

Settings settings_of_defaults() {
  Options options;
  CLI::App program("", "text");
  program.option_defaults()->always_capture_default();
  CLI::App& train = *program.add_subcommand("train");
  train.option_defaults()->always_capture_default();
  add_train_options(train, options);
  return settings_of(train);
}

Options options_of(const Settings& settings, const std::string& file) try {
  Options options;
  CLI::App app;
  add_train_options(app, options);
  std::vector<std::string> words;
  for (const auto& [name, value] : settings)
    if (app.get_option_no_throw("--" + name) != nullptr && !value.empty()) words.push_back("--" + name + "=" + value);
  app.parse(words);
  return options;
} catch (const CLI::ParseError& error) {
  throw FileError(text(file, ": the setting ", message_of(error)));
}

void check_together(const Options& o) {
  require<ValueError>(o.plateau == 0 || o.decay_epochs == 0,
                      "--plateau cannot be combined with --decay-epochs, both decrease the rate: set one of them to 0");
  require<ValueError>(o.back == 0 || (o.update_every > 0 && o.back >= o.update_every),
                      "--back must be at least --update-every, which is ", o.update_every, ", got ", o.back);
  require<ValueError>(!o.tied || o.embedding == o.units, "--embedding must be --units, which is ", o.units,
                      ", with --tied, got ", o.embedding);
  require<ValueError>(o.vectors.empty() || o.load.empty(),
                      "--vectors cannot be combined with --load: the embedding is that of ", o.load);
  require<ValueError>(o.vectors.empty() || o.words(), "--vectors must be used with --tokens words, got --tokens ",
                      o.tokens);
  require_utf8(o.prompt, "--prompt");
  require<ValueError>(!o.lazy || o.column.empty(), "--lazy cannot be combined with --column: tables are in memory");
  require<ValueError>(!o.lazy || o.in_lines(), "--unit must be line with --lazy, got ", o.unit);
  require<ValueError>(!o.lazy || o.overfit == 0, "--lazy cannot be combined with --overfit: its check is in memory");
  require<ValueError>(o.least_length <= o.length, "--least-length must be at most --length, which is ", o.length,
                      ", got ", o.least_length);
}

}  // namespace lm
