#pragma once
// Output files that are complete or not there: a crash, a full disk or a second program leaves the old file as it was.

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#if !defined(_WIN32)
#include <unistd.h>
#endif

#include "unroll/core/error.hpp"

namespace unroll {

/// A file that takes its name only when `commit` is called; until then the bytes go to `NAME.tmpN` in the same folder
/// (the same file system, where renaming is one step). Without a commit the temporary file is removed again.
///
/// Throws FileError, with the path and the system's reason, when the file cannot be created, written or renamed.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path) : path_(path) {
    require<FileError>(path.has_filename(), "'", path.string(),
                       "': cannot be written: the path ends without a file name");
    std::error_code error;  // "not found" is none here
    const auto status = std::filesystem::status(path, error);
    // Renaming over a device such as /dev/null would replace the device itself.
    require<FileError>(!std::filesystem::exists(status) || std::filesystem::is_regular_file(status), path.string(),
                       ": cannot be written: it is a folder or a device");
    // A link stays a link: the file that it points to is replaced.
    if (std::filesystem::exists(status)) {
      path_ = std::filesystem::canonical(path, error);
      if (error) fail("found", error.value());
    }
    create();
  }

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  ~AtomicFile() {
    if (stream_) std::fclose(stream_);
    std::error_code ignored;
    if (!committed_) std::filesystem::remove(temporary_, ignored);
  }

  void write(std::span<const std::byte> bytes) {
    // An empty span may have no address, which fwrite must not be given.
    if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), stream_) != bytes.size()) fail("written", errno);
  }

  /// Brings the bytes to the disk, then gives the file its name. Call it once, last.
  void commit() {
    if (std::fflush(stream_) != 0) fail("written", errno);
#if !defined(_WIN32)
    // Before the rename: otherwise a power cut can leave the new name with an empty file.
    if (fsync(fileno(stream_)) != 0) fail("brought to the disk", errno);
#endif
    if (std::fclose(std::exchange(stream_, nullptr)) != 0) fail("closed", errno);
    std::error_code error;
    std::filesystem::rename(temporary_, path_, error);
    if (error) fail("renamed", error.value());
    committed_ = true;
  }

 private:
  /// Takes the first free temporary name, so that two programs that write the same file never share one.
  void create() {
    for (int n = 0; n < 1000 && !stream_; ++n) {
      temporary_ = path_;
      temporary_ += text(".tmp", n);
      stream_ = std::fopen(temporary_.string().c_str(), "wbx");
      if (!stream_ && errno != EEXIST) break;
    }
    if (!stream_) fail("created", errno);
  }

  [[noreturn]] void fail(const char* what, int reason) const {
    throw FileError(text(path_.string(), ": cannot be ", what, ": ", std::generic_category().message(reason)));
  }

  std::filesystem::path path_, temporary_;
  std::FILE* stream_ = nullptr;
  bool committed_ = false;
};

/// Writes text (a history as CSV or JSON), completely or not at all. Throws FileError.
inline void write_text(const std::filesystem::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(content)));
  file.commit();
}

}  // namespace unroll
