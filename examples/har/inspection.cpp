#include "inspection.hpp"

#include <algorithm>

#include "unroll/report/model_figures.hpp"
#include "unroll/train/evaluate.hpp"

namespace har {

using namespace unroll;

namespace {

double accuracy_after(const Network& network, const Data& data, Index steps) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> labels;
  for (Index s = 0; s < data.test.size(); ++s) {
    sequences.push_back(data.test.sequence(s).leftCols(std::min(steps, data.test.length(s))));
    labels.push_back(data.test.labels(s)[0]);
  }
  Accuracy accuracy;
  const auto scores = predict(network, Dataset<float>::labelled(std::move(sequences), labels, data.test.classes()));
  for (std::size_t s = 0; s < scores.size(); ++s) accuracy.add(scores[s].rightCols(1), data.test.labels(Index(s)));
  return accuracy.value();
}

/// Number of steps grows geometrically, because accuracy changes mostly at the beginning.
void add_accuracy(const Network& network, const Data& data, Inspection& seen) {
  Index longest = 0;
  for (Index s = 0; s < data.test.size(); ++s) longest = std::max(longest, data.test.length(s));
  for (Index steps = 1; steps < longest; steps += 1 + steps / 4) seen.steps.push_back(double(steps));
  seen.steps.push_back(double(longest));
  for (const double steps : seen.steps) seen.accuracy.push_back(accuracy_after(network, data, Index(steps)));
}

/// Outputs of the last recurrent layer at every step, from a network with the same parameters that does not pool.
void add_state(const Network& network, const Options& options, const Data& data, Inspection& seen) {
  Options every = options;
  every.every_step = true;
  Network unpooled = make_network(every, network.features(), network.outputs());
  unpooled.parameters().values() = network.parameters().values();
  const MatrixX<float>& x = data.test.sequence(0);
  const Timeline timeline = Timeline::rectangular(1, x.cols());
  Network::Tape tape;
  unpooled.forward(x, timeline, tape);
  seen.state = tape.in[tape.in.size() - 2].values.cast<double>();
  seen.sequence = data.classes[std::size_t(data.test.labels(0)[0])];
}

void add_gradient(const Network& network, const Data& data, const ClassLoss& loss, Inspection& seen) {
  std::vector<Index> some;
  for (Index s = 0; s < data.test.size() && some.size() < 30; ++s)
    if (data.test.length(s) == data.test.length(0)) some.push_back(s);
  Batch<float> batch;
  batch.gather(data.test, some);
  const MatrixX<float> x = batch.x();
  seen.gradient = gradient_flow(network, x, batch.timeline(), [&](const ConstView<float>& output) {
    // for a network with outputs at every step, only the last outputs count
    MatrixX<float> d_output = MatrixX<float>::Zero(output.rows(), output.cols());
    const Index count = batch.timeline().batch();
    const Labels labels = batch.labels(0, count);
    loss(output.rightCols(count), labels, d_output.rightCols(count), {}, loss.count(labels));
    return d_output;
  });
}

}  // namespace

std::vector<WeightMatrix> weights_of(const Network& network, const std::vector<std::string>& channels,
                                     const std::vector<std::string>& classes) {
  std::vector<WeightMatrix> all;
  for (const ParameterBlock& block : network.parameters().table().blocks()) {
    if (block.role == Role::bias) continue;
    const bool recurrent = block.role == Role::recurrent_weight, first = block.name.starts_with("0.") && !recurrent,
               last = block.name == text(network.depth() - 1, ".weight");
    all.push_back({block.name, last ? "class" : "unit",
                   first       ? "channel"
                   : recurrent ? "unit of the previous state"
                               : "output of the layer below",
                   last ? classes : std::vector<std::string>(), first ? channels : std::vector<std::string>(),
                   network.parameters()[block.name].cast<double>()});
  }
  return all;
}

Inspection inspect(const Network& network, const Options& options, const Data& data) {
  Inspection seen;
  add_accuracy(network, data, seen);
  add_state(network, options, data, seen);
  add_gradient(network, data, loss_of(options, data.test.classes()), seen);
  seen.weights = weights_of(network, data.channels, data.classes);
  return seen;
}

}  // namespace har
