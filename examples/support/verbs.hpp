#pragma once
// Verbs of a program (train, evaluate, predict, ...), and the options that all programs share.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"

namespace example {

/// Verb of a program. `add` adds its options, `check` throws CLI::ParseError for invalid combinations, and `run`
/// returns the exit status. `inherited` returns a JSON object of options that replace defaults and follow from the
/// given ones, such as the settings of a loaded model; empty: none.
struct Verb {
  std::string name, help;
  std::function<void(CLI::App&)> add;
  std::function<void(const CLI::App&)> check;
  std::function<int(const CLI::App&)> run;
  std::function<std::string(const CLI::App&)> inherited = {};
};

/// Verb whose options are an `Options`, which its functions share.
template <class Options>
Verb verb_with(const char* name, const char* help, std::function<void(CLI::App&, Options&)> add,
               std::function<void(const CLI::App&, Options&)> check, std::function<int(const CLI::App&, Options&)> run,
               std::function<std::string(const CLI::App&, const Options&)> inherited = {}) {
  const auto options = std::make_shared<Options>();
  Verb verb{name, help, [=](CLI::App& app) { *options = {}, add(app, *options); },
            [=](const CLI::App& app) { check(app, *options); },
            [=](const CLI::App& app) { return run(app, *options); }};
  if (inherited) verb.inherited = [=](const CLI::App& app) { return inherited(app, *options); };
  return verb;
}

/// Names of earlier versions and their successors: {"--first-seed", "--seed"}. The successor of an option can be a
/// verb: {"--study", "study"}; that of a flag can have a value: {"--lower", "--case=lower"}. Earlier names are accepted
/// with a notice.
using EarlierNames = std::vector<std::pair<std::string, std::string>>;

/// Runs the verb that the command line names, or the first one, "train", if it names none. Verbs with --resume stop at
/// signals as catch_signals says, the others end at once. Returns the exit status:
/// that of the verb, 0 after --help and --version, 2 after an error message about the command line. All verbs have
/// --config FILE, which reads options from a JSON file that `settings_json` wrote; the command line overrides them.
/// Relative paths of input files, i.e. of options with FILE or DIR in their text, are relative to the folder of the
/// JSON file. A value that is the default counts as not given, as in the run that wrote the file.
int run_verbs(const char* name, const char* purpose, int argc, char** argv, const std::vector<Verb>& verbs,
              const EarlierNames& earlier = {});

/// Group of the options that do not change results.
inline constexpr const char* running_group = "Running";

/// Options of all verbs that train.
struct Running {
  std::string out;  ///< output folder
  int threads = 0;
  bool resume = false, force = false;
  double checkpoint_seconds = 20;
  bool quiet = false, json = false;
};
/// `folder` is the default of --out.
void add_running_options(CLI::App& app, Running& running, const std::string& folder);
/// --threads, --quiet and --json, for verbs that do not train.
void add_output_options(CLI::App& app, Running& running);
/// These, --out and --force, for verbs that apply a trained model.
void add_applying_options(CLI::App& app, Running& running);

/// Value of an option in a JSON file of `folder`. A relative path of an input file becomes one from the present folder.
std::string value_from(const std::filesystem::path& folder, const CLI::Option& option, const std::string& value);

/// --load FILE of verbs that apply a trained model.
void add_load_option(CLI::App& app, std::string& load);
/// --load FILE and --save FILE of verbs that train.
void add_model_options(CLI::App& app, std::string& load, std::string& save);
/// --save FILE alone.
void add_save_option(CLI::App& app, std::string& save);

/// --products of verbs that train, see precision_of.
void add_products_option(CLI::App& app, std::string& products);

/// Seeds of the runs of a training.
struct Seeds {
  std::uint64_t seed = 1;                 ///< of the first run
  std::vector<std::uint64_t> runs = {1};  ///< one number: runs with seeds counted from `seed`; several: the seeds
  /// Seeds of all runs.
  std::vector<std::uint64_t> all() const;
};
/// --seed and --seeds. Parsing refuses 0 and more than 1,000 runs, and a seed that is given twice.
void add_seed_options(CLI::App& app, Seeds& seeds);

/// All options of a verb with their values, as a JSON object with "program" and "verb", without those that concern one
/// call: --config, --resume, --force, --quiet and --json. With `folder`, relative paths of input files are written
/// relative to it, for a file in that folder.
std::string settings_json(const CLI::App& app, const std::string& folder = {});

}  // namespace example
