#pragma once
// A configuration made ready to run: model, batch and targets, and one step of training or one pass of inference on
// them.

#include <cmath>
#include <random>
#include <unroll/layers/stack.hpp>
#include <unroll/unroll.hpp>
#include <vector>

#include "configurations.hpp"

namespace bench {

using namespace unroll;

template <class Layer>
AnyLayer<float> recurrent_layer(const Configuration& c, bool every_step) {
  // As the peers do: gradients then fade through time, down to subnormal numbers in long sequences.
  const Initializer first = init::pytorch_rnn(c.units);
  return Layer{.units = c.units,
               .returns = every_step ? Returns::steps : Returns::last,
               .first_values = {.input_weight = first, .recurrent_weight = first, .bias = first}};
}

inline AnyLayer<float> recurrent_layer(const Configuration& c, bool every_step) {
  if (c.task == Task::peaks) return recurrent_layer<Bidirectional<Lstm<float>>>(c, every_step);
  if (c.cell == "rnn") return recurrent_layer<Recurrent<Elman<float>>>(c, every_step);
  if (c.cell == "gru") return recurrent_layer<Recurrent<Gru<float>>>(c, every_step);
  return recurrent_layer<Recurrent<Lstm<float>>>(c, every_step);
}

inline Stack<float> model_of(const Configuration& c) {
  std::vector<AnyLayer<float>> layers;
  for (Index k = 0; k < c.layers; ++k) layers.push_back(recurrent_layer(c, c.per_step() || k + 1 < c.layers));
  layers.push_back(Dense<float>{.units = c.classes});
  return {c.inputs, std::move(layers)};
}

/// A training step is: zero the gradients, forward, loss, backward, clip to global norm 5, Adam 1e-3.
class Workload {
 public:
  Workload(const Configuration& c, Timeline timeline)
      : c_(c), timeline_(std::move(timeline)), model_(model_of(c)), gradient_(model_.parameters().zeros_like()) {
    restart();
    make_inputs();
    make_targets();
  }
  /// Full sequences, or packed ones of different lengths.
  Workload(const Configuration& c, bool packed)
      : Workload(c, packed ? Timeline::from_lengths(c.lengths()) : Timeline::rectangular(c.batch, c.steps)) {}

  /// First values of all parameters again: what a step costs may depend on how far training has come.
  void restart() { model_.initialise(1); }

  void train() {
    embed();
    gradient_.values().setZero();
    const ConstView<float> output = model_.forward(x_, timeline_, tape_, {.training = true});
    d_output_.resize(output.rows(), output.cols());
    if (c_.task == Task::peaks)
      BinaryCrossEntropy<float>()(output, peaks_, d_output_);
    else
      SoftmaxCrossEntropy<float>()(output, labels_, d_output_);
    model_.backward(tape_, d_output_, gradient_, c_.task == Task::words ? &d_x_ : nullptr);
    if (c_.task == Task::words)
      update_with_embedding();
    else
      update();
  }

  void infer() {
    embed();
    model_.forward(x_, timeline_, tape_);
  }

  const Timeline& timeline() const { return timeline_; }
  const Stack<float>& model() const { return model_; }

 private:
  void make_inputs() {
    if (c_.task == Task::words) {
      words_ = random_labels(timeline_.columns());
      embedding_ = normal(c_.inputs, c_.classes);
      x_.resize(c_.inputs, timeline_.columns());
    } else {
      x_ = normal(c_.inputs, timeline_.columns());
    }
  }

  void make_targets() {
    if (c_.task == Task::peaks)
      peaks_ = (normal(1, timeline_.columns()).array() > 1.28F).cast<float>();  // a tenth
    else
      labels_ = random_labels(c_.per_step() ? timeline_.columns() : timeline_.batch());
    if (c_.task != Task::label_per_step) return;
    const std::vector<Index> lengths = c_.lengths();  // computed or not, padding has no label
    for (Index column = 0; column < timeline_.columns(); ++column)
      if (timeline_.step_of(column) >= lengths[std::size_t(timeline_.sample_of(column))]) labels_[column] = -1;
  }

  Matrix<float> normal(Index rows, Index cols) {
    std::normal_distribution<float> distribution;
    return Matrix<float>::NullaryExpr(rows, cols, [&] { return distribution(generator_); });
  }
  Labels random_labels(Index count) {
    std::uniform_int_distribution<Index> any(0, c_.classes - 1);
    return Labels::NullaryExpr(count, [&] { return any(generator_); });
  }

  void embed() {
    for (Index k = 0; k < words_.size(); ++k) x_.col(k) = embedding_.col(words_[k]);
  }

  void update() {
    clip_by_global_norm(gradient_.values(), max_norm);
    adam_.step(model_.parameters().values(), gradient_.values());
  }

  /// The rows of all words are parameters too: the same norm counts for them, and Adam moves each of them in every
  /// step.
  void update_with_embedding() {
    d_embedding_.setZero(embedding_.rows(), embedding_.cols());
    for (Index k = 0; k < words_.size(); ++k) d_embedding_.col(words_[k]) += d_x_.col(k);
    const double norm = std::hypot(global_norm(gradient_.values()), global_norm(d_embedding_)) + 1e-6;
    if (norm > max_norm) gradient_.values() *= float(max_norm / norm), d_embedding_ *= float(max_norm / norm);
    adam_.step(model_.parameters().values(), gradient_.values());
    adam_of_embedding_.step(embedding_.reshaped(), d_embedding_.reshaped());
  }

  static constexpr double max_norm = 5;

  Configuration c_;
  std::mt19937 generator_{1};
  Timeline timeline_;
  Stack<float> model_;
  Parameters<float> gradient_;
  Stack<float>::Tape tape_;
  Adam<float> adam_{{.learning_rate = 1e-3}}, adam_of_embedding_{{.learning_rate = 1e-3}};
  Matrix<float> x_, d_x_, d_output_, embedding_, d_embedding_, peaks_;
  Labels words_, labels_;
};

}  // namespace bench
