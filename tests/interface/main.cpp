// random_interface [FIRST [COUNT [SECONDS]]]: random tests of models, options, batches and misuse through the public
// interface. Prints each kind of fault with a seed that reproduces it; the exit status is the number of kinds, at most
// 100.

#include <chrono>
#include <cstdlib>

#include "interface/choices.hpp"

int main(int argc, char** argv) {
  using namespace interface;
  const auto argument = [&](int k, const char* usual) { return argc > k ? argv[k] : usual; };
  const std::uint64_t first = std::strtoull(argument(1, "0"), nullptr, 10);
  const std::uint64_t count = std::strtoull(argument(2, "100"), nullptr, 10);
  const double seconds = std::strtod(argument(3, "1e9"), nullptr);
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  Report report;
  std::uint64_t seed = first;
  for (; seed < first + count && elapsed() < seconds; ++seed) {
    if (std::getenv("TRACE") != nullptr) std::fprintf(stderr, "%llu\n", static_cast<unsigned long long>(seed));
    Choices choose(seed);
    try_model(choose, report);
    if (choose.one_in(4)) try_pairs(choose, report);
    if (choose.one_in(8)) try_gradients(choose, report);
    if (choose.one_in(8)) try_words(choose, report);
    if (choose.one_in(4)) try_arrays(choose, report);
    try_optimizer(choose, report);
    try_schedule(choose, report);
  }
  const int faults = report.print();
  std::printf("%llu seeds, %d kinds of faults\n", static_cast<unsigned long long>(seed - first), faults);
  return std::min(faults, 100);
}
