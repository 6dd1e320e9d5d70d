#include "run_folder.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "output_folder.hpp"
#include "scores.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/io/json.hpp"

namespace example {

using Json = nlohmann::ordered_json;
using unroll::require;
using unroll::ValueError;

namespace {

constexpr const char* file_name = "config.json";

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string word_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// Value of an option of the run in a folder, as on the command line.
std::string word_of(const Json& value, const CLI::Option* option, const std::filesystem::path& folder) {
  if (!value.is_array()) return option == nullptr ? word_of(value) : value_from(folder, *option, word_of(value));
  std::string list;
  for (const Json& each : value) list += (list.empty() ? "" : ",") + word_of(each, option, folder);
  return list;
}

/// Program of the run in a folder, for messages: "a run of har". `before` is invalid JSON if the file is not readable.
std::string owner_of(const Json& before) {
  if (!before.is_object() || !before.contains("program") || !before["program"].is_string()) return "another run";
  return "a run of " + before["program"].get<std::string>();
}

}  // namespace

RunFolder::RunFolder(const CLI::App& verb, const Running& running, std::vector<std::string> free)
    : config_(settings_json(verb, running.out)), free_(std::move(free)) {
  if (running.resume && running.force) refuse("--resume", "cannot be combined with --force");
  for (const CLI::Option* option : verb.get_options())
    if (option->get_group() == running_group)
      for (const std::string& name : option->get_lnames()) running_.push_back(name);
  const auto file = std::filesystem::path(running.out) / file_name;
  if (std::filesystem::exists(file)) {
    const std::string before = unroll::detail::read_text(file);
    const Json json = Json::parse(before, nullptr, false), mine = Json::parse(config_);
    const auto has_my = [&](const char* key) { return json.is_object() && json.value(key, Json()) == mine[key]; };
    require<ValueError>(
        running.resume || running.force, "--out ", running.out, ": the folder contains ", owner_of(json),
        verb.get_option_no_throw("--resume") == nullptr ? "; " : "; --resume continues it, ", "--force replaces it");
    replaces_ = running.force && has_my("program");
    if (running.resume) {
      require<ValueError>(has_my("program") && has_my("verb"), "--out ", running.out,
                          ": the folder must contain a run of ", mine["program"].get<std::string>(), " ",
                          mine["verb"].get<std::string>(), ", got ", owner_of(json),
                          json.is_object() ? " " + word_of(json.value("verb", Json(""))) : "");
      check_same_run(verb, before, running.out);
      resumes_ = true;
    }
  }
  path_ = output_folder(running.out, file_name);
}

void RunFolder::check_same_run(const CLI::App& verb, const std::string& before, const std::string& out) const {
  const Json old = Json::parse(before), mine = Json::parse(config_);
  for (const auto& [name, value] : mine.items()) {
    if (contains(running_, name) || contains(free_, name) || !old.contains(name)) continue;
    const CLI::Option* const option = verb.get_option_no_throw("--" + name);
    const std::string word = word_of(old[name], option, out), mine_word = word_of(value, option, out);
    require<ValueError>(old[name] == value, "--", name, " must be ", word.empty() ? "left out" : word,
                        ", as in the run that is continued, got ", mine_word.empty() ? "none" : mine_word,
                        "; --config ", (std::filesystem::path(out) / file_name).string(), " repeats its options");
  }
}

std::vector<std::filesystem::path> RunFolder::checkpoints() const {
  std::vector<std::filesystem::path> files;
  for (const auto& folder : {path_, path_ / "runs"}) {
    if (!std::filesystem::is_directory(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (name == "checkpoint.safetensors" || name.starts_with("checkpoint-")) files.push_back(entry.path());
    }
  }
  return files;
}

void RunFolder::begin(const std::string& data_fingerprint) {
  Json config = Json::parse(config_);
  config["fingerprint"] = data_fingerprint;
  const auto file = path_ / file_name;
  if (resumes_) {
    const Json old = Json::parse(unroll::detail::read_text(file));
    require<ValueError>(!old.contains("fingerprint") || old["fingerprint"] == config["fingerprint"], file.string(),
                        ": the data must be those of the run that is continued; the files have changed");
  } else {
    for (const std::filesystem::path& each : checkpoints()) {
      require<ValueError>(replaces_, each.string(),
                          ": belongs to no run of this program and would be continued; remove it or "
                          "choose another --out");
      std::filesystem::remove(each);
    }
  }
  std::filesystem::remove(path_ / scores_file);  // of the run before
  unroll::write_text(file, config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::filesystem::path RunFolder::inner(const std::string& name) const {
  return output_folder((path_ / name).string(), file_name);
}

void check_copy(const std::string& save) {
  if (!save.empty()) unroll::AtomicFile{save};
}

void write_copy(const std::filesystem::path& model, const std::string& save) {
  if (!save.empty()) unroll::write_text(save, unroll::detail::read_text(model));
}

}  // namespace example
