// Times training steps of the configurations that PyTorch is timed on: zero the gradient, forward, loss, backward, clip
// to global norm 5, Adam 1e-3, float. Prints one JSON line per configuration.
//
//     taskset -c 0 ./training_step [NAME...] [--quick]     NAME is part of a configuration's name; all without one.
//                                                          --quick: training of full sequences only

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <string_view>
#include <unroll/unroll.hpp>
#include <vector>

namespace {

using namespace unroll;

struct Configuration {
  const char* name;
  Index batch, steps, inputs, units, classes;
  bool label_per_step;
};

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

Matrix<float> normal(Index rows, Index cols, std::mt19937& generator) {
  std::normal_distribution<float> distribution;
  return Matrix<float>::NullaryExpr(rows, cols, [&] { return distribution(generator); });
}

Timeline lengths_of(const Configuration& c, bool packed, std::mt19937& generator) {
  std::uniform_int_distribution<Index> distribution(c.steps / 2, c.steps);
  std::vector<Index> lengths(std::size_t(c.batch), c.steps);
  if (packed)
    for (std::size_t b = 1; b < lengths.size(); ++b) lengths[b] = distribution(generator);
  return Timeline::from_lengths(lengths);
}

/// Median milliseconds of a call: at least 7 repeats of at least 50 ms each.
template <class F>
double median_ms(F&& f) {
  f();
  double once = seconds();
  f();
  once = seconds() - once;
  const int calls = std::max(1, int(0.05 / once) + 1);
  std::vector<double> times(7);
  for (double& time : times) {
    const double start = seconds();
    for (int k = 0; k < calls; ++k) f();
    time = (seconds() - start) / calls;
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2] * 1e3;
}

bool quick = false;

void print(const Configuration& c, const char* cell, const char* mode, double ms) {
  std::printf("{\"what\": \"unroll\", \"cfg\": \"%s/%s\", \"mode\": \"%s\", \"threads\": 1, \"ms\": %.4f}\n", c.name,
              cell, mode, ms);
  std::fflush(stdout);
}

template <class Model>
void measure(const Configuration& c, const char* cell, Model model, bool packed) {
  std::mt19937 generator(1);
  const Timeline timeline = lengths_of(c, packed, generator);
  const Matrix<float> x = normal(c.inputs, timeline.columns(), generator);
  std::uniform_int_distribution<Index> any(0, c.classes - 1);
  const Labels labels =
      Labels::NullaryExpr(model.per_step() ? timeline.columns() : timeline.batch(), [&] { return any(generator); });

  model.initialise(1);
  Parameters<float> gradient = model.parameters().zeros_like();
  typename Model::Tape tape;
  const SoftmaxCrossEntropy<float> loss;
  Adam<float> adam({.learning_rate = 1e-3});
  Matrix<float> d_output(c.classes, labels.size());
  const double ms = median_ms([&] {
    gradient.values().setZero();
    const auto output = model.forward(x, timeline, tape, {.training = true});
    loss(output, labels, d_output);
    model.backward(tape, d_output, gradient);
    clip_by_global_norm(gradient.values(), 5.0);
    adam.step(model.parameters().values(), gradient.values());
  });
  print(c, cell, packed ? "train_packed" : "train", ms);
  if (quick) return;
  print(c, cell, packed ? "infer_packed" : "infer", median_ms([&] { model.forward(x, timeline, tape); }));
}

template <template <class> class C>
void measure_cell(const Configuration& c, const char* cell) {
  for (const bool packed : {false, true}) {
    if (packed && quick) return;
    if (c.label_per_step)
      measure(c, cell, Sequential(c.inputs, Recurrent<C<float>>{.units = c.units}, Dense<float>{.units = c.classes}),
              packed);
    else
      measure(c, cell,
              Sequential(c.inputs, Recurrent<C<float>>{.units = c.units}, LastStep<float>{},
                         Dense<float>{.units = c.classes}),
              packed);
  }
}

template <class S>
using Rnn = Elman<S>;
template <class S>
using PlainLstm = Lstm<S>;
template <class S>
using PlainGru = Gru<S>;

}  // namespace

int main(int count, char** names) {
  if (count > 1 && std::string_view(names[count - 1]) == "--quick") quick = true, --count;
  const auto wanted = [&](const std::string& name) {
    return count == 1 ||
           std::any_of(names + 1, names + count, [&](const char* part) { return name.find(part) != name.npos; });
  };
  const Configuration configurations[] = {
      {"har10_H50", 10, 150, 3, 50, 6, false},   {"har30_H100", 30, 150, 3, 100, 6, false},
      {"hcp_H32", 32, 90, 300, 32, 15, true},    {"hcp_H128", 32, 90, 300, 128, 15, true},
      {"gen_H128", 32, 100, 64, 128, 10, false},
  };
  for (const Configuration& c : configurations) {
    if (wanted(std::string(c.name) + "/rnn")) measure_cell<Rnn>(c, "rnn");
    if (wanted(std::string(c.name) + "/lstm")) measure_cell<PlainLstm>(c, "lstm");
    if (wanted(std::string(c.name) + "/gru")) measure_cell<PlainGru>(c, "gru");
  }
}
