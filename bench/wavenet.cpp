// Benchmark of a causal stack of dilated convolutions, step by step in blocks: the WaveNet of Neural Amp Modeler with
// two arrays of ten layers, 16 and 8 channels, kernels of 3 taps and dilations of 1 to 512. Compared with the same
// network of NeuralAudio if its sources are given by the option UNROLL_NEURAL_AUDIO of CMake. Both alternate; times are
// medians in nanoseconds per step. Prints one JSON line per length of the blocks.
//
//     nice -n -20 taskset -c 1 bin/bench_wavenet [ROUNDS]

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <unroll/infer/streaming.hpp>
#include <unroll/layers/activation.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/models/stack.hpp>
#include <vector>

#include "timing.hpp"

#ifdef UNROLL_NEURAL_AUDIO
#include <NeuralAudio/WaveNet.h>
#endif

namespace {

using namespace unroll;

constexpr int layers = 10, taps = 3, steps = 4096;
constexpr Index channels[] = {16, 8}, heads[] = {8, 1};

/// The network, and its weights in the order of a .nam file.
struct Network {
  Graph<float> graph;
  std::vector<std::string> order = {};  // names of parameters

  using Node = Graph<float>::Node;
  Node add(const auto& options, Node in, bool biased) {
    const Node node = graph.add(options, in);
    names(node, biased);
    return node;
  }
  void names(Node node, bool biased) {
    order.push_back(text(node.number, ".weight"));
    if (biased) order.push_back(text(node.number, ".bias"));
  }

  Network() {
    const Node x = graph.input();
    Node to_array = x, head = x;
    for (const int array : {0, 1}) {
      const Index width = channels[array];
      Node h = add(Dense{.units = width, .biased = false}, to_array, false);
      std::vector<Node> outputs;
      if (array > 0) outputs.push_back(head);
      for (int layer = 0; layer < layers; ++layer) {
        const Node conv =
            add(Conv1d{.units = width, .kernel = taps, .dilation = Index(1) << layer, .padding = causal()}, h, true);
        const Node mixed = add(Dense{.units = width, .biased = false}, x, false);
        outputs.push_back(graph.add(Activate<Tanh>{}, graph.sum({conv, mixed})));
        if (array == 1 && layer + 1 == layers) {  // NeuralAudio computes it, nothing reads it
          order.push_back("");
          continue;
        }
        h = graph.sum({h, add(Dense{.units = width}, outputs.back(), true)});
      }
      to_array = h;
      head = add(Dense{.units = heads[array], .biased = array == 1}, graph.merge(Merge::sum, outputs), array == 1);
    }
  }
};

#ifdef UNROLL_NEURAL_AUDIO
/// Weights in the order of a .nam file: of a convolution unit by unit, then feature by feature, then tap by tap.
std::vector<float> weights_of(const Stack<float>& model, const Network& network) {
  std::vector<float> all;
  for (const std::string& name : network.order)
    if (name.empty()) {
      all.resize(all.size() + std::size_t(channels[1] * (channels[1] + 1)));
    } else {
      const auto block = model.parameters()["0." + name];
      const Index kernel = block.cols() == taps * block.rows() ? taps : 1, features = block.cols() / kernel;
      for (Index row = 0; row < block.rows(); ++row)
        for (Index column = 0; column < features; ++column)
          for (Index tap = 0; tap < kernel; ++tap) all.push_back(block(row, tap * features + column));
    }
  all.push_back(1);  // factor of the output
  return all;
}

using Ones = NeuralAudio::Dilations<1, 2, 4, 8, 16, 32, 64, 128, 256, 512>;
using Peer = NeuralAudio::WaveNetModel<NeuralAudio::WaveNetLayerArray<1, 1, 8, 16, taps, Ones, false>,
                                       NeuralAudio::WaveNetLayerArray<16, 1, 1, 8, taps, Ones, true>>;
#endif

void measure(const Streaming<Stack<float>>& player, auto&& peer, Index block, int rounds) {
  auto stream = player.stream();
  std::vector<float> x(steps), ours(steps), theirs(steps);
  for (std::size_t t = 0; t < steps; ++t) x[t] = std::sin(0.1f * float(t)) * std::sin(0.003f * float(t));
  std::vector<double> our_times, their_times, ratios;
  double difference = 0;
  for (int round = 0; round <= rounds; ++round) {
    const double start = bench::now();
    for (std::size_t t = 0; t < steps; t += std::size_t(block))
      (void)player.run({x.data() + t, std::size_t(block)}, {ours.data() + t, std::size_t(block)}, stream);
    const double middle = bench::now();
    for (std::size_t t = 0; t < steps; t += std::size_t(block)) peer(x.data() + t, theirs.data() + t, int(block));
    const double end = bench::now();
    if (round == 0) continue;
    for (std::size_t t = 0; t < steps; ++t) difference = std::max(difference, std::abs(double(ours[t] - theirs[t])));
    our_times.push_back((middle - start) * 1e9 / steps), their_times.push_back((end - middle) * 1e9 / steps);
    ratios.push_back(our_times.back() / their_times.back());
  }
  std::printf("{\"what\": \"wavenet\", \"block\": %d, \"block_ns\": %.1f", int(block), bench::median(our_times));
#ifdef UNROLL_NEURAL_AUDIO
  std::printf(", \"neural_audio_ns\": %.1f, \"neural_audio_ratio\": %.3f, \"difference\": %.1e",
              bench::median(their_times), bench::median(ratios), difference);
#endif
  std::printf("}\n");
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::max(1, std::atoi(arguments[1])) : 21;
  const Network network;
  Stack<float> model(1, {network.graph});
  model.initialise(1);
  const Streaming player(model);
#ifdef UNROLL_NEURAL_AUDIO
  for (const Index block : {16, 64}) {
    const auto peer = std::make_unique<Peer>();
    peer->SetWeights(weights_of(model, network));
    measure(
        player, [&](const float* x, float* y, int n) { peer->Process(x, y, n); }, block, rounds);
  }
#else
  for (const Index block : {16, 64})
    measure(
        player, [](auto...) {}, block, rounds);
#endif
}
