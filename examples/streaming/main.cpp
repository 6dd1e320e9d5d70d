// Real-time audio: a network that imitates an overdriven amplifier, sample by sample.
// bin/streaming [--epochs 200] [--seconds 10] [--block 64] [--seed 1]     takes some seconds
// Learns the amplifier of device.hpp from pairs of input and output, then processes blocks as an audio plug-in does.
// Prints the error on new sounds and the time per step, on average and in the slowest block.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "../support/command_line.hpp"
#include "../support/program.hpp"
#include "device.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/infer/streaming.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/losses/mean_squared_error.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/train/train.hpp"

using namespace unroll;

namespace {

struct Options {
  Index epochs = 200, seconds = 10, block = 64;
  std::uint64_t seed = 1;
};

constexpr int units = 16;
using Network = Sequential<float, Recurrent<Gru>, Dense>;
using Plugin = Streaming<Network, 1, units, 1>;  // all sizes are compile-time constants

/// Training data: 64 sounds of 960 steps, 20 ms each. The first 16 steps are not scored, because the state of the
/// amplifier there would be unknown in a recording.
Dataset<float> training_data(std::uint64_t seed) {
  std::vector<MatrixX<float>> sounds, results;
  for (std::uint64_t number = 0; number < 64; ++number) {
    sounds.push_back(device::sound(seed, number, 960));
    results.push_back(device::amplified(sounds.back()));
    results.back().leftCols(16).setConstant(std::numeric_limits<float>::quiet_NaN());
  }
  return Dataset<float>::step_valued(std::move(sounds), std::move(results));
}

Network trained(const Options& options) {
  Network network(1, {.units = units}, {.units = 1});
  network.initialise(options.seed);
  Adam<float> adam({.learning_rate = 5e-3});
  fit(network, MeanSquaredError<float>(), adam, training_data(options.seed),
      {.epochs = options.epochs,
       .batches = {.size = 16},
       .seed = options.seed,
       .clip_norm = 1,
       .learning_rate = schedule::Cosine{.initial = 5e-3, .half_period = long(options.epochs), .lowest = 2e-4},
       .truncation = {.update_every = 240}});
  return network;
}

/// Measured times and errors of a run in blocks.
struct Performance {
  std::vector<double> nanoseconds;  ///< per step, of each block
  double squared_error = 0, squared_target = 0;

  double mean() const {
    double sum = 0;
    for (const double time : nanoseconds) sum += time;
    return sum / double(nanoseconds.size());
  }
};

Performance process(const Plugin& plugin, const Options& options) {
  Performance performance;
  auto stream = plugin.stream();
  const Index samples = options.seconds * Index(device::sample_rate) / options.block * options.block;
  const MatrixX<float> sound = device::sound(options.seed + 1000, 0, samples), target = device::amplified(sound);
  std::vector<float> block(std::size_t(options.block));
  for (Index t = 0; t < samples; t += options.block) {
    std::copy_n(sound.data() + t, options.block, block.begin());
    const auto start = std::chrono::steady_clock::now();
    const bool fits = plugin.run(block, block, stream);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    require<ShapeError>(fits, "the output of a block must have ", options.block, " samples, as its input");
    performance.nanoseconds.push_back(time.count() / double(options.block));
    const Eigen::Map<const MatrixX<float>> result(block.data(), 1, options.block);
    performance.squared_error += double((result - target.middleCols(t, options.block)).squaredNorm());
    performance.squared_target += double(target.middleCols(t, options.block).squaredNorm());
  }
  return performance;
}

void run(const Options& options) {
  const Network network = trained(options);
  const Plugin plugin(network);
  const Performance performance = process(plugin, options);
  const auto slowest = std::max_element(performance.nanoseconds.begin(), performance.nanoseconds.end());
  std::printf(
      "%ld s of sound in blocks of %ld samples: %.1f ns per step, %.1f ns in the slowest block; "
      "sample period %.0f ns\n",
      long(options.seconds), long(options.block), performance.mean(), *slowest, 1e9 / device::sample_rate);
  std::printf("error %.2f %% of the amplifier's output (root mean square)\n",
              100 * std::sqrt(performance.squared_error / performance.squared_target));
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("streaming", [&] {
    Options options;
    const int status = example::read_command_line(
        "streaming", "Trains a recurrent filter to imitate an amplifier and measures it in real-time blocks.", argc,
        argv,
        [&](CLI::App& app) {
          app.add_option("--epochs", options.epochs, "number of epochs")->check(example::whole(1, 100000));
          app.add_option("--seconds", options.seconds, "duration of the processed sound in seconds")
              ->check(example::whole(1, 3600));
          app.add_option("--block", options.block, "samples per block")->check(example::whole(1, 48000));
          app.add_option("--seed", options.seed, "seed of sounds and initial values");
        },
        [](const CLI::App&) {});
    if (status >= 0) return status;
    run(options);
    return 0;
  });
}
