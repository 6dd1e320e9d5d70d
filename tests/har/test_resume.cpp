#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_resume {

namespace {

using Arguments = std::vector<std::string>;

pid_t started(Arguments arguments) {
  const pid_t child = fork();
  if (child != 0) return child;
  dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
  dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
  std::vector<char*> all;
  for (std::string& argument : arguments) all.push_back(argument.data());
  all.push_back(nullptr);
  execv(HAR_PROGRAM, all.data());
  _exit(127);
}

/// Status of the program, which is sent `signal` after `patience`; -1 if the signal ended it.
int status_of(const Arguments& arguments, int signal = 0, std::chrono::microseconds patience = {}) {
  const pid_t child = started(arguments);
  REQUIRE(child > 0);
  if (signal != 0) {
    std::this_thread::sleep_for(patience);
    kill(child, signal);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -1 : WEXITSTATUS(status);
}

std::string content(const std::filesystem::path& file) {
  std::ostringstream all;
  all << std::ifstream(file, std::ios::binary).rdbuf();
  return all.str();
}

/// History without the last number of each line, which is seconds.
std::string history(const std::filesystem::path& file) {
  std::istringstream lines(content(file));
  std::string all;
  for (std::string line; std::getline(lines, line);) all += line.substr(0, line.rfind(',')) + "\n";
  return all;
}

Arguments run_in(const std::filesystem::path& folder, Arguments arguments) {
  arguments.insert(arguments.begin(), "har");
  arguments.insert(arguments.end(), {"--out", folder.string(), "--resume", "--quiet", "--checkpoint-seconds", "0"});
  return arguments;
}

/// Kills runs at random times and compares the result with that of a whole run: the model by bytes, and CSV files
/// without their last column, which is seconds.
void kill_and_compare(int kills, const Arguments& arguments, const Arguments& tables) {
  const support::TemporaryFolder folder;
  const auto whole = folder.path / "whole", killed = folder.path / "killed";
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(status_of(run_in(whole, arguments)) == 0);
  const std::chrono::duration<double, std::micro> duration = std::chrono::steady_clock::now() - begin;
  std::mt19937 random(1);
  std::uniform_int_distribution<int> microseconds(1, 1 + int(duration.count() / 2));
  for (int done = 0; done < kills;) {
    const std::chrono::microseconds patience(microseconds(random));
    if (status_of(run_in(killed, arguments), SIGKILL, patience) == 0)
      std::filesystem::remove_all(killed);  // restart from the beginning
    else
      ++done;
  }
  REQUIRE(status_of(run_in(killed, arguments)) == 0);
  CHECK(content(whole / "model.safetensors").size() > 100);
  CHECK(content(killed / "model.safetensors") == content(whole / "model.safetensors"));
  for (const std::string& table : tables) CHECK(history(killed / table) == history(whole / table));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(killed))
    CHECK(entry.path().string().find(".tmp") == std::string::npos);
}

const Arguments two_seeds{"train", "--units", "4", "--epochs", "3", "--seeds", "42,7", "--validation", "0.2"};
const Arguments halving{
    "study",  "--search",          "halving", "--trials", "2",      "--train",  HAR_DATA "_TRAIN.ts",
    "--test", HAR_DATA "_TEST.ts", "--units", "2:4",      "--rate", "0.01:0.1", "--epochs",
    "2",      "--seeds",           "1",       "--batch",  "20"};

}  // namespace

TEST_CASE("har program: a run killed at any moment resumes to the same bits") {
  kill_and_compare(4, two_seeds, {"history.csv"});
}

TEST_CASE("har program: studies and streams killed at any moment resume to the same bits", "[.long]") {
  kill_and_compare(20, two_seeds, {"history.csv"});
  kill_and_compare(20, halving, {"study.csv"});
  kill_and_compare(20, {"stream", "--data", HAR_DATA "_TRAIN.ts", "--units", "3", "--epochs", "2", "--seeds", "2"},
                   {"streams.csv"});
}

TEST_CASE("har program: more epochs continue the run with the same bits") {
  const support::TemporaryFolder folder;
  const auto with = [&](const char* name, const char* epochs) {
    return status_of(run_in(folder.path / name, {"train", "--units", "3", "--seeds", "1", "--epochs", epochs}));
  };
  REQUIRE(with("continued", "2") == 0);
  REQUIRE(with("continued", "4") == 0);
  REQUIRE(with("whole", "4") == 0);
  CHECK(content(folder.path / "continued" / "runs" / "seed1.safetensors") ==
        content(folder.path / "whole" / "runs" / "seed1.safetensors"));
  CHECK(history(folder.path / "continued" / "history.csv") == history(folder.path / "whole" / "history.csv"));
  CHECK(with("whole", "3") == 1);  // fewer epochs than were trained
}

TEST_CASE("har program: Ctrl-C saves and stops") {
  const support::TemporaryFolder folder;
  const Arguments long_run = run_in(folder.path, {"train", "--epochs", "100000", "--seeds", "1", "--units", "64"});
  for (const auto& [signal, status] : {std::pair(SIGINT, 130), {SIGTERM, 143}}) {
    std::filesystem::remove(folder.path / "runs" / "checkpoint-seed1.safetensors");
    const pid_t child = started(long_run);
    while (!std::filesystem::exists(folder.path / "runs" / "checkpoint-seed1.safetensors"))
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    kill(child, signal);
    int ended = 0;
    REQUIRE(waitpid(child, &ended, 0) == child);
    CHECK(WIFEXITED(ended));
    CHECK(WEXITSTATUS(ended) == status);
  }
}

}  // namespace test_resume
