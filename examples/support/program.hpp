#pragma once
// Main function and console output of all programs.

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

namespace example {

/// errno of the first failed write to standard output; 0 if all succeeded.
inline int output_error = 0;

/// Writes to standard output and flushes it. The program continues after a failure, because its result files matter
/// more than its console output; run_program reports the failure at the end.
inline void print(const std::string& words) {
  const bool failed = std::fputs(words.c_str(), stdout) < 0 || std::fflush(stdout) != 0;
  if (failed && output_error == 0) output_error = errno;
}

/// Exit status of the program: that of `body`, or 1 after a message on standard error if `body` throws or if standard
/// output could not be written.
template <class Body>
int run_program(const char* name, const Body& body) {
  int status = 1;
  try {
    status = body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
  }
  print({});
  if (std::ferror(stdout) == 0) return status;
  std::fprintf(stderr, "%s: standard output could not be written%s%s\n", name, output_error == 0 ? "" : ": ",
               output_error == 0 ? "" : std::strerror(output_error));
  return status == 0 ? 1 : status;
}

}  // namespace example
