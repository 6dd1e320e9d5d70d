// Checksums of what has the same bits on every processor, compiler and set of options: random numbers, initial weights,
// shuffles, dropout masks. They are compared with expected.txt.

#include <cstdio>
#include <cstring>
#include <string>
#include <type_traits>
#include <unroll/attention/luong.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/data/batches.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/models/seq2seq.hpp>
#include <unroll/models/sequential.hpp>

namespace {

using namespace unroll;

constexpr std::uint64_t seed = 42;

/// FNV-1a hash of the bits of numbers.
class Checksum {
 public:
  template <class Number>
  void add(Number number) {
    static_assert(std::is_arithmetic_v<Number>);
    unsigned char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    for (const unsigned char byte : bytes) sum_ = (sum_ ^ byte) * 0x100000001b3u;
  }
  template <class Numbers>
  void add_all(const Numbers& numbers) {
    for (const auto number : numbers) add(number);
  }
  void print(const std::string& name) const {
    std::printf("%016llx %s\n", static_cast<unsigned long long>(sum_), name.c_str());
  }

 private:
  std::uint64_t sum_ = 0xcbf29ce484222325u;
};

/// Prints the checksum of f(i) for i < 10,000.
template <class F>
void print_drawn(const std::string& name, F&& f) {
  Checksum sum;
  for (std::uint64_t i = 0; i < 10000; ++i) sum.add(f(i));
  sum.print(name);
}

void random_numbers() {
  const Random random(seed, Purpose::noise, 3, 7);
  print_drawn("random bits", [&](auto i) { return random.bits(i); });
  print_drawn("uniform numbers", [&](auto i) { return random.uniform(i); });
  print_drawn("normal numbers", [&](auto i) { return random.normal(i); });
  print_drawn("numbers below 1000", [&](auto i) { return std::int64_t(random.below(i, 1000)); });
  print_drawn("draws with probability 0.3", [&](auto i) { return random.bernoulli(i, 0.3); });
  Checksum order;
  order.add_all(permutation(10000, random));
  order.print("a permutation");
}

template <class S>
void rules(const std::string& type) {
  const std::pair<const char*, Initializer> all[] = {
      {"uniform", init::uniform(-0.3, 0.7)},
      {"normal", init::normal(0.3, 0.1)},
      {"truncated normal", init::truncated_normal(0.1, 0.2)},
      {"Glorot uniform", init::glorot_uniform()},
      {"Glorot normal", init::glorot_normal()},
      {"He uniform", init::he_uniform()},
      {"He normal", init::he_normal()},
      {"LeCun uniform", init::lecun_uniform()},
      {"LeCun normal", init::lecun_normal()},
      {"PyTorch's linear", init::pytorch_linear()},
      {"PyTorch's recurrent", init::pytorch_rnn(37)},
      {"chrono, forget gate", init::chrono_forget(50)},
      {"chrono, input gate", init::chrono_input(50)},
      {"orthogonal, tall", init::orthogonal(1.3)},
  };
  for (const auto& [name, rule] : all) {
    MatrixX<S> block(53, 37);
    rule.fill(block, Random(seed, Purpose::initialise, 5));
    Checksum sum;
    sum.add_all(block.reshaped());
    sum.print(type + " first values: " + name);
  }
  MatrixX<S> wide(29, 61);
  init::orthogonal().fill(wide, Random(seed, Purpose::initialise, 6));
  Checksum sum;
  sum.add_all(wide.reshaped());
  sum.print(type + " first values: orthogonal, wide");
}

template <class Model>
void print_first_weights(const std::string& name, Model model) {
  model.initialise(seed);
  Checksum sum;
  sum.add_all(model.parameters().values());
  sum.print(name);
}

template <class S>
void models(const std::string& type) {
  print_first_weights(type + " first weights: convolution, LSTM in both directions, GRU, dense",
                      sequential<S>(3, Conv1d{.units = 7, .kernel = 5}, Bidirectional<Lstm>{.units = 19},
                                    Recurrent<Gru>{.units = 33}, Dense{.units = 5}));
  auto encoder = sequential<S>(1, Embedding{.size = 11, .dimension = 9}, Recurrent<Gru>{.units = 13});
  print_first_weights(
      type + " first weights: encoder and decoder with attention",
      Seq2Seq<decltype(encoder), LuongGru<S>>(encoder, {.vocabulary = 12, .embedding = 10, .units = 13}));
}

void shuffles() {
  const std::vector<Index> samples = all_samples(500);
  const auto length = [](Index sample) { return 1 + sample * 37 % 101; };
  for (const bool by_length : {false, true}) {
    Checksum sum;
    Batches batches;
    for (Index epoch = 0; epoch < 3; ++epoch) {
      batches.plan(samples, length, {.size = 16, .by_length = by_length, .pool = 64}, seed, epoch);
      for (Index b = 0; b < batches.count(); ++b) sum.add_all(batches.batch(b));
    }
    sum.print(by_length ? "batches by length, three epochs" : "batches, three epochs");
  }
}

void dropout() {
  Sequential model(8, Dropout{.rate = 0.2});
  const Timeline timeline = Timeline::from_lengths({5, 9, 0, 2});
  const MatrixX<float> ones = MatrixX<float>::Ones(8, timeline.columns());
  decltype(model)::Tape tape;
  Checksum sum;
  for (std::uint64_t update = 0; update < 3; ++update) {
    const MatrixX<float> kept = model.forward(ones, timeline, tape, {.training = true, .seed = seed, .update = update});
    for (const float x : kept.reshaped()) sum.add(x != 0);
  }
  sum.print("masks of dropout, three updates");
}

}  // namespace

int main() {
  random_numbers();
  rules<float>("float");
  rules<double>("double");
  models<float>("float");
  models<double>("double");
  shuffles();
  dropout();
}
