#pragma once
// Settings for a configuration file and the command line, with the same names and checks.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "unroll/core/types.hpp"

namespace lm {

/// Named value. `take` assigns a value from text and returns an empty string, or an error message if it is invalid.
struct Setting {
  std::string name, help, hint;  // hint: placeholder of the value in --help
  std::function<std::string(const std::string&)> take;
  std::function<std::string()> json;  // the present value
  std::vector<std::string> commands;  // subcommands with this setting
  bool flag = false;

  std::string text() const;  // the present value in the format of `take`
  bool belongs_to(const std::string& command) const;
};

class Settings {
 public:
  void add_text(std::string name, std::string& value, std::string hint, std::string help);
  void add_choice(std::string name, std::string& value, const std::vector<std::string>& words, std::string help);
  void add_whole(std::string name, unroll::Index& value, std::int64_t low, std::int64_t high, std::string help);
  void add_number(std::string name, double& value, double low, double high, std::string help);
  void add_flag(std::string name, bool& value, std::string help);
  /// Sets the subcommands of all settings added afterwards.
  void for_commands(std::vector<std::string> commands) { commands_ = std::move(commands); }

  const std::vector<Setting>& all() const { return all_; }

  /// Assigns a value. Throws ValueError, with a message that starts with `where`, for an unknown name (with the nearest
  /// names) and an invalid value.
  void take(const std::string& name, const std::string& value, const std::string& where) const;
  /// Assigns the values of a JSON file, an object of names and values. Throws FileError for another file, ValueError as
  /// `take` does.
  void take_file(const std::filesystem::path& path) const;
  /// Assigns the values of a JSON text; `where` is its name in messages.
  void take_json(const std::string& object, const std::string& where) const;
  /// JSON of all settings, or of those of one subcommand, readable by take_file.
  std::string to_json(const std::string& command = {}) const;

 private:
  const Setting& at(const std::string& name, const std::string& where) const;
  void add(Setting setting);
  std::vector<Setting> all_;
  std::vector<std::string> commands_;
};

struct CommandLine {
  std::string command;
  std::map<std::string, std::string> given;  // settings by name
};
/// Parses the command line; `commands` maps subcommands to descriptions. Returns an exit status if the program must end
/// at once, otherwise -1.
int read_command_line(int argc, char** argv, const Settings& settings,
                      const std::map<std::string, std::string>& commands, CommandLine& line);

}  // namespace lm
