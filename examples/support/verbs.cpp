#include "verbs.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/io/json.hpp"

namespace example {

using Json = nlohmann::ordered_json;
using unroll::detail::in_quotes;
using Words = std::vector<std::string>;

namespace {

bool is_option(const std::string& word) { return word.size() > 2 && word.starts_with("--"); }
std::string name_in(const std::string& word) { return word.substr(0, word.find('=')); }

const Verb* find_verb(const std::vector<Verb>& verbs, const std::string& name) {
  const auto found = std::find_if(verbs.begin(), verbs.end(), [&](const Verb& verb) { return verb.name == name; });
  return found == verbs.end() ? nullptr : &*found;
}

/// Replaces earlier names, with a notice for each. Options that became verbs are replaced only if the words name no
/// verb, or the verb `usual`, which is then replaced too; other verbs may have options of the same names.
Words with_present_names(const char* program, const Words& given, const EarlierNames& earlier,
                         const std::string& usual = {}, bool of_other_verb = false) {
  Words words;
  std::string verb;
  for (const std::string& word : given) {
    const auto known = std::find_if(earlier.begin(), earlier.end(), [&](const auto& names) {
      return names.first == (is_option(word) ? name_in(word) : word) && (is_option(word) || words.empty()) &&
             (is_option(names.second) || !of_other_verb);
    });
    if (known == earlier.end()) {
      words.push_back(word);
      continue;
    }
    std::fprintf(stderr, "%s: %s is now %s\n", program, known->first.c_str(), known->second.c_str());
    if (is_option(known->second))
      words.push_back(known->second + word.substr(known->first.size()));
    else
      verb = known->second;
  }
  if (verb.empty()) return words;
  if (!words.empty() && (words.front() == usual || words.front() == verb)) words.erase(words.begin());
  words.insert(words.begin(), verb);
  return words;
}

/// Value of --config; empty without it.
std::string config_of(const Words& words) {
  std::string file;
  for (std::size_t k = 0; k < words.size(); ++k) {
    if (words[k].starts_with("--config=")) file = words[k].substr(9);
    if (words[k] == "--config" && k + 1 < words.size()) file = words[k + 1];
  }
  return file;
}

std::string word_of(const Json& value, const std::string& where) {
  unroll::require<unroll::ValueError>(value.is_primitive() && !value.is_null(), where,
                                      " must be a string, a number, true, false or a list of strings or numbers");
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// Whether a value of the option is a path of input that is relative to `folder`. A number is none, such as a share of
/// the data, nor is a word of an option that takes names too, such as FILE|NAMES, unless a file has that name.
bool is_relative_path(const CLI::Option& option, const std::string& value, const std::filesystem::path& folder) {
  const std::string& hint = option.get_option_text();
  const bool may_be_path = option.get_group() != running_group &&
                           (hint.find("FILE") != std::string::npos || hint.find("DIR") != std::string::npos);
  const bool may_be_name = hint.find("NAME") != std::string::npos;
  std::error_code none;  // such as for a name that is too long for a file
  return may_be_path && !value.empty() && std::filesystem::path(value).is_relative() &&
         !Json::parse(value, nullptr, false).is_number() &&
         (!may_be_name || std::filesystem::exists(folder / value, none));
}

/// Values of an option in JSON; a scalar is one value.
Words values_in(const Json& value, const std::string& where) {
  Words values;
  if (value.is_array())
    for (const Json& each : value) values.push_back(word_of(each, where));
  else
    values.push_back(word_of(value, where));
  return values;
}

/// Words of a command line that set a flag; none for false.
Words words_of_flag(const Words& values, const std::string& word, const std::string& where) {
  const bool on = !values.empty() && values.front() == "true";
  unroll::require<unroll::ValueError>(on || (!values.empty() && values.front() == "false"), where,
                                      " must be true or false");
  return on ? Words{word} : Words{};
}

/// Words of a command line that give an option these values.
Words words_of(const CLI::Option& option, const std::string& name, const Words& values, const std::string& where) {
  if (option.get_positional()) return values;
  if (option.get_expected_max() == 0) return words_of_flag(values, name, where);
  if (values.empty()) return {};
  if (option.get_delimiter() == ',') {
    std::string list;
    for (const std::string& each : values) list += (list.empty() ? "" : ",") + each;
    return {name + "=" + list};
  }
  if (values.size() == 1) return values.front().empty() ? Words{} : Words{name + "=" + values.front()};
  Words words{name};
  words.insert(words.end(), values.begin(), values.end());
  return words;
}

/// Option of a JSON object. Throws ValueError if there is none.
const CLI::Option& option_in(const CLI::App& verb, const std::string& key, const std::string& name,
                             const std::string& where) {
  const CLI::Option* option = verb.get_option_no_throw(name_in(name));
  if (option == nullptr) option = verb.get_option_no_throw(key);  // a positional argument
  if (option != nullptr) return *option;
  Words names;
  for (const CLI::Option* known : verb.get_options())
    for (const std::string& each : known->get_lnames()) names.push_back(each);
  throw unroll::ValueError(unroll::text(where, ": there is no option ", in_quotes(key), "; the nearest: ",
                                        unroll::detail::nearest_names(key, {names.begin(), names.end()})));
}

/// Relative path of a file in the present folder from `folder`.
std::string path_from(const std::filesystem::path& folder, const std::string& file) {
  const auto whole = [](const std::filesystem::path& path) {
    return std::filesystem::absolute(path).lexically_normal();
  };
  return whole(file).lexically_relative(whole(folder / "")).string();
}

/// Value of an option as JSON: a number if the option takes numbers, otherwise a string.
Json json_of(const std::string& word, bool numeric) {
  const Json number = numeric ? Json::parse(word, nullptr, false) : Json();
  return number.is_number() ? number : Json(word);
}
/// Whether the type of an option is INT, UINT or FLOAT.
bool is_numeric(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.starts_with("INT") || type.starts_with("UINT") || type.starts_with("FLOAT");
}
Json json_of(const CLI::Option& option, const std::string& folder) {
  if (option.get_expected_max() == 0) return option.count() > 0;
  const bool list = option.get_delimiter() == ',' || option.get_expected_max() > 1;
  Words words;
  if (option.count() > 0) {
    words = option.reduced_results();
  } else {
    std::string text = option.get_default_str();
    if (list && text.starts_with("[") && text.ends_with("]")) text = text.substr(1, text.size() - 2);
    for (std::size_t at = 0; list && !text.empty();) {
      const std::size_t end = text.find(',', at);
      words.push_back(text.substr(at, end - at));
      if (end == text.npos) break;
      at = end + 1;
    }
    if (!list) words.push_back(text);
  }
  if (!folder.empty())
    for (std::string& word : words)
      if (is_relative_path(option, word, {})) word = path_from(folder, word);
  const bool numeric = is_numeric(option);
  if (!list) return json_of(words.empty() ? std::string() : words.back(), numeric);
  Json all = Json::array();
  for (const std::string& word : words) all.push_back(json_of(word, numeric));
  return all;
}

/// Words of a command line with the options of a JSON object that `verb` was not given. `folder`: of relative paths.
/// Values that are the default count as not given, as in the run that wrote the file.
Words words_of_json(const std::string& text, const std::string& where, const std::filesystem::path& folder,
                    const char* program, const CLI::App& verb, const EarlierNames& earlier) {
  const Json json = unroll::detail::parse_json<Json>(text, where);
  unroll::require<unroll::FileError>(json.is_object(), where,
                                     ": must be a JSON object of options, { \"name\": value, ... }");
  Words words;
  std::map<const CLI::Option*, std::string> keys;
  for (const auto& [key, value] : json.items()) {
    if (key == "program" || key == "verb" || key == "fingerprint") {
      const std::string expected = key == "program" ? program : verb.get_name();
      unroll::require<unroll::ValueError>(key == "fingerprint" || value == expected, where, ": ", key, " must be ",
                                          expected, ", got ", [&given = value] { return given.dump(); });
      continue;
    }
    const std::string name = with_present_names(program, {"--" + key}, earlier).front();
    const CLI::Option& option = option_in(verb, key, name, where);
    const auto [same, is_new] = keys.emplace(&option, key);
    unroll::require<unroll::ValueError>(is_new, where, ": '", key, "' must be left out, because '", same->second,
                                        "' sets the same option");
    if (option.count() > 0) continue;
    const std::string place = where + ": " + key;
    const Words written = values_in(value, place);
    Words values = written;
    for (std::string& each : values) each = value_from(folder, option, each);
    if (values == written && value == json_of(option, {})) continue;
    const Words more =
        name_in(name) == name ? words_of(option, name, values, place) : words_of_flag(values, name, place);
    words.insert(words.end(), more.begin(), more.end());
  }
  return words;
}

/// Parser of a program, with all verbs.
struct Parser {
  CLI::App app;
  std::map<std::string, CLI::App*> verbs;
  std::string config;

  Parser(const char* name, const char* purpose, const std::vector<Verb>& all) : app(purpose, name) {
    app.require_subcommand(1);
    app.option_defaults()->always_capture_default();
    app.get_formatter()->column_width(36);
    add_version(app, name);
    app.footer(
        unroll::text("Without a verb: ", all.front().name, ". ", name, " VERB --help lists the options of a verb."));
    for (const Verb& verb : all) {
      CLI::App* const sub = app.add_subcommand(verb.name, verb.help);
      sub->get_formatter()->column_width(36);
      sub->option_defaults()->always_capture_default();
      verb.add(*sub);
      sub->add_option("--config", config, "options as JSON; the command line overrides them")
          ->option_text("FILE")
          ->group(running_group);
      for (CLI::Option* const option : sub->get_options())
        if (option->get_delimiter() == ',')  // a list is one word
          option->expected(1)->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        else if (option->get_expected_max() == 1)
          option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      verbs[verb.name] = sub;
    }
  }

  void parse_words(const char* name, const Words& words) {
    std::vector<char*> pointers{const_cast<char*>(name)};
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    parse(app, int(pointers.size()), pointers.data());
  }
};

int run_words(const char* name, const char* purpose, Words words, const std::vector<Verb>& verbs,
              const EarlierNames& earlier) {
  const std::string& usual = verbs.front().name;
  const bool of_other_verb = !words.empty() && words.front() != usual && find_verb(verbs, words.front()) != nullptr;
  words = with_present_names(name, words, earlier, usual, of_other_verb);
  const bool of_program = words.size() == 1 && (words[0] == "--help" || words[0] == "-h" || words[0] == "--version");
  if (!of_program && (words.empty() || find_verb(verbs, words.front()) == nullptr)) {
    // Without a verb, the first word must be an option or an argument of the first verb.
    Parser probe(name, purpose, verbs);
    const auto options = probe.verbs.at(verbs.front().name)->get_options();
    const bool takes_words =
        std::any_of(options.begin(), options.end(), [](const CLI::Option* option) { return option->get_positional(); });
    if (words.empty() || words.front().starts_with("-") || takes_words) words.insert(words.begin(), verbs.front().name);
  }
  const Verb* const called = find_verb(verbs, words.front());
  const bool helps =
      std::any_of(words.begin(), words.end(), [](const std::string& word) { return word == "--help" || word == "-h"; });
  const auto add_options = [&](const std::string& json, const std::string& where, const std::filesystem::path& folder) {
    Parser given(name, purpose, verbs);
    given.parse_words(name, words);
    Words more = words_of_json(json, where, folder, name, *given.verbs.at(called->name), earlier);
    words.insert(words.begin() + 1, more.begin(), more.end());
    more.insert(more.begin(), called->name);
    try {
      Parser(name, purpose, verbs).parse_words(name, more);
    } catch (const CLI::ParseError& error) {
      throw unroll::ValueError(where + ": " + message_of(error));
    }
  };
  if (const std::string file = config_of(words); !file.empty() && called != nullptr && !helps)
    add_options(unroll::detail::read_text(file), file, std::filesystem::path(file).parent_path());
  if (called != nullptr && called->inherited && !helps) {
    Parser given(name, purpose, verbs);
    given.parse_words(name, words);
    const std::string json = called->inherited(*given.verbs.at(called->name));
    if (!json.empty()) add_options(json, "options that follow from others", {});
  }
  Parser parser(name, purpose, verbs);
  try {
    parser.parse_words(name, words);
    const CLI::App& sub = *parser.app.get_subcommands().front();
    const Verb& verb = *find_verb(verbs, sub.get_name());
    if (verb.check) verb.check(sub);
    if (sub.get_option_no_throw("--resume") != nullptr) catch_signals();
    return verb.run(sub);
  } catch (const CLI::Success& help) {
    return parser.app.exit(help);
  }
}

}  // namespace

int run_verbs(const char* name, const char* purpose, int argc, char** argv, const std::vector<Verb>& verbs,
              const EarlierNames& earlier) try {
  return run_words(name, purpose, Words(argv + 1, argv + argc), verbs, earlier);
} catch (const CLI::ParseError& error) {
  std::fprintf(stderr, "%s: %s (%s --help lists the verbs, %s VERB --help their options)\n", name,
               message_of(error).c_str(), name, name);
  return 2;
}

std::string value_from(const std::filesystem::path& folder, const CLI::Option& option, const std::string& value) {
  return is_relative_path(option, value, folder) ? (folder / value).lexically_normal().string() : value;
}

void add_output_options(CLI::App& app, Running& o) {
  app.add_option("--threads", o.threads, "number of threads; 0: one per core; results do not depend on it")
      ->check(whole(0, 1024))
      ->group(running_group);
  app.add_flag("--quiet", o.quiet, "no output except errors")->group(running_group);
  app.add_flag("--json", o.json, "the results as one JSON object on standard output, and no other output")
      ->group(running_group);
}

void add_applying_options(CLI::App& app, Running& o) {
  app.add_option("--out", o.out, "output folder (default: none)")->option_text("DIR")->group(running_group);
  app.add_flag("--force", o.force, "replace the files in --out")->group(running_group);
  add_output_options(app, o);
}

void add_load_option(CLI::App& app, std::string& load) {
  app.add_option("--load", load, "trained model")->option_text("FILE");
}
void add_save_option(CLI::App& app, std::string& save) {
  app.add_option("--save", save, "file for a copy of the trained model")->option_text("FILE")->group(running_group);
}
void add_model_options(CLI::App& app, std::string& load, std::string& save) {
  app.add_option("--load", load, "trained model to train on")->option_text("FILE");
  add_save_option(app, save);
}

void add_products_option(CLI::App& app, std::string& products) {
  app.add_option("--products", products, "precision of the factors of matrix products in training")
      ->check(one_of({"float32", "bfloat16"}));
}

void add_running_options(CLI::App& app, Running& o, const std::string& folder) {
  if (o.out.empty()) o.out = folder;
  app.add_option("--out", o.out, "output folder")->option_text("DIR (" + folder + ")")->group(running_group);
  app.add_flag("--resume", o.resume, "continue the run in --out")->group(running_group);
  app.add_flag("--force", o.force, "replace the run in --out")->group(running_group);
  app.add_option("--checkpoint-seconds", o.checkpoint_seconds,
                 "seconds between checkpoints; 0: after every update; always at the end of an epoch")
      ->check(number(0, 1e9))
      ->group(running_group);
  add_output_options(app, o);
}

std::vector<std::uint64_t> Seeds::all() const {
  if (runs.size() > 1) return runs;
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t k = 0; k < runs.front(); ++k) seeds.push_back(seed + k);
  return seeds;
}

void add_seed_options(CLI::App& app, Seeds& seeds) {
  app.add_option("--seed", seeds.seed, "seed of the first run")->check(whole(0, 1000000000));
  app.add_option("--seeds", seeds.runs, "number of runs, whose seeds count from --seed, or the seeds: 42,263,682")
      ->check(whole(0, 1000000000))
      ->delimiter(',');
  app.final_callback([&seeds] {
    const std::uint64_t first = seeds.runs.front();
    if (seeds.runs.size() == 1 && (first < 1 || first > 1000))
      refuse("--seeds", unroll::text("must be a whole number from 1 to 1000, or a list of seeds, got '", first, "'"));
    std::vector<std::uint64_t> all = seeds.all();
    std::sort(all.begin(), all.end());
    if (const auto twice = std::adjacent_find(all.begin(), all.end()); twice != all.end())
      refuse("--seeds", unroll::text("must be different numbers, got '", *twice, "' twice"));
  });
}

std::string settings_json(const CLI::App& app, const std::string& folder) {
  static const Words of_one_call{"help", "config", "resume", "force", "quiet", "json"};
  Json object{{"program", app.get_parent()->get_name()}, {"verb", app.get_name()}};
  for (const CLI::Option* option : app.get_options()) {
    const auto& names = option->get_lnames();
    const std::string name = names.empty() ? option->get_name() : names.front();
    if (std::find(of_one_call.begin(), of_one_call.end(), name) == of_one_call.end())
      object[name] = json_of(*option, folder);
  }
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace example
