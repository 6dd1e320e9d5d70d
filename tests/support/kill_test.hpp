#pragma once
// Runs of a program that are killed or stopped, and resumed.

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace support {

using Arguments = std::vector<std::string>;

/// Starts a program without output, and without gnuplot, which takes longer than the training.
inline pid_t started(const std::string& program, Arguments arguments) {
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
  arguments.insert(arguments.begin(), program);
  std::vector<char*> all;
  for (std::string& argument : arguments) all.push_back(argument.data());
  all.push_back(nullptr);
  execv(program.c_str(), all.data());
  _exit(127);
}

/// Exit status of a started program, or minus the signal that ended it.
inline int ended(pid_t child) {
  int status = 0;
  REQUIRE(child > 0);
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/// Runs a program, as `ended`. `signal` is sent after `patience`; 0: none.
inline int status_of(const std::string& program, const Arguments& arguments, int signal = 0,
                     std::chrono::microseconds patience = {}) {
  const pid_t child = started(program, arguments);
  if (signal != 0) {
    std::this_thread::sleep_for(patience);
    kill(child, signal);
  }
  return ended(child);
}

inline std::string content(const std::filesystem::path& file) {
  std::ostringstream all;
  all << std::ifstream(file, std::ios::binary).rdbuf();
  return all.str();
}

/// Lines of a file without the last number, which is seconds.
inline std::string without_seconds(const std::filesystem::path& file) {
  std::istringstream lines(content(file));
  std::string all;
  for (std::string line; std::getline(lines, line);) all += line.substr(0, line.rfind(',')) + "\n";
  return all;
}

/// Results of a run that do not depend on interruptions: files, and tables except their last column, which is seconds.
struct Results {
  std::vector<std::string> files, tables = {};
};

/// Checks that the results in `folder` are those in `whole`, and that `folder` has no unfinished files.
inline void check_same(const std::filesystem::path& folder, const std::filesystem::path& whole,
                       const Results& results) {
  for (const std::string& name : results.files) {
    CAPTURE(name);
    CHECK(content(whole / name).size() > 0);
    CHECK(content(folder / name) == content(whole / name));
  }
  for (const std::string& name : results.tables) {
    CAPTURE(name);
    CHECK(without_seconds(whole / name).size() > 0);
    CHECK(without_seconds(folder / name) == without_seconds(whole / name));
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    CHECK(entry.path().string().find(".tmp") == std::string::npos);
}

/// How runs are interrupted.
struct Interruptions {
  int count = 1;
  std::vector<int> signals = {SIGKILL};  ///< in turn
  int status = 0;                        ///< of a run without interruption
};

/// Arguments of a run in a folder that continues the run there. `turn` counts the starts.
using RunIn = std::function<Arguments(const std::filesystem::path& folder, int turn)>;

/// Interrupts runs at random times, resumes the last one to its end, and compares its results with those of an
/// uninterrupted run.
inline void interrupt_and_compare(const std::string& program, const RunIn& run_in, const Results& results,
                                  const Interruptions& interruptions) {
  const TemporaryFolder folder;
  const auto whole = folder.path / "whole", stopped = folder.path / "stopped";
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(status_of(program, run_in(whole, 0)) == interruptions.status);
  const std::chrono::duration<double, std::micro> duration = std::chrono::steady_clock::now() - begin;
  std::mt19937 random(1);
  std::uniform_int_distribution<int> microseconds(1, 1 + int(duration.count() * 0.6));
  int done = 0;
  for (int turn = 0; done < interruptions.count && turn < 20 * interruptions.count; ++turn) {
    const int signal = interruptions.signals[std::size_t(done) % interruptions.signals.size()];
    const std::chrono::microseconds patience(microseconds(random));
    const int status = status_of(program, run_in(stopped, turn), signal, patience);
    if (status == interruptions.status) {
      std::filesystem::remove_all(stopped);  // restart from the beginning
      continue;
    }
    REQUIRE((status == 128 + signal || status == -signal));  // -signal: also before the program catches it
    ++done;
  }
  CHECK(done > 0);
  REQUIRE(status_of(program, run_in(stopped, 0)) == interruptions.status);
  check_same(stopped, whole, results);
}

}  // namespace support
