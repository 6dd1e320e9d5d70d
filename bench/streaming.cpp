// Benchmark of one step of one sequence: one or two recurrent layers with one input and a dense layer with one output,
// float, compared with the same step in plain fixed-size Eigen and, if their sources are given by the options
// UNROLL_RTNEURAL and UNROLL_NEURAL_AUDIO of CMake, with the static layers of RTNeural and NeuralAudio. Sizes are known
// at compile time, at run time (dynamic), or layers too are chosen at run time (stack). The variants alternate; times
// are medians in nanoseconds. A ratio is the median over the rounds. Prints one JSON line per cell, layers and size:
//
//     NAME_ns      nanoseconds per step; of pair, two channels that run together, for both
//     NAME_ratio   time of block divided by that of NAME;
//                  of pair, dynamic and stack, their time divided by that of block
//     NAME_error   largest difference from the outputs of the forward pass in double precision
//
//     nice -n -20 taskset -c 1 bin/bench_streaming [ROUNDS] [CELL] [UNITS]

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unroll/infer/streaming.hpp>
#include <unroll/unroll.hpp>
#include <vector>

#include "timing.hpp"

#ifdef UNROLL_NEURAL_AUDIO
#include "peers/neural_audio.hpp"
#endif
#ifdef UNROLL_RTNEURAL
#include "peers/rtneural.hpp"
#endif

namespace {

using namespace unroll;

template <int rows, int cols = 1>
using Fixed = Eigen::Matrix<float, rows, cols>;

/// Weights of a trained model in plain Eigen: gates stacked, input weights and bias separate.
template <int units, int gates>
struct Plain {
  Fixed<gates * units, units> u;
  Fixed<gates * units> w, b;
  Fixed<units> n_b = Fixed<units>::Zero(), h = Fixed<units>::Zero(), c = Fixed<units>::Zero();
  Fixed<1, units> dense;
  float dense_b;

  template <class Model>
  void take(const Model& model, const std::array<const char*, gates>& input,
            const std::array<const char*, gates>& state) {
    const auto& p = model.parameters();
    for (int k = 0; k < gates; ++k) {
      u.template middleRows<units>(k * units) = p[text("0.", state[std::size_t(k)], ".h")];
      w.template segment<units>(k * units) = p[text("0.", input[std::size_t(k)], ".x")];
      b.template segment<units>(k * units) = p[text("0.", input[std::size_t(k)], ".b")];
    }
    dense = p["1.weight"];
    dense_b = p["1.bias"](0, 0);
  }
};

template <int units>
struct PlainLstm : Plain<units, 4> {
  explicit PlainLstm(const auto& model) { this->take(model, {"i", "f", "o", "g"}, {"i", "f", "o", "g"}); }

  EIGEN_ALWAYS_INLINE float step(float x) {
    Fixed<4 * units> a = this->w * x + this->b;
    a.noalias() += this->u * this->h;
    a.template head<3 * units>().array() = a.template head<3 * units>().array().logistic();
    const Fixed<units> g = a.template tail<units>().array().tanh();
    this->c = a.template segment<units>(units).cwiseProduct(this->c) + a.template head<units>().cwiseProduct(g);
    this->h = a.template segment<units>(2 * units).array() * this->c.array().tanh();
    return this->dense.dot(this->h) + this->dense_b;
  }

  void run(const float* x, float* y, std::size_t steps) {
    for (std::size_t t = 0; t < steps; ++t) y[t] = step(x[t]);
  }

  /// Calls add(peer) for each peer whose sources are given.
  void each_peer([[maybe_unused]] auto&& add) const {
#ifdef UNROLL_NEURAL_AUDIO
    add(std::make_shared<peers::NeuralAudioLstm<units>>(*this));
#endif
#ifdef UNROLL_RTNEURAL
    add(std::make_shared<peers::RtNeuralLstm<units>>(*this));
#endif
  }
};

template <int units>
struct PlainGru : Plain<units, 3> {
  explicit PlainGru(const auto& model) {
    this->take(model, {"r", "z", "n"}, {"r", "z", "n2"});
    this->n_b = model.parameters()["0.n2.b"];
  }

  EIGEN_ALWAYS_INLINE float step(float x) {
    Fixed<3 *units> a = this->w * x + this->b, s;
    s.noalias() = this->u * this->h;
    const Fixed<2 * units> gates = (a + s).template head<2 * units>().array().logistic();
    const Fixed<units> n = (a.template tail<units>().array() +
                            gates.template head<units>().array() * (s.template tail<units>() + this->n_b).array())
                               .tanh();
    this->h = n + gates.template tail<units>().cwiseProduct(this->h - n);
    return this->dense.dot(this->h) + this->dense_b;
  }

  void run(const float* x, float* y, std::size_t steps) {
    for (std::size_t t = 0; t < steps; ++t) y[t] = step(x[t]);
  }

  /// Calls add(peer) for each peer whose sources are given.
  void each_peer([[maybe_unused]] auto&& add) const {
#ifdef UNROLL_RTNEURAL
    add(std::make_shared<peers::RtNeuralGru<units>>(*this));
#endif
  }
};

constexpr std::size_t all_steps = 2000;
std::array<float, all_steps> signal, result, second_result;
int rounds = 101, only_units = 0;
const char* only_cell = "";
float checksum = 0;

/// One way of running all steps from `signal` to `result`.
struct Way {
  std::string name;
  std::function<void()> run;
  std::vector<double> nanoseconds = {};  // per step, by round
  double error = 0;
};

/// Alternates the ways, `rounds` times after a first run, which is compared with `expected`.
void measure(std::vector<Way>& ways, const MatrixX<double>& expected) {
  for (int round = 0; round <= rounds; ++round)
    for (Way& way : ways) {
      const double start = bench::now();
      way.run();
      if (round > 0)
        way.nanoseconds.push_back((bench::now() - start) * 1e9 / double(all_steps));
      else
        for (std::size_t t = 0; t < all_steps; ++t)
          way.error = std::max(way.error, std::abs(double(result[t]) - expected(0, Index(t))));
      checksum += result[all_steps - 1];
    }
}

double ratio(const Way& of, const Way& to) {
  std::vector<double> ratios;
  for (std::size_t k = 0; k < of.nanoseconds.size(); ++k) ratios.push_back(of.nanoseconds[k] / to.nanoseconds[k]);
  return bench::median(ratios);
}

void print(const char* cell, int layers, int units, const std::vector<Way>& ways) {
  const Way& block = *std::ranges::find(ways, "block", &Way::name);
  std::printf("{\"what\": \"streaming\", \"cell\": \"%s\", \"layers\": %d, \"units\": %d", cell, layers, units);
  for (const Way& way : ways) {
    const char* name = way.name.c_str();
    std::printf(", \"%s_ns\": %.1f, \"%s_error\": %.1e", name, bench::median(way.nanoseconds), name, way.error);
    if (&way == &block) continue;
    const bool own = way.name == "pair" || way.name == "dynamic" || way.name == "stack";
    std::printf(", \"%s_ratio\": %.3f", name, own ? ratio(way, block) : ratio(block, way));
  }
  std::printf("}\n");
  std::fflush(stdout);
}

/// Outputs of the forward pass in double precision.
template <class... Layers>
MatrixX<double> expected_of(const VectorX<float>& weights, Layers... layers) {
  Sequential<double, Layers...> model(1, layers...);
  model.parameters().values() = weights.template cast<double>();
  typename Sequential<double, Layers...>::Tape tape;
  MatrixX<double> x(1, all_steps);
  for (std::size_t t = 0; t < all_steps; ++t) x(0, Index(t)) = double(signal[t]);
  return model.forward(x, Timeline::rectangular(1, all_steps), tape);
}

/// Measures `layers` given as options; `widths` are the features of the input and the units of all layers.
template <template <int> class Reference, int units, int... widths>
void measure(const char* cell, auto... layers) {
  if ((*only_cell != 0 && std::strcmp(only_cell, cell) != 0) || (only_units > 0 && only_units != units)) return;
  Sequential model(1, layers...);
  model.initialise(1);
  const Streaming<decltype(model), widths...> fixed(model);
  const Streaming dynamic(model);
  Stack<float> chosen(1, {layers...});
  chosen.parameters().values() = model.parameters().values();
  const Streaming stack(chosen);
  auto a = fixed.stream(), b = fixed.stream(), left = fixed.stream(), right = fixed.stream();
  auto c = dynamic.stream();
  auto d = stack.stream();
  std::vector<Way> ways = {{"step",
                            [&] {
                              const FlushToZero set_by_the_caller;
                              using Input = Eigen::Matrix<float, 1, 1>;
                              for (std::size_t t = 0; t < all_steps; ++t)
                                result[t] = fixed.step(Input(signal[t]), a)[0];
                            }},
                           {"block", [&] { checksum += float(fixed.run(signal, result, b)); }},
                           {"pair",
                            [&] {
                              checksum += float(fixed.run({{signal, result, left}, {signal, second_result, right}}));
                            }},
                           {"dynamic", [&] { checksum += float(dynamic.run(signal, result, c)); }},
                           {"stack", [&] { checksum += float(stack.run(signal, result, d)); }}};
  [[maybe_unused]] const auto add = [&](const char* name, auto run) { ways.push_back({name, run}); };
  constexpr bool has_peers = sizeof...(layers) == 2;
  std::conditional_t<has_peers, std::optional<Reference<units>>, int> plain{};
  if constexpr (has_peers) {
    plain.emplace(model);
    add("eigen", [&] { plain->run(signal.data(), result.data(), all_steps); });
    plain->each_peer(
        [&](auto peer) { add(peer->name, [peer] { peer->run(signal.data(), result.data(), all_steps); }); });
  }
  measure(ways, expected_of(model.parameters().values(), layers...));
  print(cell, int(sizeof...(layers)) - 1, units, ways);
}

template <template <class, int...> class C, template <int> class Reference, int... units>
void measure_all(const char* name) {
  (measure<Reference, units, 1, units, 1>(name, Recurrent<C>{.units = units}, Dense{.units = 1}), ...);
}

template <template <class, int...> class C, template <int> class Reference, int... units>
void measure_two_layers(const char* name) {
  (measure<Reference, units, 1, units, units, 1>(name, Recurrent<C>{.units = units}, Recurrent<C>{.units = units},
                                                 Dense{.units = 1}),
   ...);
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) rounds = std::max(1, std::atoi(arguments[1]));
  if (count > 2) only_cell = arguments[2];
  if (count > 3) only_units = std::atoi(arguments[3]);
  for (std::size_t t = 0; t < all_steps; ++t) signal[t] = std::sin(0.1f * float(t));
  measure_all<Lstm, PlainLstm, 8, 12, 16, 20, 24, 32, 40, 64>("lstm");
  measure_all<Gru, PlainGru, 8, 12, 16, 20, 24, 32, 40, 64>("gru");
  measure_two_layers<Lstm, PlainLstm, 8, 16, 32>("lstm");
  measure_two_layers<Gru, PlainGru, 8, 16, 32>("gru");
  return checksum == 0.5f;  // prevents elimination of the computations
}
