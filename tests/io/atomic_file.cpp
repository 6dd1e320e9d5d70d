#include <filesystem>
#include <fstream>
#include <string>
#include <unroll/io/atomic_file.hpp>
#include <unroll/io/input_file.hpp>
#if !defined(_WIN32)
#include <sys/resource.h>

#include <csignal>
#endif

#include "support/catch.hpp"
#include "support/temporary.hpp"

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

TEST_CASE("atomic file: the name appears with commit, and holds everything") {
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

TEST_CASE("atomic file: without a commit the old file stays and nothing else is left") {
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

TEST_CASE("atomic file: what cannot be written says why") {
  const Folder folder;
  save(folder.path / "file", "x");
  CHECK_THROWS_MATCHES(AtomicFile(folder.path / "no" / "model"), FileError,
                       says("cannot be created: No such file or directory"));
  CHECK_THROWS_MATCHES(AtomicFile(folder.path / "file" / "model"), FileError,
                       says("cannot be created: Not a directory"));
  CHECK_THROWS_MATCHES(AtomicFile(folder.path), FileError,
                       says(folder.path.string() + ": cannot be written: it is a folder"));
  CHECK_THROWS_MATCHES(AtomicFile(""), FileError, says("'': cannot be written: the path ends without a file name"));
  CHECK(folder.files() == 1);
}

#if !defined(_WIN32)
TEST_CASE("atomic file: a device is never replaced, a link stays a link") {
  CHECK_THROWS_MATCHES(AtomicFile("/dev/null"), FileError, says("it is a folder or a device"));
  const Folder folder;
  save(folder.path / "model-1", "old");
  fs::create_symlink("model-1", folder.path / "latest");
  save(folder.path / "latest", "new");
  CHECK(fs::is_symlink(folder.path / "latest"));
  CHECK(detail::read_text(folder.path / "model-1") == "new");
}

TEST_CASE("atomic file: a full disk leaves the old file, and no other") {
  const Folder folder;
  const auto path = folder.path / "model";
  save(path, "old");
  // A limit on the file size fails in the same calls as a full disk.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1 << 16;
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    save(path, std::string(1 << 20, 'x'));
  } catch (const FileError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(message.find(path.string() + ": cannot be written: File too large") == 0);
  CHECK(detail::read_text(path) == "old");
  CHECK(folder.files() == 1);
}
#endif
