// Benchmark of the element-wise part of a step, forward and backward pass: nanoseconds per unit and column for GRU and
// LSTM, float, without products. Heights that do not fill a register should cost as much per unit as the others.
//
//     nice -n -20 taskset -c 1 bin/bench_kernels [ROUNDS]
//
// Every round times all shapes; the results are medians over the rounds. Prints one JSON line per cell and shape.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/threads/flush_to_zero.hpp>
#include <vector>

#include "timing.hpp"

namespace {

using unroll::Index, unroll::MatrixX, unroll::Table;

/// Benchmark of a cell: forward passes, then backward passes of some steps, on memory that fits into the second-level
/// cache.
class Bench {
 public:
  virtual ~Bench() = default;
  virtual void round() = 0;
  virtual void print() const = 0;
};

template <class Cell>
class CellBench : public Bench {
 public:
  CellBench(Index units, Index columns)
      : cell_({.inputs = {1}, .units = units}),
        columns_(columns),
        steps_(std::max<Index>(1, 8192 / (units * columns))) {
    const Index all = steps_ * columns;
    fresh_ = MatrixX<float>::Random(cell_.layout().term_rows(), all);
    bias_ = MatrixX<float>::Random(fresh_.rows(), 1);
    for (MatrixX<float>* m : {&d_output_, &d_state_[0], &d_state_[1]})
      *m = 1e-3f * MatrixX<float>::Random(units, columns);
    for (MatrixX<float>& m : states_) m = MatrixX<float>::Random(units, all + columns);
    for (MatrixX<float>& m : extra_) m.setZero(units, all);
    terms_ = fresh_;
  }

  void round() override {
    const unroll::FlushToZero fast;
    double spent[2] = {};
    for (int call = 0; call < calls; ++call) {
      terms_ = fresh_;  // the backward pass overwrites them
      const double start = bench::now();
      for (Index t = 0; t < steps_; ++t) Kernel::forward(frame(t), cell_.units(), columns_);
      const double turned = bench::now();
      for (Index t = steps_ - 1; t >= 0; --t) Kernel::backward(frame(t), cell_.units(), columns_);
      spent[0] += turned - start, spent[1] += bench::now() - turned;
    }
    const double units = double(calls * steps_ * columns_ * cell_.units());
    forward_.push_back(1e9 * spent[0] / units), backward_.push_back(1e9 * spent[1] / units);
  }

  void print() const override {
    std::printf("{\"cell\":\"%s\",\"units\":%d,\"columns\":%d,\"lanes\":%d,\"forward_ns\":%.4f,\"backward_ns\":%.4f}\n",
                Cell::name.data(), int(cell_.units()), int(columns_), Lanes::size, bench::median(forward_),
                bench::median(backward_));
  }

 private:
  using Derivation = typename Cell::Derivation;
  using Lanes = unroll::NativeLanes<float>;
  using Kernel = unroll::detail::PassKernel<Derivation, Lanes, 0, 0>;  // these cells have one stage
  static constexpr int calls = 8;

  unroll::detail::Frame<float, Derivation> frame(Index step) {
    unroll::detail::Frame<float, Derivation> frame;
    const Index first = step * columns_;
    const auto at = [](MatrixX<float>& m, Index column) {
      return unroll::Strided<float>{m.data(), m.rows()}.from_column(column);
    };
    for (int s = 0; s < Derivation::program.states; ++s) {
      frame.before[s] = at(states_[s], first), frame.after[s] = at(states_[s], first + columns_);
      frame.d_state[s] = at(d_state_[s], 0);
    }
    for (int k = 0; k < Derivation::schedule.extras; ++k) frame.extra[k] = at(extra_[k], first);
    frame.terms = at(terms_, first);
    frame.term_row = cell_.layout().term_row();
    frame.bias = bias_.data();
    frame.d_output = at(d_output_, 0);
    return frame;
  }

  Cell cell_;
  Index columns_, steps_;
  MatrixX<float> fresh_, terms_, bias_, d_output_, d_state_[2], states_[2], extra_[2];
  std::vector<double> forward_, backward_;
};

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::unique_ptr<Bench>> shapes;
  for (const Index columns : {10, 32})
    for (const Index units : {48, 50, 64, 96, 100, 128}) {
      shapes.push_back(std::make_unique<CellBench<unroll::Gru<float>>>(units, columns));
      shapes.push_back(std::make_unique<CellBench<unroll::Lstm<float>>>(units, columns));
    }
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 200;
  for (int k = 0; k < rounds; ++k)
    for (const auto& shape : shapes) shape->round();
  for (const auto& shape : shapes) shape->print();
}
