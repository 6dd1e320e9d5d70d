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

/// Runs the program and sends it a signal after `patience`, unless 0. Returns its exit status, -1 if the signal ended
/// it.
int status_of(Arguments arguments, int signal = 0, std::chrono::microseconds patience = {}) {
  const pid_t child = fork();
  if (child == 0) {
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    std::vector<char*> all;
    for (std::string& argument : arguments) all.push_back(argument.data());
    all.push_back(nullptr);
    execv(WORD2VEC_PROGRAM, all.data());
    _exit(127);
  }
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

/// A text of several chunks, and runs on it.
struct Runs {
  support::TemporaryFolder folder;
  std::filesystem::path whole = folder.path / "whole", other = folder.path / "other";

  Runs() {
    const std::string seasons = content(WORD2VEC_DATA);
    std::ofstream text(folder.path / "text.txt");
    for (int k = 0; k < 300; ++k) text << seasons;
  }
  Arguments run_in(const std::filesystem::path& out) const {
    return {"word2vec",
            "train",
            (folder.path / "text.txt").string(),
            "--out",
            out,
            "--resume",
            "--draw",
            "0",
            "--dimension",
            "8",
            "--epochs",
            "3",
            "--quiet",
            "--checkpoint-seconds",
            "0"};
  }
  void compare() const {
    CHECK(content(other / "vectors.txt") == content(whole / "vectors.txt"));
    CHECK(history(other / "history.csv") == history(whole / "history.csv"));
    CHECK(content(whole / "vectors.txt").size() > 100);
  }
};

}  // namespace

TEST_CASE("word2vec program: a run killed at any moment resumes to the same bits") {
  const Runs runs;
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(status_of(runs.run_in(runs.whole)) == 0);
  const std::chrono::duration<double, std::micro> duration = std::chrono::steady_clock::now() - begin;
  std::mt19937 random(1);
  std::uniform_int_distribution<int> microseconds(1, 1 + int(duration.count() / 2));
  for (int kills = 0; kills < 8;) {
    const int status = status_of(runs.run_in(runs.other), SIGKILL, std::chrono::microseconds(microseconds(random)));
    REQUIRE((status == 0 || status == -1));
    if (status == 0) std::filesystem::remove_all(runs.other);
    kills += status == -1;
  }
  REQUIRE(status_of(runs.run_in(runs.other)) == 0);
  runs.compare();
  for (const auto& entry : std::filesystem::directory_iterator(runs.other))
    CHECK(entry.path().string().find(".tmp") == std::string::npos);
}

TEST_CASE("word2vec program: SIGTERM saves the run, which resumes to the same bits") {
  const Runs runs;
  REQUIRE(status_of(runs.run_in(runs.whole)) == 0);
  Arguments rarely = runs.run_in(runs.other);
  rarely.back() = "1000";
  for (int status = 143, k = 1; status != 0 && k < 300; ++k) {
    status = status_of(rarely, SIGTERM, std::chrono::milliseconds(10 * k));
    REQUIRE((status == 0 || status == 143 || status == -1));  // -1: before the handler is set
  }
  runs.compare();
}

}  // namespace test_resume
