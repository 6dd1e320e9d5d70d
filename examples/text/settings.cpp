#include "settings.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "../support/command_line.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/io/json.hpp"

namespace lm {

using namespace unroll;
using Json = nlohmann::ordered_json;

namespace {

std::string dump(const Json& json, int indent = -1) {
  // File names may contain invalid UTF-8: it is replaced instead of throwing.
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string checked(const CLI::Validator& check, std::string value) { return check(value); }

template <class Number>
void assign(const std::string& from, Number& to) {
  std::from_chars(from.data(), from.data() + from.size(), to);
}

}  // namespace

bool Setting::belongs_to(const std::string& command) const {
  return std::find(commands.begin(), commands.end(), command) != commands.end();
}

std::string Setting::text() const {
  const Json value = Json::parse(json());
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void Settings::add(Setting setting) {
  setting.commands = commands_;
  all_.push_back(std::move(setting));
}

void Settings::add_text(std::string name, std::string& value, std::string hint, std::string help) {
  const auto take = [&value](const std::string& given) { return value = given, std::string(); };
  add({std::move(name), std::move(help), std::move(hint), take, [&value] { return dump(value); }, {}});
}

void Settings::add_choice(std::string name, std::string& value, const std::vector<std::string>& words,
                          std::string help) {
  const auto take = [&value, check = example::one_of(words)](const std::string& given) {
    const std::string wrong = checked(check, given);
    if (wrong.empty()) value = given;
    return wrong;
  };
  add({std::move(name), std::move(help), example::any_of(words), take, [&value] { return dump(value); }, {}});
}

void Settings::add_whole(std::string name, Index& value, std::int64_t low, std::int64_t high, std::string help) {
  const auto take = [&value, check = example::whole(low, high)](const std::string& given) {
    const std::string wrong = checked(check, given);
    if (wrong.empty()) assign(given, value);
    return wrong;
  };
  add({std::move(name), std::move(help), text(low, " to ", high), take, [&value] { return dump(value); }, {}});
}

void Settings::add_number(std::string name, double& value, double low, double high, std::string help) {
  const auto take = [&value, check = example::number(low, high)](const std::string& given) {
    const std::string wrong = checked(check, given);
    if (wrong.empty()) assign(given, value);
    return wrong;
  };
  add({std::move(name), std::move(help), text(low, " to ", high), take, [&value] { return dump(value); }, {}});
}

void Settings::add_flag(std::string name, bool& value, std::string help) {
  const auto take = [&value](const std::string& given) {
    if (given != "true" && given != "false") return text("must be true or false, got ", detail::in_quotes(given));
    value = given == "true";
    return std::string();
  };
  add({std::move(name), std::move(help), {}, take, [&value] { return dump(value); }, {}, true});
}

const Setting& Settings::at(const std::string& name, const std::string& where) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Setting& s) { return s.name == name; });
  if (found != all_.end()) return *found;
  std::vector<std::string_view> names;
  for (const Setting& setting : all_) names.push_back(setting.name);
  throw ValueError(text(where, "unknown setting ", detail::in_quotes(name), "; the most similar are ",
                        detail::nearest_names(name, names)));
}

void Settings::take(const std::string& name, const std::string& value, const std::string& where) const {
  const std::string wrong = at(name, where).take(value);
  require<ValueError>(wrong.empty(), where, name, " ", wrong);
}

void Settings::take_file(const std::filesystem::path& path) const { take_json(detail::read_text(path), path.string()); }

void Settings::take_json(const std::string& object, const std::string& where) const {
  const Json json = detail::parse_json<Json>(object, where);
  require<FileError>(json.is_object(), where, ": must be a JSON object of settings, { \"name\": value, ... }");
  for (const auto& [name, value] : json.items()) {
    require<ValueError>(value.is_primitive() && !value.is_null(), where, ": ", at(name, where + ": ").name,
                        " must be a string, a number, true or false");
    take(name, value.is_string() ? value.get<std::string>() : value.dump(), where + ": ");
  }
}

std::string Settings::to_json(const std::string& command) const {
  Json object = Json::object();
  for (const Setting& setting : all_)
    if (command.empty() || setting.belongs_to(command)) object[setting.name] = Json::parse(setting.json());
  return dump(object, 2) + "\n";
}

int read_command_line(int argc, char** argv, const Settings& settings,
                      const std::map<std::string, std::string>& commands, CommandLine& line) try {
  CLI::App app("Trains a language model of characters or words and generates text.", "text");
  app.require_subcommand(1);
  for (const auto& [name, help] : commands) {
    CLI::App* const command = app.add_subcommand(name, help);
    command->get_formatter()->column_width(36);
    for (const Setting& setting : settings.all()) {
      if (!setting.belongs_to(name)) continue;
      if (setting.flag)
        command->add_flag_callback(
            "--" + setting.name, [&line, n = setting.name] { line.given[n] = "true"; }, setting.help);
      else
        command
            ->add_option_function<std::string>(
                "--" + setting.name, [&line, n = setting.name](const std::string& value) { line.given[n] = value; },
                setting.help)
            ->option_text(setting.hint + " (" + setting.json() + ")")
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
  }
  try {
    example::parse(app, argc, argv);
    line.command = app.get_subcommands().front()->get_name();
  } catch (const CLI::Success& help) {
    return app.exit(help);
  }
  return -1;
} catch (const CLI::ParseError& error) {
  std::fprintf(stderr, "text: %s (text --help lists the commands, text COMMAND --help their options)\n",
               example::message_of(error).c_str());
  return 2;
}

}  // namespace lm
