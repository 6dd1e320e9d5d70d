#pragma once
// Settings that a configuration file and the command line can give, under the same names and with the same checks.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "unroll/core/types.hpp"

namespace lm {

/// A value with its name. `take` returns what was expected, empty if the text has been taken.
struct Setting {
  std::string name, help, hint;  // hint: what stands for the value in --help
  std::function<std::string(const std::string&)> take;
  std::function<std::string()> json;  // the present value
  std::vector<std::string> commands;  // that read it
  bool flag = false;

  std::string text() const;  // the present value as `take` takes it
  bool belongs_to(const std::string& command) const;
};

class Settings {
 public:
  void add_text(std::string name, std::string& value, std::string hint, std::string help);
  void add_choice(std::string name, std::string& value, const std::vector<std::string>& words, std::string help);
  void add_whole(std::string name, unroll::Index& value, std::int64_t low, std::int64_t high, std::string help);
  void add_number(std::string name, double& value, double low, double high, std::string help);
  void add_flag(std::string name, bool& value, std::string help);
  /// For those that are added from here on.
  void for_commands(std::vector<std::string> commands) { commands_ = std::move(commands); }

  const std::vector<Setting>& all() const { return all_; }

  /// Throws ValueError, beginning with `where`, for a name that is none (with the nearest ones) and for a value that is
  /// not possible.
  void take(const std::string& name, const std::string& value, const std::string& where) const;
  /// An object of names and values. Throws FileError for a file that is none, ValueError as `take`.
  void take_file(const std::filesystem::path& path) const;
  /// The same for such an object in a text; `where` names it.
  void take_json(const std::string& object, const std::string& where) const;
  /// All of them, or those of one command, as take_file reads them.
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
/// `commands` with what each is for. Returns the exit status when the program is to end at once, -1 to go on.
int read_command_line(int argc, char** argv, const Settings& settings,
                      const std::map<std::string, std::string>& commands, CommandLine& line);

}  // namespace lm
