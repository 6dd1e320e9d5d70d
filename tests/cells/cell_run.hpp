#pragma once
// Cell over a timeline with random numbers: shared by the tests of cells, equations and the engine.

#include <unroll/check/gradient.hpp>
#include <unroll/engine/over_time.hpp>
#include <unroll/recurrence/language.hpp>

namespace cell_run {

using namespace unroll;

inline MatrixX<double> noise(Index rows, Index cols, std::uint64_t seed, double scale = 1) {
  const Random random(seed, Purpose::sample);
  return MatrixX<double>::NullaryExpr(
      rows, cols, [&](Index r, Index c) { return scale * random.normal(std::uint64_t(c * rows + r)); });
}

/// True for a size that CellSizes::sizes must have: neither the rows of an input nor those that follow from others.
template <class C>
bool is_given_size(int k) {
  const std::string_view size = C::program.sizes[k];
  bool of_input = false;
  for (int i = 0; i < C::program.inputs; ++i) of_input = of_input || C::program.input_size[i] == size;
  return k > 0 && !of_input && !language::follows_from_others(size);
}

/// Small sizes that differ and rarely fill a register: inputs 3, 2, ..., constants 4, 3, ..., named sizes 2, 3, ...
template <class C>
CellSizes sizes_for(Index units) {
  CellSizes sizes{.units = units};
  if constexpr (requires { C::program; }) {
    for (int k = 0; k < C::program.inputs; ++k) sizes.inputs.push_back(std::max(1, 3 - k));
    for (int k = 0; k < C::program.constants; ++k) sizes.constants.push_back(std::max(1, 4 - k));
    for (int k = 1; k < C::program.size_count; ++k)
      if (is_given_size<C>(k)) sizes.sizes.emplace_back(std::string(C::program.sizes[k]), Index(1 + k));
  } else {
    sizes.inputs = {3};
  }
  return sizes;
}

/// Cell with random weights, inputs, initial states and gradients of its output and final states.
template <class C>
struct CellRun {
  using S = typename C::Scalar;

  C cell;
  Timeline timeline;
  Direction direction = Direction::forward;
  VectorX<S> theta, gradient;
  std::vector<MatrixX<S>> inputs, constants, initial, final_state, d_inputs, d_constants, d_initial, d_final;
  MatrixX<S> d_output;
  Tape<C> tape;
  Keeping keeping = {};
  ThreadPool* threads = nullptr;

  CellRun(const CellSizes& sizes, Timeline steps, Direction way = Direction::forward, std::uint64_t seed = 1)
      : cell(sizes), timeline(std::move(steps)), direction(way) {
    theta = noise(cell.parameters().size(), 1, seed, 0.4).template cast<S>();
    for (int k = 0; k < cell.inputs(); ++k) inputs.push_back(numbers(cell.input_rows(k), timeline.columns(), ++seed));
    for (int k = 0; k < cell.constants(); ++k)
      constants.push_back(numbers(cell.constant_rows(k), timeline.batch(), ++seed));
    for (int s = 0; s < C::states; ++s)
      initial.push_back(numbers(cell.state_rows(s), timeline.batch(), ++seed).cwiseAbs());
    for (int s = 0; s < C::states; ++s) d_final.push_back(numbers(cell.state_rows(s), timeline.batch(), ++seed));
    d_output = numbers(cell.output_rows(), timeline.columns(), ++seed);
    d_inputs = inputs, d_constants = constants;
    final_state.resize(std::size_t(C::states)), d_initial.resize(std::size_t(C::states));
  }
  explicit CellRun(Timeline steps, Direction way = Direction::forward, Index units = 5)
      : CellRun(sizes_for<C>(units), std::move(steps), way) {}

  OverTime<C> over_time() { return OverTime<C>(cell, timeline, direction, tape, theta.data(), threads); }

  /// Forward pass. Returns the outputs [output rows x columns]; fills final_state.
  MatrixX<S> forward() {
    const auto steps = views(inputs), given = views(constants);
    auto run = over_time();
    run.forward({steps, given}, initial, keeping);
    run.final_state(final_state);
    return run.output();
  }

  /// Backward pass, after forward(): fills gradient, d_inputs, d_constants and d_initial.
  void backward() {
    const auto steps = views(inputs), given = views(constants);
    auto d_steps = writable(d_inputs), d_given = writable(d_constants);
    gradient.setZero(theta.size());
    over_time().backward({steps, given}, view(std::as_const(d_output)), d_final, gradient.data(), {d_steps, d_given},
                         d_initial);
  }

  /// Gradient check of the loss <output, d_output> + <final states, d_final> with respect to parameters, inputs,
  /// constants and initial states.
  GradientReport check() {
    const auto loss = [&] {
      double sum = double(forward().cwiseProduct(d_output).sum());
      for (std::size_t s = 0; s < final_state.size(); ++s) sum += double(final_state[s].cwiseProduct(d_final[s]).sum());
      return sum;
    };
    loss();
    backward();
    const GradientCheckOptions options{.step = 1e-5};
    GradientReport report;
    for (const auto& [first, size] : cell.parameters().learned())
      report += check_gradient(
          loss, theta.segment(first, size), gradient.segment(first, size),
          [&, from = first](Index k) { return entry_name(cell.parameters(), from + k); }, options);
    const auto others = [&](std::vector<MatrixX<S>>& variables, const std::vector<MatrixX<S>>& analytic,
                            const char* what) {
      for (std::size_t k = 0; k < variables.size(); ++k)
        report += check_gradient(
            loss, variables[k].reshaped(), analytic[k].reshaped(),
            [&](Index entry) { return text(what, " ", k, ", entry ", entry); }, options);
    };
    others(inputs, d_inputs, "input");
    others(constants, d_constants, "constant");
    others(initial, d_initial, "initial state");
    return report;
  }

 private:
  static MatrixX<S> numbers(Index rows, Index cols, std::uint64_t seed) {
    return noise(rows, cols, seed).template cast<S>();
  }
  static std::vector<ConstView<S>> views(const std::vector<MatrixX<S>>& matrices) {
    std::vector<ConstView<S>> all;
    for (const auto& m : matrices) all.push_back(view(m));
    return all;
  }
  static std::vector<View<S>> writable(std::vector<MatrixX<S>>& matrices) {
    std::vector<View<S>> all;
    for (auto& m : matrices) all.push_back(view(m));
    return all;
  }
};

/// Timelines of one step, of two steps, of seven steps with different lengths, and of seven steps with gaps and one
/// sample that is masked entirely.
inline std::vector<Timeline> timelines() {
  MatrixX<bool> mask(3, 7);
  mask << 1, 0, 1, 1, 0, 0, 1,  //
      0, 0, 0, 0, 0, 0, 0,      //
      0, 1, 1, 1, 0, 1, 1;
  return {Timeline::rectangular(3, 1), Timeline::from_lengths({2, 1, 2}), Timeline::from_lengths({3, 7, 5}),
          Timeline::from_mask(mask)};
}

/// Bitwise equality, which distinguishes 0 from -0.
template <class A, class B>
bool same_bits(const A& a, const B& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return false;
  for (Index c = 0; c < a.cols(); ++c)
    for (Index r = 0; r < a.rows(); ++r)
      if (const auto x = a(r, c), y = b(r, c); std::memcmp(&x, &y, sizeof x) != 0) return false;
  return true;
}

}  // namespace cell_run
