#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <unroll/io/atomic_file.hpp>
#include <unroll/io/input_file.hpp>

#include "support/catch.hpp"
#if !defined(_WIN32)
#include "support/small_files.hpp"
#endif
#include "support/temporary.hpp"

namespace test_atomic_file {

using namespace unroll;
namespace fs = std::filesystem;

namespace {

struct Folder : support::TemporaryFolder {
  auto files() const { return std::distance(fs::directory_iterator(path), {}); }
};

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

void save(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(bytes(text));
  file.commit();
}

}  // namespace

TEST_CASE("atomic file: the file appears at commit with all written bytes") {
  const Folder folder;
  const auto path = folder.path / "model";
  {
    AtomicFile file(path);
    file.write(bytes("one "));
    file.write({});
    file.write(bytes("two"));
    CHECK(!fs::exists(path));
    file.commit();
  }
  CHECK(detail::read_text(path) == "one two");
  CHECK(folder.files() == 1);
}

TEST_CASE("atomic file: the old file stays, and no other is left, without a commit") {
  const Folder folder;
  const auto path = folder.path / "model";
  save(path, "old");
  {
    AtomicFile file(path);
    file.write(bytes("half of the new"));
    CHECK(folder.files() == 2);
  }
  CHECK(detail::read_text(path) == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("atomic file: two writers never share a temporary file") {
  const Folder folder;
  const auto path = folder.path / "model";
  AtomicFile first(path), second(path);
  first.write(bytes("first"));
  second.write(bytes("second"));
  second.commit();
  CHECK(detail::read_text(path) == "second");
  first.commit();
  CHECK(detail::read_text(path) == "first");
}

TEST_CASE("atomic file: an error message names the reason when a path cannot be written") {
  const Folder folder;
  save(folder.path / "file", "x");
  CHECK_THROWS_MATCHES(AtomicFile(folder.path / "no" / "model"), FileError,
                       says("cannot be created: No such file or directory"));
  CHECK_THROWS_MATCHES(AtomicFile(folder.path / "file" / "model"), FileError,
                       says("cannot be created: Not a directory"));
  CHECK_THROWS_MATCHES(AtomicFile(folder.path), FileError,
                       says(folder.path.string() + ": must be a file, got a folder"));
  CHECK_THROWS_MATCHES(AtomicFile(""), FileError, says("'': the path must end with a file name"));
  CHECK(folder.files() == 1);
}

TEST_CASE("atomic file: only unfinished files of killed processes are removed") {
  const Folder folder;
  const std::vector<std::string> others{"notes.tmp",          "notes.tmp7",          "a.unroll-.tmp", "a.unroll-1x.tmp",
                                        "a.unroll-1.tmp.old", ".unroll-1.tmp",       "unroll-1.tmp",  "model",
                                        "a.unroll-1",         "a.unroll-1.tmp.tmp1", ".tmp"};
  for (const std::string& name : others) std::ofstream(folder.path / name) << name;
  fs::create_directory(folder.path / "b.unroll-0.tmp");
  fs::create_symlink("notes.tmp", folder.path / "c.unroll-0.tmp");
  std::ofstream(folder.path / "model.unroll-0.tmp") << "half";  // not locked, as its process has ended
  AtomicFile open(folder.path / "model");
  remove_unfinished(folder.path);
  CHECK_FALSE(fs::exists(folder.path / "model.unroll-0.tmp"));
  CHECK(fs::exists(folder.path / "model.unroll-1.tmp"));
  for (const std::string& name : others) CHECK(detail::read_text(folder.path / name) == name);
  CHECK(fs::is_directory(folder.path / "b.unroll-0.tmp"));
  CHECK(fs::is_symlink(folder.path / "c.unroll-0.tmp"));
  open.write(bytes("whole"));
  open.commit();
  CHECK(detail::read_text(folder.path / "model") == "whole");
  CHECK(folder.files() == std::ssize(others) + 2);
  remove_unfinished(folder.path / "nowhere");
}

TEST_CASE("atomic file: a file that is being written is never removed as unfinished") {
  const Folder folder;
  std::atomic<bool> done = false;
  std::thread other([&] {
    while (!done) remove_unfinished(folder.path);
  });
  std::string failed;
  try {
    for (int k = 0; k < 300; ++k) {
      AtomicFile dropped(folder.path / "model");
      save(folder.path / "model", text(k));
    }
  } catch (const FileError& error) {
    failed = error.what();
  }
  done = true;
  other.join();
  CHECK(failed == "");
  CHECK(detail::read_text(folder.path / "model") == "299");
  CHECK(folder.files() == 1);
}

#if !defined(_WIN32)
TEST_CASE("atomic file: refuses a device and keeps a symbolic link") {
  CHECK_THROWS_MATCHES(AtomicFile("/dev/null"), FileError, says("got a folder or a device"));
  const Folder folder;
  save(folder.path / "model-1", "old");
  fs::create_symlink("model-1", folder.path / "latest");
  save(folder.path / "latest", "new");
  CHECK(fs::is_symlink(folder.path / "latest"));
  CHECK(detail::read_text(folder.path / "model-1") == "new");
}

TEST_CASE("atomic file: the old file stays, and no other is left, when the disk is full") {
  const Folder folder;
  const auto path = folder.path / "model";
  save(path, "old");
  const support::SmallFiles limit(1 << 16);
  std::string message;
  try {
    save(path, std::string(1 << 20, 'x'));
  } catch (const FileError& error) {
    message = error.what();
  }
  CHECK(message.find(path.string() + ": cannot be written: File too large") == 0);
  CHECK(detail::read_text(path) == "old");
  CHECK(folder.files() == 1);
}
#endif

}  // namespace test_atomic_file
