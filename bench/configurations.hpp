#pragma once
// Configurations for the comparison with peers: small networks on sensor data, general ones, language models, and peak
// finding in long recordings.

#include <random>
#include <stdexcept>
#include <string>
#include <unroll/core/types.hpp>
#include <vector>

namespace bench {

using unroll::Index;

enum class Task {
  label_at_end,    ///< one label per sequence
  label_per_step,  ///< one label per valid step, also if the padding is computed
  words,           ///< next-word prediction: an embedding before the network, `classes` words
  peaks,           ///< binary label per step, bidirectional network
};

inline const char* text(Task task) {
  const char* const names[] = {"label_at_end", "label_per_step", "words", "peaks"};
  return names[int(task)];
}

struct Configuration {
  std::string group, cell;
  Index batch, steps, inputs, units, layers, classes;
  Task task;

  std::string name() const { return group + "/" + cell; }
  Index gates() const { return cell == "rnn" ? 1 : cell == "gru" ? 3 : 4; }
  Index directions() const { return task == Task::peaks ? 2 : 1; }
  bool per_step() const { return task != Task::label_at_end; }

  /// Floating-point operations of the matrix products in one forward pass over full sequences.
  double forward_flops() const {
    const Index recurrent = directions() * gates() * units, sequences = per_step() ? batch * steps : batch;
    const Index step = recurrent * (inputs + units) + (layers - 1) * recurrent * (directions() * units + units);
    return 2. * (double(batch * steps) * double(step) + double(sequences) * double(directions() * units * classes));
  }
  /// Operations of a training step, three times those of a forward pass; the rates of the peers are based on it. It
  /// includes unneeded_training_flops(): the gradient of the first layer's input, which is not needed unless an
  /// embedding computes that input.
  double training_flops() const { return 3 * forward_flops(); }
  double unneeded_training_flops() const {
    return task == Task::words ? 0 : 2. * double(batch * steps) * double(directions() * gates() * units * inputs);
  }

  /// Lengths of the sequences of a packed batch: from half of the steps to all; the first sequence has all.
  std::vector<Index> lengths() const {
    std::mt19937 generator(1);
    std::vector<Index> all(std::size_t(batch), steps);
    for (std::size_t b = 1; b < all.size(); ++b) all[b] = steps / 2 + Index(generator()) % (steps - steps / 2 + 1);
    return all;
  }
};

inline std::vector<Configuration> configurations() {
  using enum Task;
  return {
      {"har10_H50", "rnn", 10, 150, 3, 50, 1, 6, label_at_end},
      {"har10_H50", "lstm", 10, 150, 3, 50, 1, 6, label_at_end},
      {"har10_H50", "gru", 10, 150, 3, 50, 1, 6, label_at_end},
      {"har30_H100", "rnn", 30, 150, 3, 100, 1, 6, label_at_end},
      {"hcp_H32", "gru", 32, 90, 300, 32, 1, 15, label_per_step},
      {"hcp_H32", "lstm", 32, 90, 300, 32, 1, 15, label_per_step},
      {"hcp_H32", "rnn", 32, 90, 300, 32, 1, 15, label_per_step},
      {"hcp_H128", "gru", 32, 90, 300, 128, 1, 15, label_per_step},
      {"gen_H128", "lstm", 32, 100, 64, 128, 1, 10, label_at_end},
      {"gen_H128", "gru", 32, 100, 64, 128, 1, 10, label_at_end},
      {"gen_H128", "rnn", 32, 100, 64, 128, 1, 10, label_at_end},
      {"gen_H256x2", "lstm", 64, 100, 128, 256, 2, 10, label_at_end},
      {"gen_H256x2", "gru", 64, 100, 128, 256, 2, 10, label_at_end},
      {"gen_H512", "lstm", 128, 128, 256, 512, 1, 10, label_at_end},
      {"gen_H512", "gru", 128, 128, 256, 512, 1, 10, label_at_end},
      {"lm_zaremba", "lstm", 20, 35, 200, 200, 2, 10000, words},
      {"lm_gru128", "gru", 32, 20, 128, 128, 1, 8000, words},
      {"peaks_4x4000", "lstm", 4, 4000, 4, 96, 2, 1, peaks},
      {"peaks_16x1000", "lstm", 16, 1000, 4, 96, 2, 1, peaks},
  };
}

inline Configuration configuration(const std::string& name) {
  for (const Configuration& c : configurations())
    if (c.name() == name) return c;
  throw std::invalid_argument("configuration must be one of bench_training_step --list, got '" + name + "'");
}

}  // namespace bench
