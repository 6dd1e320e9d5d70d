// Grapheme-to-phoneme conversion: pronunciation of words, learned from a dictionary.
// bin/g2p [train] [WORD ...] [--score general]                    trains on CMUdict
// bin/g2p predict --load out/g2p/model.safetensors WORD ...       converts words
// bin/g2p evaluate --load out/g2p/model.safetensors --test FILE   scores a dictionary
// bin/g2p compare                                                 kinds of attention
// The training takes a minute on two cores with the defaults. bin/g2p VERB --help lists the options.

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "../support/fingerprint.hpp"
#include "../support/program.hpp"
#include "../support/run_folder.hpp"
#include "../support/trained.hpp"
#include "model_file.hpp"
#include "pictures.hpp"
#include "report.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/io/detail/text_lines.hpp"
#include "unroll/io/input_file.hpp"

using namespace unroll;
using namespace g2p;

namespace {

/// Models that decode together.
struct Models {
  std::vector<Trained> all;

  explicit Models(const std::vector<std::string>& files) {
    for (const std::string& file : files) {
      all.push_back(load(file));
      const Vocabulary &first = all.front().vocabulary, &other = all.back().vocabulary;
      require<ValueError>(first.letters == other.letters && first.phonemes == other.phonemes, file,
                          ": letters and phonemes must be those of ", files.front());
    }
  }

  const Vocabulary& vocabulary() const { return all.front().vocabulary; }
  Networks networks() const {
    Networks networks;
    for (const Trained& model : all) networks.push_back(model.network.get());
    return networks;
  }
  std::string name() const {
    std::string name;
    for (const Trained& model : all) name += (name.empty() ? "" : " + ") + name_of(model.options);
    return name;
  }
  bool attend() const {
    return std::ranges::all_of(all, [](const Trained& model) { return model.network->attends(); });
  }
  /// Training words of any model; none if a file does not list them.
  std::optional<std::set<std::string>> learned() const {
    std::set<std::string> words;
    for (const Trained& model : all) {
      if (!model.learned) return std::nullopt;
      words.insert(model.learned->begin(), model.learned->end());
    }
    return words;
  }
};

/// Options and output of a verb.
class Program {
 public:
  Program(const Options& options, const CLI::App& app)
      : options_(options), app_(app), threads_(options.running.threads) {}

 protected:
  void print(const std::string& lines) const {
    if (!options_.running.quiet && !options_.running.json) example::print(lines);
  }
  void print_json(const nlohmann::json& json) const {
    if (options_.running.json) example::print(text_of(json));
  }

  /// Conversion of each word. A word that cannot be read has an error instead.
  std::vector<Converted> convert(const Networks& networks, const Vocabulary& vocabulary,
                                 const std::vector<std::string>& words) const {
    std::vector<Converted> converted;
    std::vector<MatrixX<float>> sources;
    for (const std::string& word : words) {
      converted.push_back({word});
      try {
        sources.push_back(vocabulary.source(word));
      } catch (const ValueError& error) {
        converted.back().error = error.what();
      }
    }
    auto hypotheses = decode(networks, sources, options_.search, threads_);
    auto next = hypotheses.begin();
    for (Converted& one : converted)
      if (one.error.empty()) one.pronunciations = std::move(*next++);
    return converted;
  }

  Hypothesis<float> attention_of(const Networks& networks, const Vocabulary& vocabulary,
                                 const std::string& word) const {
    Search search = options_.search;
    search.keep_attention = true;
    return decode(networks, {vocabulary.source(word)}, search, threads_).front().front();
  }

  /// Folder of --out for a verb that reads these words; empty without the option.
  std::filesystem::path folder_for(const std::vector<std::string>& words) const {
    if (options_.running.out.empty()) return {};
    example::RunFolder folder(app_, options_.running);
    example::Fingerprint all;
    for (const std::string& word : words) all.add(word.c_str(), word.size() + 1);
    folder.begin(all.text());
    return folder.path();
  }

  const Options& options_;
  const CLI::App& app_;
  Threads threads_;
};

class TrainVerb : Program {
 public:
  TrainVerb(const Options& options, const CLI::App& app)
      : Program(options, app), folder_(app, options.running, free_options(options)) {}

  void train() {
    if (!options_.load.empty()) loaded_ = load_first();
    const Data data = read();
    std::vector<std::string> words = options_.words;
    if (!options_.map.empty()) words.push_back(options_.map);
    for (const std::string& word : words) data.vocabulary.source(word);  // throws before training
    example::check_copy(options_.save);
    begin(data);
    std::vector<Study> studies{study(options_.network, data, {})};
    finish(data, studies, 0);
    const Study& all = studies.front();
    const auto converted = convert(networks(all), data.vocabulary, options_.words);
    for (const Converted& one : converted) print(hypotheses_text(one, data.vocabulary));
    if (!options_.running.json) return;
    nlohmann::json json = metrics_json(example::settings_json(app_), {data, studies, 0});
    for (const Converted& one : converted) json["predictions"].push_back(json_of(one, data.vocabulary));
    print_json(json);
  }

  void compare() {
    const Data data = read();
    begin(data);
    std::vector<Study> studies;
    for (const Kind& kind : kinds()) {
      if (kind.cell != "gru") continue;
      NetworkOptions network = options_.network;
      network.cell = kind.cell, network.attention = kind.attention, network.score = kind.score;
      studies.push_back(study(network, data, kind.attention + "-" + kind.score + "-"));
      write_text(folder_ / "history.csv", history_csv(studies));
    }
    print(text("\nerror rates (%) on ", data.validation.size(), " validation words, mean over ", studies[0].runs.size(),
               studies[0].runs.size() == 1 ? " seed\n" : " seeds\n", comparison_text(studies, options_.search)));
    const auto best = std::ranges::min_element(studies, {}, validation_error);
    print(text("\nlowest word error rate of the validation words: ", name_of(best->network), "\n"));
    finish(data, studies, std::size_t(best - studies.begin()));
    print_json(metrics_json(example::settings_json(app_), {data, studies, std::size_t(best - studies.begin())}));
  }

 private:
  /// Options that may differ when a run is resumed.
  static std::vector<std::string> free_options(const Options& options) {
    std::vector<std::string> free{"word", "map", "n-best", "beams", "length-penalty", "seed", "seeds"};
    if (options.late_rate == 1) free.push_back("epochs");
    return free;
  }

  Trained load_first() const {
    Trained trained = load(options_.load.front());
    const auto given = fixed_options(options_.network, options_.sources.reading);
    for (const auto& [name, value] : fixed_options(trained.options, trained.reading))
      require<ValueError>(given.at(name) == value, "--", name, " must be ", value, ", as in ", options_.load.front(),
                          ", got ", given.at(name));
    require<ValueError>(trained.learned.has_value(), options_.load.front(), ": the file must list its training words");
    return trained;
  }

  Data read() const {
    std::optional<Learned> learned;
    if (loaded_) learned = Learned{loaded_->vocabulary, *loaded_->learned};
    const Data data = read_data(options_.sources, learned ? &*learned : nullptr);
    print(data_text(options_.sources, data));
    return data;
  }

  void begin(const Data& data) {
    fingerprint_ = data.fingerprint();
    folder_.begin(fingerprint_);
  }

  static Networks networks(const Study& study) {
    Networks networks;
    for (const auto& network : study.networks) networks.push_back(network.get());
    return networks;
  }

  /// Trains all runs of one kind of network, from the loaded parameters if there are any. `prefix`: of the names of
  /// files.
  Study study(const NetworkOptions& network, const Data& data, const std::string& prefix) const {
    Study study{network};
    const Vocabulary& vocabulary = data.vocabulary;
    for (const std::uint64_t seed : options_.seeds.all()) {
      study.networks.push_back(make_network(network, Index(vocabulary.letters.size()), vocabulary.tokens()));
      Network& mine = *study.networks.back();
      if (loaded_)
        mine.take(read_safetensors(options_.load.front()));
      else
        mine.initialise(seed);
      if (study.runs.empty()) {
        study.parameters = mine.parameters();
        print(network_text(study));
      }
      const std::string tag = text(prefix, seed);
      const example::RunControl control{folder_ / ("checkpoint-" + tag + ".safetensors"),
                                        options_.running.checkpoint_seconds,
                                        options_.running.quiet || options_.running.json};
      study.runs.push_back(g2p::train(mine, options_, data, seed, threads_, control,
                                      [&](const g2p::Epoch& epoch) { print(epoch_text(epoch, options_.epochs)); }));
      example::stop_if_requested();
      print(run_text(study.runs.back(), options_.search));
      if (options_.seeds.all().size() > 1 || !prefix.empty())
        save_model(study, study.runs.size() - 1, data, folder_ / ("model-" + tag + ".safetensors"));
    }
    return study;
  }

  void save_model(const Study& study, std::size_t run, const Data& data, const std::filesystem::path& file) const {
    const Run& of_seed = study.runs[run];
    std::set<std::string> learned(data.train.spellings.begin(), data.train.spellings.end());
    if (loaded_) learned.insert(loaded_->learned->begin(), loaded_->learned->end());
    std::map<std::string, std::string> training;
    if (loaded_)
      for (const auto& [name, value] : loaded_->training)
        if (!name.starts_with("before ")) training["before " + name] = value;
    const std::map<std::string, std::string> facts{
        {"program", "g2p"},
        {"seed", text(of_seed.seed)},
        {"epochs", text(of_seed.history.size())},
        {"batch", text(options_.batch)},
        {"rate", text(options_.rate)},
        {"late-rate", text(options_.late_rate)},
        {"clip", text(options_.clip)},
        {"dropout", text(options_.network.dropout)},
        {"patience", text(options_.patience)},
        {"dictionary", std::filesystem::path(options_.sources.train).filename().string()},
        {"data", fingerprint_},
        {"training words", text(data.train.size())},
        {"training pronunciations", text(data.train.pairs())},
        {"validation words", text(data.validation.size())},
        {"validation phoneme error rate", text(of_seed.validation.greedy.phoneme())},
        {"validation word error rate", text(of_seed.validation.greedy.word())}};
    training.insert(facts.begin(), facts.end());
    save({study.network, options_.sources.reading, data.vocabulary, study.networks[run], std::move(learned),
          std::move(training)},
         file);
  }

  /// Tests the chosen study and writes the model with the lowest validation error, tables and the page.
  void finish(const Data& data, std::vector<Study>& studies, std::size_t place) const {
    Study& chosen = studies[place];
    const auto best = std::size_t(
        std::ranges::min_element(chosen.runs, {}, [](const Run& run) { return run.validation.beam.word(); }) -
        chosen.runs.begin());
    save_model(chosen, best, data, folder_ / "model.safetensors");
    example::write_copy(folder_ / "model.safetensors", options_.save);
    for (std::size_t k = 0; k < chosen.runs.size(); ++k) {
      example::stop_if_requested();
      chosen.runs[k].test = test({chosen.networks[k].get()}, options_.search, data.test, threads_);
    }
    if (chosen.runs.size() > 1) chosen.ensemble = test(networks(chosen), options_.search, data.test, threads_);
    print(test_text(chosen, options_.search));
    const Networks single{chosen.networks[best].get()};
    write_text(
        folder_ / "test.tsv",
        tsv_of(test_table(data.test, decode(single, data.test.sources, options_.search, threads_), data.vocabulary)));
    write_numbers({data, studies, place}, single);
    const std::string seed = text(" (seed ", chosen.runs[best].seed, ")");
    print(text("files in ", options_.running.out, ": model.safetensors and test.tsv", seed,
               ", metrics.json, history.csv, report.html\n"));
    if (!options_.save.empty()) print(text("copy of the model: ", options_.save, "\n"));
    print(result_text(chosen, options_.search));
  }

  void write_numbers(const Results& results, const Networks& best) const {
    const std::string settings = example::settings_json(app_);
    write_text(folder_ / "metrics.json", text_of(metrics_json(settings, results)));
    write_text(folder_ / "history.csv", history_csv(results.studies));
    std::optional<Attention> attention;
    if (best.front()->attends()) {
      std::string word = options_.map;
      if (word.empty()) word = *std::ranges::max_element(results.data.validation.spellings, {}, &std::string::size);
      attention = Attention{word, attention_of(best, results.data.vocabulary, word)};
    }
    const std::string missing =
        write_report(folder_.path(), settings, options_.sources, results, attention ? &*attention : nullptr);
    write_scores(folder_.path(), scores_of(results));
    if (!missing.empty()) print(text("report page without figures: ", missing, "\n"));
    if (!options_.map.empty() && missing.empty())
      print(text("attention weights of ", options_.map, ", ",
                 results.data.vocabulary.phonemes_text(attention->hypothesis.tokens), ": ",
                 (folder_ / "map.svg").string(), "\n"));
  }

  example::RunFolder folder_;
  std::string fingerprint_;
  std::optional<Trained> loaded_;
};

class EvaluateVerb : Program {
 public:
  using Program::Program;

  void run() const {
    const Models models(options_.load);
    const TestWords test = read_test(options_.sources, models.vocabulary());
    const auto folder = folder_for(test.words.spellings);
    const auto learned = models.learned();
    std::vector<Index> others;
    for (Index k = 0; k < test.words.size(); ++k)
      if (!learned || !learned->contains(test.words.spellings[std::size_t(k)])) others.push_back(k);
    print(models.name() + "\n");
    if (!learned) print("training words unknown: a model file does not list them\n");
    if (test.left_out > 0) print(text("left out: ", test.left_out, " words with unknown letters\n"));
    const Tested all = g2p::test(models.networks(), options_.search, test.words, threads_);
    const Index known = test.words.size() - std::ssize(others);
    nlohmann::json json{{"models", options_.load}, {"left_out", test.left_out}, {"training_words", known}};
    json["all"] = json_of(all);
    print(text(test.words.size(), " words", known > 0 ? text(", ", known, " of them training words") : "", ": ",
               tested_text(all, options_.search), "\n"));
    if (known > 0 && !others.empty()) {
      const Tested rest = g2p::test(models.networks(), options_.search, test.words.subset(others), threads_);
      json["other_words"] = json_of(rest);
      print(text("the other ", others.size(), ": ", tested_text(rest, options_.search), "\n"));
    }
    if (!folder.empty() || !options_.output.empty()) write_tables(models, test.words, json, folder);
    print_json(json);
  }

 private:
  void write_tables(const Models& models, const Words& words, const nlohmann::json& json,
                    const std::filesystem::path& folder) const {
    const auto hypotheses = decode(models.networks(), words.sources, options_.search, threads_);
    const DataTable table = test_table(words, hypotheses, models.vocabulary());
    if (!options_.output.empty())
      write_text(options_.output, options_.output.ends_with(".tsv") ? tsv_of(table) : to_csv(table));
    if (folder.empty()) return;
    write_text(folder / "test.tsv", tsv_of(table));
    write_text(folder / "metrics.json", text_of(json));
    print(text("files in ", options_.running.out, ": test.tsv, metrics.json\n"));
  }
};

class PredictVerb : Program {
 public:
  using Program::Program;

  int run() const {
    const Models models(options_.load);
    const auto given = words();
    require<ValueError>(options_.map.empty() || models.attend(),
                        "--map must not be given for a network without attention");
    if (!options_.map.empty()) models.vocabulary().source(options_.map);  // throws before the folder changes
    const auto folder = folder_for(given);
    const auto converted = convert(models.networks(), models.vocabulary(), given);
    nlohmann::json json{{"models", options_.load}, {"words", nlohmann::json::array()}};
    for (const Converted& one : converted) json["words"].push_back(json_of(one, models.vocabulary()));
    const std::string csv = to_csv(prediction_table(converted, models.vocabulary()));
    if (!options_.output.empty()) write_text(options_.output, options_.output.ends_with(".json") ? text_of(json) : csv);
    for (const Converted& one : converted)
      if (!one.error.empty() && !options_.running.json)
        std::fprintf(stderr, "g2p: %s\n", one.error.c_str());
      else if (options_.output.empty() && folder.empty())
        print(hypotheses_text(one, models.vocabulary()));
    if (!folder.empty()) write_files(models, folder, csv, json);
    print_json(json);
    return converted.empty() || std::ranges::any_of(converted, [](const Converted& c) { return c.error.empty(); }) ? 0
                                                                                                                   : 1;
  }

 private:
  /// The words of the command line, then those of --input.
  std::vector<std::string> words() const {
    std::vector<std::string> words = options_.words;
    if (options_.input.empty()) return words;
    const std::string content = options_.input == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {})
                                                      : unroll::detail::read_text(options_.input);
    unroll::detail::TextLines lines(content, options_.input);
    for (auto line = lines.next(); line; line = lines.next()) {
      const auto first = line->find_first_not_of(" \t"), last = line->find_last_not_of(" \t");
      if (first != line->npos) words.emplace_back(line->substr(first, last - first + 1));
    }
    require<FileError>(words.size() > options_.words.size(), "--input ", options_.input,
                       ": must have at least one word, got none");
    return words;
  }

  void write_files(const Models& models, const std::filesystem::path& folder, const std::string& csv,
                   const nlohmann::json& json) const {
    write_text(folder / "predictions.csv", csv);
    write_text(folder / "predictions.json", text_of(json));
    std::string words = text("files in ", options_.running.out, ": predictions.csv, predictions.json");
    if (!options_.map.empty()) {
      const auto hypothesis = attention_of(models.networks(), models.vocabulary(), options_.map);
      const std::string missing = draw_map(folder, options_.map, models.vocabulary(), hypothesis, models.name());
      words += missing.empty() ? text(", map.svg: attention weights of ", options_.map, ", ",
                                      models.vocabulary().phonemes_text(hypothesis.tokens))
                               : text(", map.csv, map.gp; map.svg is missing: ", missing);
    }
    print(words + "\n");
  }
};

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("g2p", [&] {
    return run_command_line(
        argc, argv,
        {.train =
             [](const Options& options, const CLI::App& app) {
               TrainVerb(options, app).train();
               return 0;
             },
         .evaluate =
             [](const Options& options, const CLI::App& app) {
               EvaluateVerb(options, app).run();
               return 0;
             },
         .predict = [](const Options& options, const CLI::App& app) { return PredictVerb(options, app).run(); },
         .compare =
             [](const Options& options, const CLI::App& app) {
               TrainVerb(options, app).compare();
               return 0;
             }});
  });
}
