#pragma once
// Runs of a program that are killed and resumed.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace support {

using Arguments = std::vector<std::string>;

/// Starts a program without output.
inline pid_t started(const std::string& program, Arguments arguments) {
  const pid_t child = fork();
  if (child != 0) return child;
  dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
  dup2(STDOUT_FILENO, STDERR_FILENO);
  arguments.insert(arguments.begin(), program);
  std::vector<char*> all;
  for (std::string& argument : arguments) all.push_back(argument.data());
  all.push_back(nullptr);
  execv(program.c_str(), all.data());
  _exit(127);
}

/// Runs a program and sends `signal` after `patience`, unless that is 0. Returns the exit status, or -1 after a kill.
inline int status_of(const std::string& program, const Arguments& arguments, std::chrono::microseconds patience = {},
                     int signal = SIGKILL) {
  const pid_t child = started(program, arguments);
  REQUIRE(child > 0);
  if (patience.count() > 0) {
    std::this_thread::sleep_for(patience);
    kill(child, signal);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -1 : WEXITSTATUS(status);
}

inline std::string content(const std::filesystem::path& file) {
  std::ostringstream all;
  all << std::ifstream(file, std::ios::binary).rdbuf();
  return all.str();
}

/// Runs a program once without a stop, and once with `kills` kills and stops at random times. The files `same` must be
/// equal in both folders, byte by byte. The program must end with `status`.
inline void kill_and_compare(const std::string& program, const Arguments& arguments,
                             const std::vector<std::string>& same, int kills, int status = 0) {
  const TemporaryFolder folder;
  const auto run_in = [&](const char* name, bool threads) {
    Arguments all = arguments;
    const std::string out = (folder.path / name).string();
    for (const std::string& more :
         Arguments{"--out", out, "--resume", "--quiet", "--checkpoint-seconds", "0", "--threads", threads ? "2" : "1"})
      all.push_back(more);
    return all;
  };
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(status_of(program, run_in("whole", false)) == status);
  const std::chrono::duration<double, std::micro> duration = std::chrono::steady_clock::now() - begin;
  std::mt19937 random(1);
  std::uniform_int_distribution<int> microseconds(1, 1 + int(duration.count() / 2));
  for (int done = 0; done < kills; ++done) {
    const int signal = done % 3 == 2 ? SIGTERM : SIGKILL;
    const int ended =
        status_of(program, run_in("killed", done % 2 == 0), std::chrono::microseconds(microseconds(random)), signal);
    CHECK((ended == -1 || ended == status || ended == 128 + SIGTERM));
    if (ended == status) std::filesystem::remove_all(folder.path / "killed");  // restart from the beginning
  }
  REQUIRE(status_of(program, run_in("killed", false)) == status);
  for (const std::string& name : same) {
    INFO(name);
    CHECK(content(folder.path / "killed" / name).size() > 0);
    CHECK(content(folder.path / "killed" / name) == content(folder.path / "whole" / name));
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder.path / "killed"))
    CHECK(entry.path().string().find(".tmp") == std::string::npos);
}

}  // namespace support
