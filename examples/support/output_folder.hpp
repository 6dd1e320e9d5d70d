#pragma once
// The folder of a program's results.

#include <filesystem>
#include <string>

#include "unroll/io/atomic_file.hpp"

namespace example {

/// Made and tried before anything is trained, so that no result is lost for want of a place: `first` is a file that the
/// program will write, `option` says in messages where the folder's name came from. Of what is there, only unfinished
/// files of killed runs are removed. Throws FileError.
inline std::filesystem::path output_folder(const std::string& out, const char* first, const char* option = "--out") {
  std::error_code error;
  std::filesystem::create_directories(out, error);
  unroll::require<unroll::FileError>(!error, option, " ", out, ": the folder cannot be made: ", error.message());
  const auto folder = std::filesystem::path(out);
  unroll::remove_unfinished(folder);
  unroll::AtomicFile{folder / first};
  return folder;
}

}  // namespace example
