#pragma once
// Ready-to-run configuration: model, batch and targets, with functions for a training step and an inference pass.

#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <unroll/data/batches.hpp>
#include <unroll/models/memory.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/train/training_step.hpp>
#include <unroll/unroll.hpp>
#include <vector>

#include "configurations.hpp"

namespace bench {

using namespace unroll;

template <class Layer>
AnyLayer<float> recurrent_layer(const Configuration& c, bool every_step) {
  // The initial values of the peers. With them, gradients of long sequences decay down to subnormal numbers.
  const Initializer first = init::pytorch_rnn(c.units);
  return Layer{.units = c.units,
               .returns = every_step ? Returns::steps : Returns::last,
               .initializers = {.input_weight = first, .recurrent_weight = first, .bias = first}};
}

inline AnyLayer<float> recurrent_layer(const Configuration& c, bool every_step) {
  if (c.task == Task::peaks) return recurrent_layer<Bidirectional<Lstm>>(c, every_step);
  if (c.cell == "rnn") return recurrent_layer<Recurrent<Elman>>(c, every_step);
  if (c.cell == "gru") return recurrent_layer<Recurrent<Gru>>(c, every_step);
  return recurrent_layer<Recurrent<Lstm>>(c, every_step);
}

inline Stack<float> model_of(const Configuration& c) {
  std::vector<AnyLayer<float>> layers;
  if (c.task == Task::words)  // not sparse: the peers update all vectors at each step
    layers.push_back(Embedding{.size = c.classes, .dimension = c.inputs, .sparse = false});
  for (Index k = 0; k < c.layers; ++k) layers.push_back(recurrent_layer(c, c.per_step() || k + 1 < c.layers));
  layers.push_back(Dense{.units = c.classes});
  return {c.task == Task::words ? 1 : c.inputs, std::move(layers)};
}

/// Random inputs and targets for sequences of given lengths.
class Samples {
 public:
  Samples(const Configuration& c, std::span<const Index> lengths) : c_(c) {
    const std::vector<Index> valid = c.lengths();  // padding has no label, whether it is computed or not
    for (std::size_t b = 0; b < lengths.size(); ++b) {
      inputs_.push_back(c.task == Task::words ? words(lengths[b]) : normal(c.inputs, lengths[b]));
      if (c.task == Task::peaks) peaks_.push_back((normal(1, lengths[b]).array() > 1.28F).cast<float>());  // a tenth
      step_labels_.push_back(Labels::NullaryExpr(lengths[b], [&] { return label(); }));
      if (c.task == Task::label_per_step && b < valid.size())
        step_labels_.back().tail(std::max<Index>(0, lengths[b] - valid[b])).setConstant(-1);
      labels_.push_back(label());
    }
  }

  Dataset<float> dataset() const {
    if (c_.task == Task::peaks) return Dataset<float>::step_valued(inputs_, peaks_);
    if (c_.per_step()) return Dataset<float>::step_labelled(inputs_, step_labels_, c_.classes);
    return Dataset<float>::labelled(inputs_, labels_, c_.classes);
  }

 private:
  Index label() { return std::uniform_int_distribution<Index>(0, c_.classes - 1)(generator_); }
  MatrixX<float> normal(Index rows, Index cols) {
    std::normal_distribution<float> distribution;
    return MatrixX<float>::NullaryExpr(rows, cols, [&] { return distribution(generator_); });
  }
  MatrixX<float> words(Index count) {
    return MatrixX<float>::NullaryExpr(1, count, [&] { return float(label()); });
  }

  Configuration c_;
  std::mt19937 generator_{1};
  std::vector<MatrixX<float>> inputs_, peaks_;
  std::vector<Labels> step_labels_;
  std::vector<Index> labels_;
};

/// Training step and inference pass on a gathered batch. A training step zeroes the gradients, computes forward pass,
/// loss and backward pass, clips the gradient to global norm 5 and updates with Adam at rate 1e-3.
class Workload {
 public:
  /// A model for the inputs and targets of the configuration; sequences of the given lengths.
  Workload(const Configuration& c, Stack<float> model, std::span<const Index> lengths, int threads = 1,
           Keeping keeping = {}, Precision products = Precision::float32)
      : threads_(threads), model_(std::move(model)) {
    const Dataset<float> data = Samples(c, lengths).dataset();
    const auto samples = all_samples(data.size());
    batch_.gather(data, samples);
    // with one thread, inference computes the whole batch at once
    inference_.gather(data, samples, threads == 1 ? data.size() : 0);
    tapes_.resize(inference_.shards().size());
    weights_.products = products;
    const StepOptions options{.clip_norm = 5, .keeping = keeping, .threads = threads_, .products = products};
    if (c.task == Task::peaks)
      train_ = [step = std::make_shared<TrainingStep<Stack<float>, BinaryCrossEntropy<float>, Adam<float>>>(
                    model_, BinaryCrossEntropy<float>(), adam_, options),
                this] { step->step(batch_); };
    else
      train_ = [step = std::make_shared<TrainingStep<Stack<float>, SoftmaxCrossEntropy<float>, Adam<float>>>(
                    model_, SoftmaxCrossEntropy<float>(), adam_, options),
                this] { step->step(batch_); };
    restart();
  }
  Workload(const Configuration& c, std::span<const Index> lengths, int threads = 1, Keeping keeping = {},
           Precision products = Precision::float32)
      : Workload(c, model_of(c), lengths, threads, keeping, products) {}
  /// Full sequences.
  Workload(const Configuration& c, Stack<float> model)
      : Workload(c, std::move(model), std::vector<Index>(std::size_t(c.batch), c.steps)) {}
  /// Full sequences, or packed ones of different lengths.
  Workload(const Configuration& c, bool packed, int threads = 1, Keeping keeping = {},
           Precision products = Precision::float32)
      : Workload(c, packed ? c.lengths() : std::vector<Index>(std::size_t(c.batch), c.steps), threads, keeping,
                 products) {}

  /// Resets the parameters to their initial values, because the time of a step may depend on the progress of training.
  void restart() {
    model_.initialise(1);
    model_.prepare(weights_);
  }

  void train() { train_(); }

  void infer() {
    const auto shards = inference_.shards();
    threads_.pool().run(std::ssize(shards), [&](Index k) {
      const Batch<float>& batch = shards[std::size_t(k)];
      model_.forward(weights_, batch.x(), batch.timeline(), tapes_[std::size_t(k)], {.keeping = {Keep::nothing}});
    });
  }

  Index columns() const {
    Index columns = 0;
    for (const auto& batch : batch_.shards()) columns += batch.timeline().columns();
    return columns;
  }
  Index parts() const { return std::ssize(batch_.shards()); }
  const Stack<float>& model() const { return model_; }

 private:
  Threads threads_;
  Stack<float> model_;
  Adam<float> adam_{{.learning_rate = 1e-3}};
  ShardedBatch<float> batch_, inference_;
  Stack<float>::Weights weights_;
  std::deque<Stack<float>::Tape> tapes_;
  std::function<void()> train_;
};

}  // namespace bench
