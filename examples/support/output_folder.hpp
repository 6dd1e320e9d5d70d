#pragma once
// Output folder of a program.

#include <filesystem>
#include <string>

#include "unroll/io/atomic_file.hpp"

namespace example {

/// Creates the output folder and checks that it is writable, before training, so that no result is lost. `first` is a
/// file that the program will write, `option` is the name of the command-line option for messages. Existing files stay,
/// except unfinished files of killed runs, which are removed. Throws FileError.
inline std::filesystem::path output_folder(const std::string& out, const char* first, const char* option = "--out") {
  std::error_code error;
  std::filesystem::create_directories(out, error);
  unroll::require<unroll::FileError>(!error, option, " ", out, ": the folder cannot be created: ", error.message());
  const auto folder = std::filesystem::path(out);
  unroll::remove_unfinished(folder);
  unroll::AtomicFile{folder / first};
  return folder;
}

}  // namespace example
