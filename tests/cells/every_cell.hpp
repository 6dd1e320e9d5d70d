#pragma once
// Tests that run for every cell of all_cells.hpp.

#include <unroll/layers/bidirectional.hpp>
#include <unroll/models/sequential.hpp>

#include "cells/cell_run.hpp"
#include "cells/reference.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace cell_run {

template <class C>
std::string cell_name() {
  return text(C::name, " (", sizeof(typename C::Scalar), " bytes)");
}

template <class C>
void gradients_are_right() {
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const Timeline& timeline : timelines()) {
      CellRun<C> run(timeline, direction, 3);
      const GradientReport report = run.check();
      INFO(cell_name<C>() << ", " << timeline.steps() << " steps: " << report.text());
      CHECK(report.worst < 1e-6);
      CHECK(report.checked > detail::Segments(run.cell.parameters().learned()).numbers());
    }
}

/// Gradient check of a model of three layers of the cell: forward, bidirectional and backward, with initial states.
template <class C>
void gradients_of_a_model_are_right() {
  const auto sizes = sizes_for<C>(3).sizes;
  auto model = sequential<typename C::Scalar>(
      2, Recurrent<OneScalar<C>::template Cell>{.units = 3, .sizes = sizes},
      Bidirectional<OneScalar<C>::template Cell>{.units = 2, .sizes = sizes},
      Recurrent<OneScalar<C>::template Cell>{.units = 3, .direction = Direction::backward, .sizes = sizes});
  model.parameters().values() = noise(model.parameters().size(), 1, 5, 0.4);
  const Timeline timeline = timelines().back();
  const MatrixX<double> x = noise(2, timeline.columns(), 6), weight = noise(model.outputs(), timeline.columns(), 7);
  const auto loss = [&](const auto& output, MatrixX<double>& d_output) {
    d_output = weight;
    return output.cwiseProduct(weight).sum();
  };
  const GradientReport report = check_gradients(model, x, timeline, loss, {}, {.step = 1e-5, .most = 150});
  INFO(cell_name<C>() << ": " << report.text());
  CHECK(report.worst < 1e-6);
}

/// Outputs, values of every equation and final states against the plain reference.
template <class C>
void values_are_those_of_the_equations() {
  if constexpr (requires { typename C::Derivation; })
    for (const Direction direction : {Direction::forward, Direction::backward})
      for (const Timeline& timeline : timelines()) {
        INFO(cell_name<C>() << ", " << timeline.steps() << " steps");
        CellRun<C> run(timeline, direction, 7);
        const MatrixX<double> output = run.forward();
        const ReferenceValues expected = Reference<C>(run)();
        CHECK((output - expected.output).norm() < 1e-12);
        for (std::size_t s = 0; s < run.final_state.size(); ++s)
          CHECK((run.final_state[s] - expected.final_state[s]).norm() < 1e-12);
        MatrixX<double> traced;
        for (int e = 0; e < C::program.equations; ++e) {
          const auto name = C::program.equation[e].name;
          INFO("equation " << name);
          run.cell.trace(name, run.tape.weights, run.over_time().all_columns(), run.tape.work, traced);
          CHECK((traced - expected.equation[std::size_t(e)]).norm() < 1e-12);
        }
        CHECK_THROWS_MATCHES(
            run.cell.trace("absent", run.tape.weights, run.over_time().all_columns(), run.tape.work, traced),
            ValueError, says("no equation has the name 'absent'"));
        run.backward();
        CHECK_THROWS_MATCHES(
            run.cell.trace("h", run.tape.weights, run.over_time().all_columns(), run.tape.work, traced), ValueError,
            says("trace after a forward pass and before its backward pass"));
      }
}

/// Masked batch of the five sequences of batch_of().
struct Batch {
  MatrixX<bool> mask;
  std::vector<Index> order;  // sequence of each sample

  Timeline timeline() const { return Timeline::from_mask(mask); }
};

/// Five sequences of different lengths in the given order. A gap of `shift` steps follows the second step of each; if
/// `steps` is above 8, every second sample starts one step later.
inline Batch batch_of(std::vector<Index> order, Index steps, Index shift) {
  const Index length[] = {4, 1, 6, 0, 3};
  Batch batch{MatrixX<bool>::Constant(Index(order.size()), steps, false), order};
  for (Index b = 0; b < Index(order.size()); ++b)
    for (Index k = 0; k < length[order[std::size_t(b)]]; ++k)
      batch.mask(b, (k < 2 ? k : k + shift) + (steps > 8 ? b % 2 : 0)) = true;
  return batch;
}

/// Forward pass of a batch whose padding is NaN. Returns for each of the five sequences its outputs, one column per
/// step, followed by its final states.
template <class C>
std::vector<MatrixX<typename C::Scalar>> run_batch(const Batch& batch, Direction direction, Index units) {
  using S = typename C::Scalar;
  const Timeline timeline = batch.timeline();
  CellRun<C> run(timeline, direction, units);
  MatrixX<S> padded = MatrixX<S>::Constant(run.cell.input_rows(0), timeline.padded_steps() * timeline.batch(),
                                           std::numeric_limits<S>::quiet_NaN());
  std::vector<Index> taken(5, 0);
  for (Index t = 0; t < timeline.padded_steps(); ++t)
    for (Index b = 0; b < timeline.batch(); ++b)
      if (batch.mask(b, t)) {
        const Index sequence = batch.order[std::size_t(b)];
        padded.col(t * timeline.batch() + b) =
            noise(padded.rows(), 1, std::uint64_t(100 * sequence + taken[std::size_t(sequence)]++)).template cast<S>();
      }
  run.inputs[0] = timeline.pack(padded);
  for (std::size_t s = 0; s < run.initial.size(); ++s)
    for (Index b = 0; b < timeline.batch(); ++b)
      run.initial[s].col(b) =
          noise(run.initial[s].rows(), 1, std::uint64_t(1000 + 10 * batch.order[std::size_t(b)]) + s)
              .cwiseAbs()
              .template cast<S>();
  const MatrixX<S> output = run.forward();
  std::vector<MatrixX<S>> by_sequence(5);
  for (Index b = 0; b < timeline.batch(); ++b) {
    MatrixX<S>& all = by_sequence[std::size_t(batch.order[std::size_t(b)])];
    const Index rank = timeline.rank(b), length = timeline.length(rank);
    Index rows = output.rows();
    for (const auto& part : run.final_state) rows = std::max(rows, part.rows());
    all.setZero(rows, length + Index(run.final_state.size()));
    for (Index k = 0; k < length; ++k) all.col(k).head(output.rows()) = output.col(timeline.offset(k) + rank);
    for (std::size_t s = 0; s < run.final_state.size(); ++s)
      all.col(length + Index(s)).head(run.final_state[s].rows()) = run.final_state[s].col(b);
  }
  return by_sequence;
}

/// The bits of a sequence's results do not depend on the other samples of its batch, on their order, on the positions
/// of masked steps or on the values there.
template <class C>
void batch_mates_change_nothing() {
  if constexpr (requires { typename C::Derivation; })  // Eigen's products do not guarantee it
    for (const Direction direction : {Direction::forward, Direction::backward})
      for (const Index units : {5, 13, 50}) {
        const auto all = run_batch<C>(batch_of({0, 1, 2, 3, 4}, 6, 0), direction, units);
        const auto shuffled = run_batch<C>(batch_of({3, 2, 4, 0, 1}, 12, 3), direction, units);
        for (Index k = 0; k < 5; ++k) {
          INFO(cell_name<C>() << ", " << units << " units, sequence " << k);
          const auto alone = run_batch<C>(batch_of({k}, 9, 1), direction, units);
          CHECK(all[std::size_t(k)].allFinite());
          CHECK(same_bits(all[std::size_t(k)], alone[std::size_t(k)]));
          CHECK(same_bits(all[std::size_t(k)], shuffled[std::size_t(k)]));
        }
      }
}

template <class C>
void runs_repeat_bit_for_bit() {
  CellRun<C> run(timelines().back(), Direction::backward), other(timelines().back(), Direction::backward);
  const auto output = run.forward();
  run.backward();
  const auto gradient = run.gradient;
  const auto d_input = run.d_inputs[0];
  CellRun<C> longer(Timeline::from_lengths({9, 3, 4, 8}));
  std::swap(longer.tape, run.tape);  // a tape used with another batch
  longer.forward();
  longer.backward();
  std::swap(longer.tape, run.tape);
  const auto again = run.forward();
  run.backward();
  INFO(cell_name<C>());
  CHECK(same_bits(output, again));
  CHECK(same_bits(output, other.forward()));
  CHECK(same_bits(gradient, run.gradient));
  CHECK(same_bits(d_input, run.d_inputs[0]));
}

/// Windows with the state carried over give the bits of one forward pass; with the gradient of the state carried
/// backwards they give its gradient.
template <class C>
void windows_equal_the_whole() {
  INFO(cell_name<C>());
  CellRun<C> whole(Timeline::from_lengths({3, 7, 0, 5}));
  const auto output = whole.forward();
  whole.backward();
  std::vector<CellRun<C>> windows;
  auto state = whole.initial;
  for (Index first = 0; first < 7; first += 3) {
    const Index last = std::min<Index>(first + 3, 7), from = whole.timeline.offset(first),
                columns = whole.timeline.offset(last) - from;
    CellRun<C>& window = windows.emplace_back(whole.timeline.window(first, last));
    window.theta = whole.theta;
    window.initial = state;
    for (std::size_t k = 0; k < whole.inputs.size(); ++k) window.inputs[k] = whole.inputs[k].middleCols(from, columns);
    window.d_output = whole.d_output.middleCols(from, columns);
    const bool same = same_bits(window.forward(), output.middleCols(from, columns));
    if constexpr (requires { typename C::Derivation; }) CHECK(same);
    state = window.final_state;
  }
  auto d_state = whole.d_final;
  VectorX<typename C::Scalar> sum = VectorX<typename C::Scalar>::Zero(whole.theta.size());
  for (std::size_t k = windows.size(); k-- > 0;) {
    windows[k].d_final = d_state;
    windows[k].backward();
    d_state = windows[k].d_initial;
    sum += windows[k].gradient;
  }
  for (std::size_t s = 0; s < state.size(); ++s) {
    CHECK((state[s] - whole.final_state[s]).norm() < 1e-12);
    CHECK((d_state[s] - whole.d_initial[s]).norm() < 1e-10);
  }
  CHECK((sum - whole.gradient).norm() < 1e-10 * (1 + sum.norm()));
}

/// Without biases, outputs and gradients have the bits of the cell with biases of 0, and the other parameters are the
/// same.
template <class C>
void biases_can_be_left_out() {
  if constexpr (requires { typename C::Derivation; }) {
    using S = typename C::Scalar;
    INFO(cell_name<C>());
    CellSizes sizes = sizes_for<C>(5);
    CellRun<C> whole(sizes, timelines().back());
    sizes.biased = false;
    CellRun<C> run(sizes, timelines().back());
    Parameters<S> zeros(whole.cell.parameters()), parameters(run.cell.parameters());
    parameters.values() = run.theta;
    std::string weights;
    for (const ParameterBlock& block : whole.cell.parameters().blocks()) {
      if (block.role == Role::bias) continue;
      weights += (weights.empty() ? "" : ", ") + block.name;
      zeros.block(block) = parameters[block.name];
    }
    CHECK(run.cell.parameters().names() == weights);
    whole.theta = zeros.values();
    CHECK(same_bits(run.forward(), whole.forward()));
    run.backward(), whole.backward();
    zeros.values() = whole.gradient, parameters.values() = run.gradient;
    for (const ParameterBlock& block : run.cell.parameters().blocks())
      CHECK(same_bits(parameters.block(block), zeros[block.name]));
    for (std::size_t s = 0; s < run.initial.size(); ++s) {
      CHECK(same_bits(run.final_state[s], whole.final_state[s]));
      CHECK(same_bits(run.d_initial[s], whole.d_initial[s]));
    }
    CHECK(same_bits(run.d_inputs[0], whole.d_inputs[0]));
    const GradientReport report = run.check();
    INFO(report.text());
    CHECK(report.worst < 1e-6);
  }
}

/// A batch without steps: final states equal initial states, and so do their gradients.
template <class C>
void nothing_comes_of_nothing() {
  INFO(cell_name<C>());
  CellRun<C> run(Timeline::from_lengths({0, 0}));
  CHECK(run.forward().cols() == 0);
  run.backward();
  CHECK(run.gradient.isZero(0));
  for (std::size_t s = 0; s < run.initial.size(); ++s) {
    CHECK(run.final_state[s] == run.initial[s]);
    CHECK(run.d_initial[s] == run.d_final[s]);
  }
  CellRun<C> empty(Timeline::from_lengths(std::initializer_list<Index>{}));
  CHECK(empty.forward().cols() == 0);
  empty.backward();
}

template <class C>
void passes_allocate_nothing() {
  if constexpr (requires { typename C::Derivation; }) {
    CellRun<C> run(Timeline::from_lengths({3, 7, 0, 5}));
    const std::vector<ConstView<double>> x{view(std::as_const(run.inputs[0]))};
    std::vector<View<double>> d_x{view(run.d_inputs[0])};
    run.gradient.setZero(run.theta.size());
    const auto pass = [&] {
      auto over_time = run.over_time();
      over_time.forward({x, {}}, run.initial);
      over_time.final_state(run.final_state);
      over_time.backward({x, {}}, view(std::as_const(run.d_output)), run.d_final, run.gradient.data(), {d_x, {}},
                         run.d_initial);
    };
    pass();
    support::AllocationCount allocations;
    pass();
    const auto count = allocations.count();
    INFO(cell_name<C>());
    CHECK(count == 0);
  }
}

/// Blocks through which a test can make the pre-activation of each linear term large: its bias, or its weight of the
/// input if it has no bias.
template <class C>
std::vector<ParameterBlock> levers(const C& cell) {
  std::vector<ParameterBlock> all;
  const auto term = [](const ParameterBlock& block) { return block.name.substr(0, block.name.find('.')); };
  for (const ParameterBlock& block : cell.parameters().blocks())
    if (block.role == Role::bias) all.push_back(block);
  for (const ParameterBlock& block : cell.parameters().blocks())
    if (block.role == Role::input_weight &&
        std::none_of(all.begin(), all.end(), [&](const auto& other) { return term(other) == term(block); }))
      all.push_back(block);
  return all;
}

/// Pre-activations +-size in every combination, one combination per unit: outputs, states and all gradients are finite.
template <class C>
void extreme_values_stay_finite() {
  using S = typename C::Scalar;
  CellSizes sizes = sizes_for<C>(1);
  const std::size_t count = levers(C(sizes)).size();
  sizes.units = Index(1) << count;
  for (auto& [name, rows] : sizes.sizes) rows = sizes.units;
  for (const double size : {50.0, 90.0, 105.0, 1e4})
    for (const bool from_zero : {true, false}) {
      CellRun<C> run(sizes, Timeline::from_lengths({4, 2}));
      Parameters<S> parameters(run.cell.parameters());
      parameters.values() = S(0.02) * run.theta;
      const auto all = levers(run.cell);
      for (std::size_t k = 0; k < count; ++k)
        for (Index unit = 0; unit < all[k].rows; ++unit)
          parameters.block(all[k]).row(unit).setConstant(S((unit >> k) % 2 == 0 ? size : -size));
      run.theta = parameters.values();
      run.inputs[0] = run.inputs[0].cwiseAbs();
      if (from_zero)
        for (auto& part : run.initial) part.setZero();
      const auto output = run.forward();
      run.backward();
      INFO(cell_name<C>() << ", " << size << (from_zero ? ", from zero" : ""));
      CHECK(output.allFinite());
      CHECK(run.gradient.allFinite());
      CHECK(run.d_inputs[0].allFinite());
      for (std::size_t s = 0; s < run.initial.size(); ++s) {
        CHECK(run.final_state[s].allFinite());
        CHECK(run.d_initial[s].allFinite());
      }
    }
}

}  // namespace cell_run

/// Tests of one part of the list; each part has its own source file.
#define TEST_CELLS(part, parts)                                                                                 \
  TEST_CASE("cells: gradients, outputs and invariants are correct for every cell, part " #part " of " #parts) { \
    using namespace cell_run;                                                                                   \
    each_cell<part, parts>(AllCells<double>{}, []<class C>() {                                                  \
      gradients_are_right<C>();                                                                                 \
      gradients_of_a_model_are_right<C>();                                                                      \
      values_are_those_of_the_equations<C>();                                                                   \
      batch_mates_change_nothing<C>();                                                                          \
      runs_repeat_bit_for_bit<C>();                                                                             \
      windows_equal_the_whole<C>();                                                                             \
      biases_can_be_left_out<C>();                                                                              \
      nothing_comes_of_nothing<C>();                                                                            \
      passes_allocate_nothing<C>();                                                                             \
      extreme_values_stay_finite<C>();                                                                          \
    });                                                                                                         \
  }

/// Tests in float, whose exponential overflows first.
#define TEST_EXTREMES(part, parts)                                                                    \
  TEST_CASE("cells: float results are finite for large pre-activations, part " #part " of " #parts) { \
    using namespace cell_run;                                                                         \
    each_cell<part, parts>(AllCells<float>{}, []<class C>() { extreme_values_stay_finite<C>(); });    \
  }
