// Benchmark of one step of one sequence: a recurrent layer with one input and a dense layer with one output, float,
// compared with the same step in plain fixed-size Eigen. Sizes are known at compile time, at run time (dynamic), or
// layers too are chosen at run time (stack). The variants alternate; times are medians in nanoseconds, `ratio` is the
// median over the rounds of step_flushing divided by eigen, `stack_ratio` that of stack divided by block. Prints one
// JSON line per cell and size.
//
//     nice -n -20 taskset -c 1 bin/bench_streaming [ROUNDS]

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <unroll/infer/streaming.hpp>
#include <unroll/unroll.hpp>
#include <vector>

namespace {

using namespace unroll;

template <int rows, int cols = 1>
using Fixed = Eigen::Matrix<float, rows, cols>;

/// Weights of a trained model in plain Eigen: gates stacked, input weights and bias separate.
template <int units, int gates>
struct Plain {
  Fixed<gates * units, units> u;
  Fixed<gates * units> w, b;
  Fixed<units> n_b, h = Fixed<units>::Zero(), c = Fixed<units>::Zero();
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
};

double nanoseconds() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2), values.end());
  return values[values.size() / 2];
}

constexpr std::size_t steps = 2000;
std::array<float, steps> signal, result;
int rounds = 101;
float checksum = 0;

/// Alternates `ways` of running all steps, `rounds` times. Returns the nanoseconds per step of each round.
template <std::size_t n>
std::array<std::vector<double>, n> times(const std::array<std::function<void()>, n>& ways) {
  std::array<std::vector<double>, n> all;
  for (int round = 0; round <= rounds; ++round)
    for (std::size_t k = 0; k < n; ++k) {
      const double start = nanoseconds();
      ways[k]();
      if (round > 0) all[k].push_back((nanoseconds() - start) / double(steps));
      checksum += result[steps - 1];
    }
  return all;
}

template <template <class, int...> class C, template <int> class Reference, int units>
void measure(const char* name) {
  Sequential model(1, Recurrent<C>{.units = units}, Dense{.units = 1});
  model.initialise(1);
  const Streaming<decltype(model), 1, units, 1> fixed(model);
  const Streaming dynamic(model);
  Stack<float> layers(1, {Recurrent<C>{.units = units}, Dense{.units = 1}});
  layers.parameters().values() = model.parameters().values();
  const Streaming stack(layers);
  auto a = fixed.stream(), b = fixed.stream();
  auto c = dynamic.stream();
  auto d = stack.stream();
  Reference<units> plain(model);
  using Input = Eigen::Matrix<float, 1, 1>;
  const auto step_by_step = [&] {
    for (std::size_t t = 0; t < steps; ++t) result[t] = fixed.step(Input(signal[t]), a)[0];
  };
  const auto all = times<6>({step_by_step,
                             [&] {
                               const FlushToZero set_by_the_caller;
                               step_by_step();
                             },
                             [&] { checksum += float(fixed.run(signal, result, b)); },
                             [&] { checksum += float(dynamic.run(signal, result, c)); },
                             [&] { checksum += float(stack.run(signal, result, d)); },
                             [&] {
                               for (std::size_t t = 0; t < steps; ++t) result[t] = plain.step(signal[t]);
                             }});
  const auto ratio = [&](std::size_t of, std::size_t to) {
    std::vector<double> ratios;
    for (std::size_t k = 0; k < all[0].size(); ++k) ratios.push_back(all[of][k] / all[to][k]);
    return median(ratios);
  };
  std::printf(
      "{\"what\": \"streaming\", \"cell\": \"%s\", \"units\": %d, \"step_ns\": %.1f, \"step_flushing_ns\": %.1f, "
      "\"block_ns\": %.1f, \"dynamic_block_ns\": %.1f, \"stack_ns\": %.1f, \"eigen_ns\": %.1f, \"ratio\": %.3f, "
      "\"stack_ratio\": %.3f}\n",
      name, units, median(all[0]), median(all[1]), median(all[2]), median(all[3]), median(all[4]), median(all[5]),
      ratio(1, 5), ratio(4, 2));
  std::fflush(stdout);
}

template <template <class, int...> class C, template <int> class Reference>
void measure_all(const char* name) {
  measure<C, Reference, 8>(name);
  measure<C, Reference, 16>(name);
  measure<C, Reference, 32>(name);
  measure<C, Reference, 64>(name);
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) rounds = std::max(1, std::atoi(arguments[1]));
  for (std::size_t t = 0; t < steps; ++t) signal[t] = std::sin(0.1f * float(t));
  measure_all<Lstm, PlainLstm>("lstm");
  measure_all<Gru, PlainGru>("gru");
  return checksum == 0.5f;  // prevents elimination of the computations
}
