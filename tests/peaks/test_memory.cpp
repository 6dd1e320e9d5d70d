#include <fstream>
#include <support/memory.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_memory {

using namespace example;

namespace {

void write(const std::filesystem::path& file, const std::string& words) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << words;
}

}  // namespace

TEST_CASE("memory: available memory is that of the system or the limit of the control group") {
  const support::TemporaryFolder root;
  CHECK_FALSE(available_memory(root.path));
  write(root.path / "proc/meminfo", "MemTotal:    9000 kB\nMemFree:  100 kB\nMemAvailable:    5000 kB\n");
  CHECK(available_memory(root.path) == 5000 * 1024);
  const auto group = root.path / "sys/fs/cgroup";
  write(group / "memory.max", "max\n");
  CHECK(available_memory(root.path) == 5000 * 1024);
  write(group / "memory.max", "6000000\n");
  CHECK(available_memory(root.path) == 5000 * 1024);  // the limit exceeds the available memory
  write(group / "memory.max", "3000000\n");
  CHECK(available_memory(root.path) == 3000000);
  write(group / "memory.current", "1000000\n");
  CHECK(available_memory(root.path) == 2000000);
  write(group / "memory.current", "4000000\n");
  CHECK(available_memory(root.path) == 0);
}

TEST_CASE("memory: reads limits of control groups of version 1") {
  const support::TemporaryFolder root;
  write(root.path / "sys/fs/cgroup/memory/memory.limit_in_bytes", "7000\n");
  write(root.path / "sys/fs/cgroup/memory/memory.usage_in_bytes", "3000\n");
  CHECK(available_memory(root.path) == 4000);
}

TEST_CASE("memory: refuses training when memory is too small, with both sizes and advice") {
  CHECK_NOTHROW(check_memory(5, 5, "do less"));
  CHECK_NOTHROW(check_memory(5, {}, "do less"));
  CHECK_THROWS_MATCHES(check_memory(2'500'000'000, 1'200'000'000, "do less"), unroll::ValueError,
                       says("training needs about 2.5 GB of memory, available are 1.2 GB; do less"));
}

}  // namespace test_memory
