#pragma once
// Command-line parsing, and validators that print ranges without trailing zeros; CLI11's validators print 1.000000.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <vector>

#include "names.hpp"
#include "unroll/core/error.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/version.hpp"

namespace example {

template <class Number>
CLI::Validator within(Number low, Number high, const char* kind) {
  const std::string range = unroll::text(low, " to ", high);
  const auto check = [=](const std::string& given) {
    Number value{};
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
    const bool good = error == std::errc{} && end == given.data() + given.size() && low <= value && value <= high;
    return good ? std::string()
                : unroll::text("must be ", kind, " from ", range, ", got ", unroll::detail::in_quotes(given));
  };
  return {check, range, "range"};
}
inline CLI::Validator whole(std::int64_t low, std::int64_t high) { return within(low, high, "a whole number"); }
inline CLI::Validator number(double low, double high) { return within(low, high, "a number"); }

inline CLI::Validator one_of(const std::vector<std::string>& words) {
  const std::string all = any_of(words);
  const auto check = [=](const std::string& given) {
    const bool good = std::find(words.begin(), words.end(), given) != words.end();
    return good ? std::string() : unroll::text("must be ", all, ", got ", unroll::detail::in_quotes(given));
  };
  return {check, all, "words"};
}

/// Validator of the name of a file, which must not be empty.
inline CLI::Validator a_file() {
  return {[](const std::string& given) { return given.empty() ? "must be a file, got ''" : std::string(); }, "",
          "file"};
}

/// Throws CLI::ParseError with the message "OPTION REASON".
[[noreturn]] inline void refuse(const std::string& option, const std::string& reason) {
  throw CLI::ValidationError(option + " " + reason);
}

/// Refuses each of `names` if it is given: "--epochs cannot be combined with --load: REASON".
inline void refuse_together(const CLI::App& app, std::initializer_list<const char*> names, const std::string& other,
                            const std::string& reason) {
  for (const char* name : names)
    if (app.count(name) > 0) refuse(name, unroll::text("cannot be combined with ", other, ": ", reason));
}

/// Message for an option with another number of values than it takes. CLI11's begins with the option; then come the
/// number that it takes, and the number that it got or "missing".
inline std::string values_text(const std::string& message) {
  const std::string option = message.substr(0, message.find(':'));
  const auto number = std::min(message.find_first_of("0123456789", option.size()), message.size());
  const int expected = std::atoi(message.c_str() + number);
  if (expected > 1)
    return unroll::text(option, " must have ", expected, " values, got ",
                        message.ends_with("missing") ? "fewer" : message.substr(message.rfind(' ') + 1));
  return option + (message.ends_with("missing") ? " must have a value, got none" : " must have one value, got several");
}

/// Message for a value of another type. CLI11's is "Could not convert: OPTION = VALUE".
inline std::string conversion_text(const std::string& message) {
  const auto option = message.find(": ") + 2, value = message.find(" = ", option);
  return unroll::text(message.substr(option, value - option), " must have another value, got ",
                      unroll::detail::in_quotes(message.substr(value + 3)));
}

/// Message of an error. CLI11 separates the option and the message of a validator by a colon, which is removed.
inline std::string message_of(const CLI::ParseError& error) {
  std::string message = error.what();
  if (error.get_name() == "ArgumentMismatch") return values_text(message);
  if (error.get_name() == "RequiredError" && message.ends_with(" is required"))
    return message.substr(0, message.rfind(" is required")) + " must be given";
  if (error.get_name() == "ConversionError" && message.find(" = ") != message.npos) return conversion_text(message);
  if (const auto colon = message.find(": must be "); colon != message.npos) message.erase(colon, 1);
  return message;
}

/// Words of a command line that the program does not know, in their order.
inline std::vector<std::string> unknown_words(const CLI::App& app, int argc, char** argv) {
  const std::vector<std::string> left = app.remaining(true);
  std::vector<std::string> words;
  std::copy_if(argv + 1, argv + argc, std::back_inserter(words),
               [&](const std::string& word) { return std::find(left.begin(), left.end(), word) != left.end(); });
  return words;
}

/// Message for the first unknown word: an option, with the nearest ones, or another argument.
inline std::string unknown_text(const CLI::App& app, const std::vector<std::string>& unknown) {
  using unroll::detail::in_quotes;
  const auto option =
      std::find_if(unknown.begin(), unknown.end(), [](const std::string& word) { return word.starts_with("-"); });
  if (option == unknown.end()) return "there is no argument " + in_quotes(unknown.front());
  const auto& commands = app.get_subcommands();
  std::vector<std::string> names;
  for (const CLI::Option* known : (commands.empty() ? app : *commands.front()).get_options())
    for (const std::string& name : known->get_lnames()) names.push_back("--" + name);
  const std::string given = option->substr(0, option->find('='));
  return unroll::text("there is no option ", in_quotes(given),
                      "; the nearest: ", unroll::detail::nearest_names(given, {names.begin(), names.end()}));
}

/// Message for a call without one of the commands of the program.
inline std::string command_text(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  const bool given = argc > 1 && argv[1][0] != '-';
  return unroll::text("the command must be ", any_of(names), ", got ",
                      given ? unroll::detail::in_quotes(argv[1]) : "none");
}

/// Refuses lists with empty entries, such as 3,,4, which CLI11 leaves out.
inline void check_lists(const CLI::App& app, int argc, char** argv) {
  const CLI::Option* option = nullptr;
  for (int k = 1; k < argc; ++k) {
    std::string word = argv[k];
    if (word.starts_with("--")) {
      const auto end = word.find('=');
      option = app.get_option_no_throw(word.substr(0, end));
      for (const CLI::App* command : app.get_subcommands())
        if (option == nullptr) option = command->get_option_no_throw(word.substr(0, end));
      if (end == word.npos) continue;
      word.erase(0, end + 1);
    }
    const bool empty = word.empty() || word.front() == ',' || word.back() == ',' || word.find(",,") != word.npos;
    if (option != nullptr && option->get_delimiter() == ',' && empty)
      refuse(option->get_name(), unroll::text("must be a list such as 3,4, got ", unroll::detail::in_quotes(word)));
  }
}

/// Parses a command line. Throws CLI::ParseError with messages that name unknown options and missing commands.
inline void parse(CLI::App& app, int argc, char** argv) try {
  app.parse(argc, argv);
  check_lists(app, argc, argv);
} catch (const CLI::ExtrasError&) {
  throw CLI::ParseError(unknown_text(app, unknown_words(app, argc, argv)), CLI::ExitCodes::ExtrasError);
} catch (const CLI::RequiredError& error) {
  if (app.get_require_subcommand_min() == 0 || !app.get_subcommands().empty()) throw;
  throw CLI::ParseError(command_text(app, argc, argv), CLI::ExitCodes::RequiredError);
}

/// Option --version, which prints name and version of the program.
inline void add_version(CLI::App& app, const std::string& name) {
  app.set_version_flag("--version", [name] { return unroll::text(name, " of unroll ", unroll::library_version); });
}

/// Parses the command line of a program. `add(app)` adds its options; `take(app)` runs after parsing and throws
/// CLI::ParseError for invalid combinations. Returns an exit status if the program must end at once, otherwise -1.
template <class Add, class Take>
int read_command_line(const char* name, const char* purpose, int argc, char** argv, const Add& add,
                      const Take& take) try {
  CLI::App app(purpose, name);
  app.option_defaults()->always_capture_default();
  app.get_formatter()->column_width(36);
  add_version(app, name);
  add(app);
  try {
    parse(app, argc, argv);
    take(app);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  }
  return -1;
} catch (const CLI::ParseError& error) {
  std::fprintf(stderr, "%s: %s (%s --help lists all options)\n", name, message_of(error).c_str(), name);
  return 2;
}

}  // namespace example
