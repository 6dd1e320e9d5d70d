// Training steps of cells that bench/cells.py compares with other libraries: 128 units, a dense layer of 10 classes.
//
//     bench_cells                   prints the median milliseconds of each case over half a second
//     bench_cells --list            prints the cases instead
//     bench_cells --serve           measures the case whose number in the list is on a line of standard input
//     bench_cells --linear          compares linear recurrences with a GRU, and two threads with one, instead
//
// One JSON line per case.

#include <cstdio>
#include <string_view>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/layer_norm.hpp>
#include <unroll/cells/lru.hpp>
#include <unroll/cells/min_gru.hpp>
#include <vector>

#include "timing.hpp"
#include "workload.hpp"

namespace {

using namespace bench;

struct Case {
  const char* name;
  Index batch, steps, inputs;
};
constexpr Case cases[] = {{"layer-normalised lstm", 32, 100, 64}, {"mingru", 4, 4000, 128}, {"mingru", 1, 4000, 128}};

AnyLayer<float> layer_of(std::string_view cell, Index units) {
  if (cell == "gru") return Recurrent<Gru>{.units = units, .returns = Returns::last};
  if (cell == "mingru") return Recurrent<MinGru>{.units = units, .returns = Returns::last};
  if (cell == "lru") return Recurrent<Lru>{.units = units, .returns = Returns::last, .sizes = {{"outputs", units}}};
  return Recurrent<LayerNormLstm>{.units = units, .returns = Returns::last};
}

Workload workload_of(const Case& c, int threads = 1) {
  constexpr Index units = 128, classes = 10;
  const Configuration sizes{"cells", c.name, c.batch, c.steps, c.inputs, units, 1, classes, Task::label_at_end};
  return Workload(sizes, Stack<float>(c.inputs, {layer_of(c.name, units), Dense{.units = classes}}),
                  std::vector<Index>(std::size_t(c.batch), c.steps), threads);
}

void answer(const Case& c) {
  Workload workload = workload_of(c);
  const double ms = median_ms([&] { workload.train(); }, 0.5);
  std::printf("{\"what\": \"unroll\", \"cell\": \"%s\", \"batch\": %td, \"ms\": %.4f}\n", c.name, c.batch, ms);
  std::fflush(stdout);
}

/// Speed relative to a first case, measured alternately: medians of the rounds.
void compare(const Case& first, int first_threads, const Case& second, int second_threads) {
  constexpr int rounds = 15;
  Workload a = workload_of(first, first_threads), b = workload_of(second, second_threads);
  const auto ms = [](Workload& workload) {
    workload.train();  // caches after the other case
    const double start = now();
    workload.train();
    return (now() - start) * 1e3;
  };
  std::vector<double> a_ms, b_ms, ratios;
  for (int round = 0; round < rounds; ++round) {
    a_ms.push_back(ms(a));
    b_ms.push_back(ms(b));
    ratios.push_back(a_ms.back() / b_ms.back());
  }
  std::printf(
      "{\"first\": \"%s\", \"threads\": %d, \"batch\": %td, \"ms\": %.2f, \"second\": \"%s\", "
      "\"second_threads\": %d, \"second_ms\": %.2f, \"speed\": %.2f}\n",
      first.name, first_threads, first.batch, median(a_ms), second.name, second_threads, median(b_ms), median(ratios));
  std::fflush(stdout);
}

void compare_linear() {
  constexpr Index steps = 4000, inputs = 128;
  for (const char* cell : {"mingru", "lru"}) {
    compare({"gru", 4, steps, inputs}, 1, {cell, 4, steps, inputs}, 1);
    compare({cell, 1, steps, inputs}, 1, {cell, 1, steps, inputs}, 2);
  }
}

void list(const Case& c) {
  std::printf("{\"cell\": \"%s\", \"batch\": %td, \"steps\": %td, \"inputs\": %td}\n", c.name, c.batch, c.steps,
              c.inputs);
}

}  // namespace

int main(int count, char** words) {
  const std::string_view option = count < 2 ? "" : words[1];
  if (option == "--linear") return compare_linear(), 0;
  if (!option.empty() && option != "--list" && option != "--serve")
    return std::fprintf(stderr, "cells: option must be --list, --serve or --linear, got '%s'\n", words[1]), 1;
  if (option != "--serve") {
    for (const Case& c : cases) option == "--list" ? list(c) : answer(c);
    return 0;
  }
  for (char line[256]; std::fgets(line, sizeof line, stdin) != nullptr;) {
    const std::size_t number = std::size_t(std::atoi(line));
    if (number >= std::size(cases)) return std::fprintf(stderr, "cells: no case %s", line), 1;
    answer(cases[number]);
  }
}
