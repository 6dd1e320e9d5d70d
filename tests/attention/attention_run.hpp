#pragma once
// Test fixture: a cell with a memory over time. One vector holds all variables of its loss.

#include <unroll/attention/bahdanau.hpp>
#include <unroll/attention/luong.hpp>
#include <unroll/check/gradient.hpp>
#include <unroll/engine/over_time.hpp>

#include "support/catch.hpp"

namespace attention_run {

using namespace unroll;

inline MatrixX<double> noise(Index rows, Index cols, std::uint64_t seed = 1) {
  MatrixX<double> m(rows, cols);
  const Random random(seed, Purpose::sample);
  for (Index k = 0; k < m.size(); ++k) m.data()[k] = random.normal(std::uint64_t(k));
  return m;
}

struct Setting {
  std::vector<Index> lengths, memory_lengths;
  std::vector<Index> source = {};
  bool own_keys = false, causal = false;
  Keeping keeping = {};
  Direction direction = Direction::forward;
};

/// Attention cell over a timeline. `variables` holds parameters, inputs, memory and initial states; `gradient` has the
/// same layout.
template <class C>
class AttentionRun {
 public:
  AttentionRun(const CellSizes& sizes, const Setting& given)
      : cell(sizes),
        setting(given),
        timeline(Timeline::from_lengths(setting.lengths)),
        memory_timeline(Timeline::from_lengths(setting.memory_lengths)) {
    keys_rows_ = sizes.keys > 0 ? sizes.keys : sizes.memory;
    Index size = cell.parameters().size();
    const auto take = [&](Index rows, Index cols) {
      places_.push_back({size, rows, cols});
      size += rows * cols;
    };
    take(cell.input_rows(0), timeline.columns());
    take(sizes.memory, memory_timeline.columns());
    take(setting.own_keys ? keys_rows_ : 0, memory_timeline.columns());
    for (int s = 0; s < C::states; ++s) take(cell.state_rows(s), timeline.batch());
    variables = 0.7 * noise(size, 1);
    gradient = VectorX<double>::Zero(size);
    weight_ = noise(cell.output_rows(), timeline.columns(), 2);
    for (int s = 0; s < C::states; ++s)
      final_weight_.push_back(noise(cell.state_rows(s), timeline.batch(), 3 + std::uint64_t(s)));
  }

  /// Forward pass. Returns the loss: a weighted sum of output and final states, with random weights.
  double forward() {
    const auto x = part(0), values = part(1), keys = part(2);
    const auto given = memory(values, keys);
    State<double> initial;
    for (int s = 0; s < C::states; ++s) initial.push_back(part(3 + s));
    auto run = over_time();
    run.forward({{&x, 1}, {}, &given}, initial, setting.keeping);
    output = run.output();
    State<double> final_state(C::states);
    run.final_state(final_state);
    double loss = output.cwiseProduct(weight_).sum();
    for (int s = 0; s < C::states; ++s)
      loss += final_state[std::size_t(s)].cwiseProduct(final_weight_[std::size_t(s)]).sum();
    return loss;
  }

  void backward() {
    const auto x = part(0), values = part(1), keys = part(2);
    const auto given = memory(values, keys);
    auto d_x = d_part(0), d_values = d_part(1), d_keys = d_part(2);
    std::vector<MatrixX<double>> d_initial(C::states);
    over_time().backward({{&x, 1}, {}, &given}, view(std::as_const(weight_)), final_weight_, gradient.data(),
                         {{&d_x, 1}, {}, {d_values, d_keys}}, d_initial);
    for (int s = 0; s < C::states; ++s) d_part(3 + s) = d_initial[std::size_t(s)];
  }

  GradientReport check() {
    forward();
    backward();
    return check_gradient([&] { return forward(); }, variables, gradient, [&](Index k) { return name(k); });
  }

  OverTime<C> over_time() { return {cell, timeline, setting.direction, tape, variables.data()}; }
  Tape<C>& the_tape() { return tape; }

  ConstView<double> part(int k) const {
    const auto& p = places_[std::size_t(k)];
    return {p.rows == 0 ? nullptr : variables.data() + p.offset, p.rows, p.cols, Eigen::OuterStride<>(p.rows)};
  }
  View<double> d_part(int k) {
    const auto& p = places_[std::size_t(k)];
    return {p.rows == 0 ? nullptr : gradient.data() + p.offset, p.rows, p.cols, Eigen::OuterStride<>(p.rows)};
  }
  AttentionMemory<double> memory(const ConstView<double>& values, const ConstView<double>& keys) const {
    return {values, &memory_timeline, keys, setting.source, setting.causal};
  }

  C cell;
  Setting setting;
  Timeline timeline, memory_timeline;
  Tape<C> tape;
  VectorX<double> variables, gradient;
  MatrixX<double> output;

 private:
  struct Place {
    Index offset, rows, cols;
  };
  std::string name(Index k) const {
    if (k < cell.parameters().size()) return entry_name(cell.parameters(), k);
    int part = 0;
    while (part + 1 < int(places_.size()) && places_[std::size_t(part) + 1].offset <= k) ++part;
    return text(part == 0   ? "input"
                : part == 1 ? "memory"
                : part == 2 ? "keys"
                            : "initial state",
                " entry ", k - places_[std::size_t(part)].offset);
  }

  Index keys_rows_ = 0;
  std::vector<Place> places_;
  MatrixX<double> weight_;
  State<double> final_weight_;
};

}  // namespace attention_run
