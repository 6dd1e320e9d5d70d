#pragma once
// Main function and console output of all programs.

#include <string>

namespace example {

/// errno of the first failed write to standard output; 0 if all succeeded.
inline int output_error = 0;

/// Writes to standard output and flushes it. The program continues after a failure, because its result files matter
/// more than its console output; run_program reports the failure at the end.
void print(const std::string& words);

/// Ends a program at the request of a signal, after its state was saved.
struct Interrupted {
  int signal = 0;
  std::string advice = {};  // how to continue
};

/// Exit status of the program `name`: that of `body()`; 1 after a message on standard error if `body` throws or if
/// standard output could not be written; 128 + the number of the signal after Interrupted.
int run_program(const char* name, int (*call)(const void*), const void* body);
template <class Body>
int run_program(const char* name, const Body& body) {
  return run_program(
      name, [](const void* given) { return (*static_cast<const Body*>(given))(); }, &body);
}

/// Sets the handlers of SIGINT (Ctrl-C) and SIGTERM: the first signal requests a stop, the second one ends the program
/// at once.
void catch_signals();
/// Number of the signal that requested a stop; 0: none.
int stop_requested();
/// Throws Interrupted if a stop was requested.
void stop_if_requested(const std::string& advice = "--resume continues the run");

}  // namespace example
