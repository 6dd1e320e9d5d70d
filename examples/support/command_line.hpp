#pragma once
// Command-line parsing, and validators that print ranges without trailing zeros; CLI11's validators print 1.000000.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "names.hpp"
#include "unroll/core/error.hpp"
#include "unroll/io/detail/diagnostics.hpp"

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

/// Message of an error. CLI11 separates the option and the message of a validator by a colon, which is removed.
inline std::string message_of(const CLI::ParseError& error) {
  std::string message = error.what();
  if (const auto colon = message.find(": must be "); colon != message.npos) message.erase(colon, 1);
  return message;
}

/// Parses the command line of a program. `add(app)` adds its options; `take(app)` runs after parsing and throws
/// CLI::ParseError for invalid combinations. Returns an exit status if the program must end at once, otherwise -1.
template <class Add, class Take>
int read_command_line(const char* name, const char* purpose, int argc, char** argv, const Add& add,
                      const Take& take) try {
  CLI::App app(purpose, name);
  app.option_defaults()->always_capture_default();
  app.get_formatter()->column_width(36);
  add(app);
  try {
    app.parse(argc, argv);
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
