// Benchmark of the convolutions of a peak finder, forward and backward pass: 4 features to 16, 12, 12, 8 and 1 units
// with kernels of 25, 15, 15, 15 and 5 taps, a batch of 4 sequences of 4000 steps. bench/convolution.py compares it
// with PyTorch.
//
//     bench_convolution             prints the median milliseconds over half a second
//     bench_convolution --serve     the same for each line on standard input

#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/models/sequential.hpp>

#include <cstdio>
#include <cstring>

#include "timing.hpp"

using namespace unroll;

namespace {

Conv1d layer(Index units, Index kernel) { return {.units = units, .kernel = kernel, .padding = same()}; }

}  // namespace

int main(int count, char** words) {
  constexpr Index features = 4, batch = 4, steps = 4000;
  Sequential model(features, layer(16, 25), layer(12, 15), layer(12, 15), layer(8, 15), layer(1, 5));
  model.initialise(1);
  const Random random(1, Purpose::data);
  const auto timeline = Timeline::rectangular(batch, steps);
  MatrixX<float> x(features, timeline.columns()), d_y(1, timeline.columns());
  for (Index k = 0; k < x.size(); ++k) x.data()[k] = float(random.normal(std::uint64_t(k)));
  for (Index k = 0; k < d_y.size(); ++k) d_y.data()[k] = float(random.normal(std::uint64_t(x.size() + k)));
  decltype(model)::Tape tape;
  auto gradient = model.parameters().zeros_like();
  const auto once = [&] {
    gradient.values().setZero();
    model.forward(x, timeline, tape);
    model.backward(tape, d_y, gradient);
  };
  const auto answer = [&] {
    std::printf("{\"what\": \"unroll\", \"cfg\": \"convolution\", \"ms\": %.4f}\n", bench::median_ms(once, 0.5));
    std::fflush(stdout);
  };
  if (count < 2 || std::strcmp(words[1], "--serve") != 0) return answer(), 0;
  for (char line[256]; std::fgets(line, sizeof line, stdin) != nullptr;) answer();
}
