// Training steps of cells that bench/cells.py compares with other libraries: 128 units, a dense layer of 10 classes.
//
//     bench_cells                   prints the median milliseconds of each case over half a second
//     bench_cells --list            prints the cases instead
//     bench_cells --serve           measures the case whose number in the list is on a line of standard input
//
// One JSON line per case.

#include <cstdio>
#include <string_view>
#include <unroll/cells/layer_norm.hpp>
#include <unroll/cells/min_gru.hpp>

#include "timing.hpp"
#include "workload.hpp"

namespace {

using namespace bench;

struct Case {
  const char* name;
  Index batch, steps, inputs;
};
constexpr Case cases[] = {{"layer-normalised lstm", 32, 100, 64}, {"mingru", 4, 4000, 128}, {"mingru", 1, 4000, 128}};

void answer(const Case& c) {
  constexpr Index units = 128, classes = 10;
  const AnyLayer<float> layer = std::string_view(c.name) == "mingru"
                                    ? AnyLayer<float>(Recurrent<MinGru>{.units = units, .returns = Returns::last})
                                    : Recurrent<LayerNormLstm>{.units = units, .returns = Returns::last};
  const Configuration sizes{"cells", c.name, c.batch, c.steps, c.inputs, units, 1, classes, Task::label_at_end};
  Workload workload(sizes, Stack<float>(c.inputs, {layer, Dense{.units = classes}}));
  const double ms = median_ms([&] { workload.train(); }, 0.5);
  std::printf("{\"what\": \"unroll\", \"cell\": \"%s\", \"batch\": %td, \"ms\": %.4f}\n", c.name, c.batch, ms);
  std::fflush(stdout);
}

void list(const Case& c) {
  std::printf("{\"cell\": \"%s\", \"batch\": %td, \"steps\": %td, \"inputs\": %td}\n", c.name, c.batch, c.steps,
              c.inputs);
}

}  // namespace

int main(int count, char** words) {
  const std::string_view option = count < 2 ? "" : words[1];
  if (!option.empty() && option != "--list" && option != "--serve")
    return std::fprintf(stderr, "cells: option must be --list or --serve, got '%s'\n", words[1]), 1;
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
