#pragma once
// What is around every program.

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

namespace example {

/// The system's reason why standard output could not be written, when it failed first; 0: it did not.
inline int output_error = 0;

/// Writes to standard output now. Where that fails, the program goes on, because its results matter more than what it
/// says meanwhile; run_program says so at the end.
inline void tell(const std::string& words) {
  const bool failed = std::fputs(words.c_str(), stdout) < 0 || std::fflush(stdout) != 0;
  if (failed && output_error == 0) output_error = errno;
}

/// The exit status of the program: that of `body`, or 1 after a sentence on standard error for an exception and for
/// standard output that could not be written.
template <class Body>
int run_program(const char* name, const Body& body) {
  int status = 1;
  try {
    status = body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
  }
  tell({});
  if (std::ferror(stdout) == 0) return status;
  std::fprintf(stderr, "%s: standard output could not be written%s%s\n", name, output_error == 0 ? "" : ": ",
               output_error == 0 ? "" : std::strerror(output_error));
  return status == 0 ? 1 : status;
}

}  // namespace example
