#include <filesystem>
#include <unroll/report/report.hpp>

int main() {
  const auto folder = std::filesystem::temp_directory_path() / "unroll_consumer_report";
  std::filesystem::create_directories(folder);
  unroll::Report report("consumer", folder);
  report.write();
  const bool written = std::filesystem::exists(folder / "report.html");
  std::filesystem::remove_all(folder);
  return written ? 0 : 1;
}
