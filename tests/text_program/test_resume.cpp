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
  std::vector<char*> all;
  for (std::string& argument : arguments) all.push_back(argument.data());
  all.push_back(nullptr);
  execv(TEXT_PROGRAM, all.data());
  _exit(127);
}

/// Runs the program, and kills it after `patience` unless 0. Returns whether it ended before, which requires status 0.
bool ran_through(const Arguments& arguments, std::chrono::microseconds patience) {
  const pid_t child = started(arguments);
  REQUIRE(child > 0);
  if (patience.count() > 0) {
    std::this_thread::sleep_for(patience);
    kill(child, SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return false;
  REQUIRE(WEXITSTATUS(status) == 0);
  return true;
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

Arguments run_in(const std::filesystem::path& folder, const Arguments& more) {
  Arguments all{"text",      "train",       "--text",
                TEXT_DATA,   "--out",       folder.string(),
                "--resume",  "--quiet",     "--units",
                "10",        "--layers",    "2",
                "--epochs",  "3",           "--batch",
                "4",         "--embedding", "5",
                "--samples", "1",           "--checkpoint-seconds",
                "0",         "--threads",   "1"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

void kill_and_compare(int kills, const Arguments& more) {
  const support::TemporaryFolder folder;
  const auto whole = folder.path / "whole", killed = folder.path / "killed";
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(ran_through(run_in(whole, more), {}));
  const std::chrono::duration<double, std::micro> duration = std::chrono::steady_clock::now() - begin;
  std::mt19937 random(1);
  std::uniform_int_distribution<int> microseconds(1, 1 + int(duration.count() / 2));
  for (int done = 0; done < kills;) {
    if (ran_through(run_in(killed, more), std::chrono::microseconds(microseconds(random))))
      std::filesystem::remove_all(killed);  // restart from the beginning
    else
      ++done;
  }
  REQUIRE(ran_through(run_in(killed, more), {}));
  CHECK(content(killed / "model.safetensors") == content(whole / "model.safetensors"));
  CHECK(content(killed / "samples.txt") == content(whole / "samples.txt"));
  CHECK(history(killed / "history.csv") == history(whole / "history.csv"));
  CHECK(content(killed / "ratios.csv") == content(whole / "ratios.csv"));
  CHECK(content(whole / "samples.txt").size() > 100);
  for (const auto& entry : std::filesystem::directory_iterator(killed))
    CHECK(entry.path().string().find(".tmp") == std::string::npos);
}

const Arguments streams{"--steps", "15"};
const Arguments sentences{"--tokens", "words", "--read", "units", "--plateau", "1", "--decay-epochs", "0"};
const Arguments seeds{"--steps", "15", "--seeds", "3,5", "--epochs", "2"};

}  // namespace

TEST_CASE("text program: refuses to resume when the text has changed") {
  const support::TemporaryFolder folder;
  const auto text = folder.path / "text.txt", out = folder.path / "out";
  const auto status = [&] {
    const pid_t child = started(run_in(out, {"--text", text.string(), "--epochs", "1", "--steps", "15"}));
    int ended = 0;
    REQUIRE(waitpid(child, &ended, 0) == child);
    return WEXITSTATUS(ended);
  };
  std::ofstream(text) << content(TEXT_DATA);
  CHECK(status() == 0);
  CHECK(status() == 0);
  std::ofstream(text) << "# " << content(TEXT_DATA);  // another character, the same number of sequences
  CHECK(status() == 1);
  std::ofstream(text) << content(TEXT_DATA) << content(TEXT_DATA);
  CHECK(status() == 1);
}

TEST_CASE("text program: leaves other files in its folder unchanged") {
  const support::TemporaryFolder folder;
  const std::vector<std::string> others{"notes.tmp", "chapter.tmp1", "model.safetensors.tmp0", "a.unroll-x.tmp"};
  for (const std::string& name : others) std::ofstream(folder.path / name) << name;
  REQUIRE(ran_through(run_in(folder.path, {"--epochs", "1", "--steps", "15"}), {}));
  for (const std::string& name : others) CHECK(content(folder.path / name) == name);
}

TEST_CASE("text program: a run killed at any moment resumes to the same bits") {
  kill_and_compare(6, streams);
  kill_and_compare(6, sentences);
}

TEST_CASE("text program: several seeds that are killed resume to the same bits") { kill_and_compare(4, seeds); }

TEST_CASE("text program: SIGTERM saves the run, which resumes to the same bits") {
  const support::TemporaryFolder folder;
  const auto whole = folder.path / "whole", stopped = folder.path / "stopped";
  REQUIRE(ran_through(run_in(whole, streams), {}));
  int stops = 0;
  for (int status = 143; status == 143; ++stops) {
    const pid_t child = started(run_in(stopped, {"--steps", "15", "--checkpoint-seconds", "1000"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    kill(child, SIGTERM);
    int ended = 0;
    REQUIRE(waitpid(child, &ended, 0) == child);
    status = WIFSIGNALED(ended) ? 143 : WEXITSTATUS(ended);  // a signal before the handler is set
    REQUIRE((status == 143 || status == 0));
    if (stops > 200) break;
  }
  CHECK(content(stopped / "model.safetensors") == content(whole / "model.safetensors"));
}

TEST_CASE("text program: a finished run continues with more epochs as if it had not ended") {
  const support::TemporaryFolder folder;
  const auto whole = folder.path / "whole", longer = folder.path / "longer";
  const Arguments constant{"--steps", "15", "--decay-epochs", "0"};
  const auto with_epochs = [&](const char* epochs) {
    Arguments all = constant;
    all.insert(all.end(), {"--epochs", epochs});
    return all;
  };
  REQUIRE(ran_through(run_in(whole, with_epochs("3")), {}));
  REQUIRE(ran_through(run_in(longer, with_epochs("1")), {}));
  REQUIRE(ran_through(run_in(longer, with_epochs("3")), {}));
  CHECK(content(longer / "model.safetensors") == content(whole / "model.safetensors"));
  CHECK(content(longer / "samples.txt") == content(whole / "samples.txt"));
  CHECK(history(longer / "history.csv") == history(whole / "history.csv"));
}

TEST_CASE("text program: a run killed many times resumes to the same bits", "[.long]") {
  kill_and_compare(150, streams);
  kill_and_compare(150, sentences);
}

}  // namespace test_resume
