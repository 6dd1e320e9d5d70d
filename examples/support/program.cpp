#include "program.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>

namespace example {

void print(const std::string& words) {
  const bool failed = std::fputs(words.c_str(), stdout) < 0 || std::fflush(stdout) != 0;
  if (failed && output_error == 0) output_error = errno;
}

namespace {

volatile std::sig_atomic_t stop_signal = 0;

extern "C" void request_stop(int signal) {
  if (stop_signal != 0) std::_Exit(128 + signal);
  stop_signal = signal;
}

const char* name_of_signal(int signal) { return signal == SIGINT ? "Ctrl-C" : "SIGTERM"; }

}  // namespace

void catch_signals() {
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
}

int stop_requested() { return stop_signal; }

void stop_if_requested(const std::string& advice) {
  if (stop_signal != 0) throw Interrupted{stop_signal, advice};
}

int run_program(const char* name, int (*call)(const void*), const void* body) {
  int status = 1;
  try {
    status = call(body);
  } catch (const std::filesystem::filesystem_error& error) {
    std::fprintf(stderr, "%s: %s: %s\n", name, error.path1().string().c_str(), error.code().message().c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
  } catch (const Interrupted& stop) {
    std::fprintf(stderr, "%s: stopped by %s; %s\n", name, name_of_signal(stop.signal), stop.advice.c_str());
    status = 128 + stop.signal;
  }
  print({});
  if (std::ferror(stdout) == 0) return status;
  std::fprintf(stderr, "%s: standard output could not be written%s%s\n", name, output_error == 0 ? "" : ": ",
               output_error == 0 ? "" : std::strerror(output_error));
  return status == 0 ? 1 : status;
}

}  // namespace example
