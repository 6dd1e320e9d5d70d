#pragma once
// Output folder of a training run, which is not overwritten by accident.

#include <filesystem>
#include <string>
#include <vector>

#include "verbs.hpp"

namespace example {

/// Output folder of a run. The file config.json in it has the program, the verb, all options, and the fingerprint of
/// the data.
class RunFolder {
 public:
  /// Checks the folder of --out and creates it. Throws ValueError if it contains the run of another program or verb, or
  /// a run without --resume or --force, or, with --resume, a run whose options differ in one that is not in
  /// running_group and not in `free`, e.g. {"epochs"}. Throws FileError if the folder cannot be written.
  RunFolder(const CLI::App& verb, const Running& running, std::vector<std::string> free = {});

  /// Starts the run, after the data were read: removes the scores in the folder, with --force also the checkpoints of
  /// the earlier run, then writes config.json. Throws ValueError if a resumed run had other data, and if the folder has
  /// checkpoints, which a new run would continue, but no run of this program.
  void begin(const std::string& data_fingerprint);

  /// Whether an earlier run is continued.
  bool resumes() const { return resumes_; }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  /// Creates a folder in the folder, as output_folder.
  std::filesystem::path inner(const std::string& name) const;

 private:
  void check_same_run(const CLI::App& verb, const std::string& before, const std::string& out) const;
  /// Files checkpoint.safetensors and checkpoint-* in the folder and in its subfolder runs.
  std::vector<std::filesystem::path> checkpoints() const;

  std::filesystem::path path_;
  std::string config_;
  std::vector<std::string> running_, free_;
  bool resumes_ = false, replaces_ = false;  // an earlier run of this program
};

/// Throws FileError if the file of --save cannot be written; called before training. Empty: no file.
void check_copy(const std::string& save);
/// Copies the trained model to --save. Empty: no copy.
void write_copy(const std::filesystem::path& model, const std::string& save);

}  // namespace example
