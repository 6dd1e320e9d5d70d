#pragma once

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
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include "unroll/core/error.hpp"

namespace unroll {

namespace detail {

/// Temporary names NAME.unroll-N.tmp are used by AtomicFile only, so remove_unfinished never removes other files.
inline constexpr std::string_view temporary_mark = ".unroll-", temporary_end = ".tmp";

inline bool is_temporary_name(std::string_view name) {
  const std::size_t mark = name.rfind(temporary_mark);
  if (mark == name.npos || mark == 0 || !name.ends_with(temporary_end)) return false;
  const std::size_t begin = mark + temporary_mark.size(), end = name.size() - temporary_end.size();
  return begin < end && name.substr(begin, end - begin).find_first_not_of("0123456789") == name.npos;
}

#if !defined(_WIN32)
/// Locks an open file without waiting. The system releases the lock when the process ends, for whatever reason.
inline bool lock(int file) { return flock(file, LOCK_EX | LOCK_NB) == 0; }

/// Whether the path still refers to the open file.
inline bool is_name_of(const std::filesystem::path& path, int file) {
  struct stat named, opened;
  return lstat(path.c_str(), &named) == 0 && fstat(file, &opened) == 0 && named.st_ino == opened.st_ino &&
         named.st_dev == opened.st_dev;
}
#endif

}  // namespace detail

/// Output file that replaces its target atomically on `commit`, so the old file survives a crash, a full disk or a
/// concurrent writer. Until then the bytes are in the locked file `NAME.unroll-N.tmp` in the same folder, because a
/// rename is atomic only within one file system. Without a commit the temporary file is removed; after a killed process
/// it remains until remove_unfinished.
///
/// Throws FileError, with the path and the system's reason, if the file cannot be created, written or renamed.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path) : path_(path) {
    require<FileError>(path.has_filename(), "'", path.string(), "': the path must end with a file name");
    std::error_code error;  // a missing file is no error here
    const auto status = std::filesystem::status(path, error);
    // Renaming to a device such as /dev/null would replace the device.
    require<FileError>(!std::filesystem::exists(status) || std::filesystem::is_regular_file(status), path.string(),
                       ": must be a file, got a folder or a device");
    // A symbolic link is kept; its target is replaced.
    if (std::filesystem::exists(status)) {
      path_ = std::filesystem::canonical(path, error);
      if (error) fail("found", error.value());
    }
    create();
  }

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  ~AtomicFile() {
    std::error_code ignored;
#if defined(_WIN32)
    if (stream_) std::fclose(std::exchange(stream_, nullptr));  // Windows cannot remove an open file
#endif
    if (!committed_) std::filesystem::remove(temporary_, ignored);
    if (stream_) std::fclose(stream_);  // last, because this releases the lock
  }

  void write(std::span<const std::byte> bytes) {
    // The data pointer of an empty span may be null, which fwrite does not allow.
    if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), stream_) != bytes.size()) fail("written", errno);
  }

  /// Flushes the bytes to the disk, then renames the file. Call it once, at the end.
  void commit() {
    if (std::fflush(stream_) != 0) fail("written", errno);
#if !defined(_WIN32)
    // Before the rename: otherwise a power failure could leave an empty file under the new name.
    if (fsync(fileno(stream_)) != 0) fail("flushed to the disk", errno);
#else
    if (std::fclose(std::exchange(stream_, nullptr)) != 0) fail("closed", errno);
#endif
    std::error_code error;
    std::filesystem::rename(temporary_, path_, error);
    if (error) fail("renamed", error.value());
    committed_ = true;
  }

 private:
  /// Creates the first free temporary name exclusively, so that concurrent writers of a file never share one.
  void create() {
    for (int n = 0; n < 1000 && !stream_; ++n) {
      temporary_ = path_;
      temporary_ += text(detail::temporary_mark, n, detail::temporary_end);
      stream_ = std::fopen(temporary_.string().c_str(), "wbx");
      if (!stream_ && errno != EEXIST) break;
      if (stream_ && was_removed()) std::fclose(std::exchange(stream_, nullptr));
    }
    if (!stream_) fail("created", errno);
  }

  /// Locks the new file. Returns whether remove_unfinished in another process may have removed it before it was locked.
  bool was_removed() const {
#if defined(_WIN32)
    return false;
#else
    return (!detail::lock(fileno(stream_)) && errno == EWOULDBLOCK) || !detail::is_name_of(temporary_, fileno(stream_));
#endif
  }

  [[noreturn]] void fail(const char* what, int reason) const {
    throw FileError(text(path_.string(), ": cannot be ", what, ": ", std::generic_category().message(reason)));
  }

  std::filesystem::path path_, temporary_;
  std::FILE* stream_ = nullptr;
  bool committed_ = false;
};

/// Removes temporary files of AtomicFile that killed processes left in the folder, unless a process is writing them.
/// Does nothing on systems without file locks.
inline void remove_unfinished(const std::filesystem::path& folder) {
#if defined(_WIN32)
  (void)folder;
#else
  namespace fs = std::filesystem;
  std::error_code ignored, end;
  for (fs::directory_iterator entry(folder, end); !end && entry != fs::directory_iterator(); entry.increment(end)) {
    const fs::path& path = entry->path();
    if (!detail::is_temporary_name(path.filename().string()) || !fs::is_regular_file(entry->symlink_status(ignored)))
      continue;
    const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) continue;
    if (detail::lock(file) && detail::is_name_of(path, file)) fs::remove(path, ignored);
    ::close(file);
  }
#endif
}

/// Writes a text file atomically, for example a history as CSV or JSON. Throws FileError.
inline void write_text(const std::filesystem::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(content)));
  file.commit();
}

}  // namespace unroll
