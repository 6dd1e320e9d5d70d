// Entry points of libFuzzer: https://llvm.org/docs/LibFuzzer.html. The seeds are written to the first folder on the
// command line before libFuzzer reads it.

#include <stdlib.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "fuzz.hpp"
#include "memory.hpp"

namespace fuzz {

void found(std::string_view what) {
  std::fprintf(stderr, "\nFINDING: %.*s\n", int(what.size()), what.data());
  std::abort();
}

namespace {

/// Private folder, removed at regular exit; scripts/fuzz removes folders that are left.
struct MemoryFolder {
  std::filesystem::path folder;

  MemoryFolder() {
    const char* const given = std::getenv("UNROLL_FUZZ_MEMORY");
    const std::filesystem::path in =
        given != nullptr ? std::filesystem::path(given) : std::filesystem::temp_directory_path();
    std::string name = (in / "unroll_fuzz_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder can be made: " + name);
    folder = name;
  }
  MemoryFolder(const MemoryFolder&) = delete;
  MemoryFolder& operator=(const MemoryFolder&) = delete;
  ~MemoryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
};

void write(const std::filesystem::path& path, std::string_view content) {
  std::FILE* const stream = std::fopen(path.c_str(), "wb");
  expect(stream != nullptr, "the target's own file cannot be opened");
  const bool whole = std::fwrite(content.data(), 1, content.size(), stream) == content.size();
  expect(std::fclose(stream) == 0 && whole, "the target's own file cannot be written");
}

/// Limit of messages; one with the content of a whole file would be useless.
constexpr std::size_t longest_message = 1000;

}  // namespace

std::filesystem::path path(std::string_view name) {
  static const MemoryFolder memory;
  return memory.folder / name;
}

std::filesystem::path file(std::string_view name, std::string_view content) {
  std::filesystem::path where = path(name);
  if (name.find('/') != name.npos) std::filesystem::create_directories(where.parent_path());
  write(where, content);
  return where;
}

Bytes project_file(std::string_view name) {
  return unroll::detail::read_text(std::filesystem::path(UNROLL_TEST_DATA).parent_path() / name);
}

Bytes beginning_of(std::string_view name, std::size_t bytes) {
  Bytes content = project_file(name).substr(0, bytes);
  return content.substr(0, content.rfind('\n') + 1);
}

Bytes joined(std::initializer_list<Bytes> files) {
  Bytes all;
  for (const Bytes& one : files) all += one + Bytes(separator);
  return all.substr(0, all.size() - separator.size());
}

std::vector<Bytes> divided(std::string_view input, std::size_t files) {
  std::vector<Bytes> all;
  for (; all.size() + 1 < files; input.remove_prefix(std::min(input.size(), all.back().size() + separator.size())))
    all.emplace_back(input.substr(0, input.find(separator)));
  all.emplace_back(input);
  return all;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  fuzz::measure_memory();
  for (int k = 1; k < *argc; ++k)
    if (const std::filesystem::path folder = (*argv)[k]; std::filesystem::is_directory(folder)) {
      std::size_t number = 0;
      for (const fuzz::Bytes& seed : fuzz::seeds()) fuzz::write(folder / unroll::text("seed-", number++), seed);
      break;
    }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryOfInput memory(size);
  try {
    fuzz::read(fuzz::Bytes(data, data + size));
  } catch (const unroll::Error& error) {
    fuzz::expect(std::string_view(error.what()).size() <= fuzz::longest_message, "a message is too long");
  } catch (const std::exception& error) {
    fuzz::found(std::string("an exception that is no unroll::Error: ") + error.what());
  }
  return 0;
}
