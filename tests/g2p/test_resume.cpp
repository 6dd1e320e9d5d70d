// Runs of the program that are killed or stopped, and resumed.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "g2p/words.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_resume {

namespace {

using Arguments = std::vector<std::string>;
using Microseconds = std::chrono::microseconds;

/// Starts the program without gnuplot, which takes longer than the training.
pid_t started(Arguments arguments) {
  arguments.insert(arguments.begin(), "g2p");
  sigset_t all_signals, before;
  sigfillset(&all_signals);
  sigprocmask(SIG_SETMASK, &all_signals, &before);  // the child must not run Catch2's handlers
  const pid_t child = fork();
  if (child == 0)
    for (const int one : {SIGINT, SIGTERM}) signal(one, SIG_DFL);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (child != 0) return child;
  setenv("PATH", "/nonexistent", 1);
  const int nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, STDOUT_FILENO), dup2(nowhere, STDERR_FILENO);
  std::vector<char*> all;
  for (std::string& argument : arguments) all.push_back(argument.data());
  all.push_back(nullptr);
  execv(G2P_PROGRAM, all.data());
  _exit(127);
}

/// Exit status of the program, or minus the signal that ended it. `signal` is sent after `patience`; 0: none.
int status_of(const Arguments& arguments, int signal = 0, Microseconds patience = {}) {
  const pid_t child = started(arguments);
  REQUIRE(child > 0);
  if (signal != 0) {
    std::this_thread::sleep_for(patience);
    kill(child, signal);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

std::string content(const std::filesystem::path& file) {
  std::ostringstream all;
  all << std::ifstream(file, std::ios::binary).rdbuf();
  return all.str();
}

/// History without the seconds, the last number of each line.
std::string history_in(const std::filesystem::path& folder) {
  std::istringstream lines(content(folder / "history.csv"));
  std::string all;
  for (std::string line; std::getline(lines, line);) all += line.substr(0, line.rfind(',')) + "\n";
  return all;
}

Arguments run_in(const std::filesystem::path& folder, const Arguments& more) {
  const std::string data = G2P_DATA;
  Arguments all{"train",
                "--train",
                data + "/learned.tsv",
                "--validation",
                "0.2",
                "--test",
                "0.1",
                "--out",
                folder.string(),
                "--resume",
                "--quiet",
                "--units",
                "8",
                "--embedding",
                "4",
                "--epochs",
                "3",
                "--batch",
                "4",
                "--beams",
                "2",
                "--checkpoint-seconds",
                "0",
                "--threads",
                "1",
                "--late-rate",
                "1"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

void check_same(const std::filesystem::path& folder, const std::filesystem::path& whole,
                const std::vector<const char*>& files) {
  for (const char* file : files) {
    CAPTURE(file);
    CHECK(content(whole / file).size() > 100);
    CHECK(content(folder / file) == content(whole / file));
  }
  CHECK(history_in(folder) == history_in(whole));
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    CHECK(entry.path().string().find(".tmp") == std::string::npos);
}

/// Stops runs by `signal` after random times until `stops` were stopped, resumes the last one to its end, and compares
/// its files with those of an uninterrupted run.
void stop_and_compare(int signal, int expected, int stops) {
  const support::TemporaryFolder folder;
  const auto whole = folder.path / "whole", stopped = folder.path / "stopped";
  const Arguments seeds{"--seeds", "5,2"};
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(status_of(run_in(whole, seeds)) == 0);
  const std::chrono::duration<double, std::micro> duration = std::chrono::steady_clock::now() - begin;
  std::mt19937 random(1);
  std::uniform_int_distribution<int> microseconds(1, 1 + int(duration.count() * 0.6));
  for (int done = 0, tries = 0; done < stops && tries < 20 * stops; ++tries) {
    const int status = status_of(run_in(stopped, seeds), signal, Microseconds(microseconds(random)));
    if (status == expected) ++done;
    if (status == 0) std::filesystem::remove_all(stopped);  // restart from the beginning
    const bool early = status == -signal;                   // before the program catches the signal
    REQUIRE((status == 0 || status == expected || early));
  }
  REQUIRE(status_of(run_in(stopped, seeds)) == 0);
  check_same(stopped, whole, {"model.safetensors", "model-5.safetensors", "model-2.safetensors", "test.tsv"});
}

}  // namespace

TEST_CASE("g2p program: a run killed at any moment resumes to the same bits", "[g2p]") {
  stop_and_compare(SIGKILL, -SIGKILL, 5);
}

TEST_CASE("g2p program: a run stopped by SIGTERM ends with status 143 and resumes to the same bits", "[g2p]") {
  stop_and_compare(SIGTERM, 143, 3);
}

TEST_CASE("g2p program: a run killed many times resumes to the same bits", "[.long]") {
  stop_and_compare(SIGKILL, -SIGKILL, 100);
}

TEST_CASE("g2p program: more epochs and seeds continue a run whose learning rate is constant", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto whole = folder.path / "whole", longer = folder.path / "longer";
  REQUIRE(status_of(run_in(whole, {"--seeds", "5,2"})) == 0);
  REQUIRE(status_of(run_in(longer, {"--seed", "5", "--epochs", "1"})) == 0);
  REQUIRE(status_of(run_in(longer, {"--seeds", "5,2"})) == 0);
  check_same(longer, whole, {"model.safetensors", "model-5.safetensors", "model-2.safetensors", "test.tsv"});
  CHECK(status_of(run_in(longer, {"--late-rate", "0.3", "--seeds", "5,2"})) == 1);
  CHECK(status_of(run_in(longer, {"--units", "9", "--seeds", "5,2"})) == 1);
}

TEST_CASE("g2p program: written settings repeat a run", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto first = folder.path / "first", second = folder.path / "second";
  REQUIRE(status_of(run_in(first, {"--seed", "7", "--dropout", "0.1", "--n-best", "2"})) == 0);
  REQUIRE(status_of({"train", "--config", (first / "config.json").string(), "--out", second.string(), "--quiet"}) == 0);
  check_same(second, first, {"model.safetensors", "test.tsv"});
}

TEST_CASE("g2p program: training continues from a model, with its letters and phonemes", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto first = folder.path / "first", second = folder.path / "second", other = folder.path / "other.tsv";
  REQUIRE(status_of(run_in(first, {})) == 0);
  const std::string model = (first / "model.safetensors").string();
  const Arguments more{"train",   "--load",  model,     "--epochs",
                       "2",       "--quiet", "--train", std::string(G2P_DATA) + "/learned.tsv",
                       "--test",  "0.1",     "--out",   second.string(),
                       "--beams", "2"};
  REQUIRE(status_of(more) == 0);
  CHECK(content(second / "model.safetensors") != content(model));
  CHECK(content(second / "model.safetensors").find("before epochs") != std::string::npos);
  const auto with = [&](Arguments extra) {
    extra.insert(extra.begin(), more.begin(), more.end());
    extra.push_back("--force");
    return status_of(extra);
  };
  CHECK(with({"--units", "9"}) == 1);
  CHECK(with({"--stress", "drop"}) == 1);
  std::ofstream(other) << "x1\tA\n" << content(std::string(G2P_DATA) + "/learned.tsv");
  CHECK(with({"--train", other.string()}) == 1);
  CHECK(with({}) == 0);
}

}  // namespace test_resume
