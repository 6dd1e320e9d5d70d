#pragma once
// EquationCell: recurrent cell compiled from equations. Each stage runs its matrix products, then its fused
// element-wise passes; the backward pass reverses the stages.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "unroll/core/timeline.hpp"
#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/columns/masks.hpp"
#include "unroll/recurrence/run/cell_steps.hpp"
#include "unroll/recurrence/run/cell_trace.hpp"
#include "unroll/recurrence/run/stream/cell_stream.hpp"

namespace unroll {

/// Recurrent cell defined by `equations`; models the concept Cell (cell/concept.hpp), which documents the member
/// functions. Holds neither parameters nor values of a pass: these are arguments. `fixed_units`: units at compile time.
template <std::floating_point S, const auto& equations, int fixed_units = Eigen::Dynamic>
class EquationCell {
  using Steps = detail::CellSteps<S, detail::Derived<equations>, fixed_units>;

 public:
  using Scalar = S;
  using Derivation = detail::Derived<equations>;
  static constexpr const auto& program = Derivation::program;
  static constexpr const auto& schedule = Derivation::schedule;
  static constexpr int states = program.states;
  static constexpr int output_state = program.output_state;
  static constexpr bool has_masks = detail::has_masks<Derivation>();  ///< dropout(...) or zoneout(...): Inputs::noise
  static constexpr bool reads_memory = detail::ColumnKinds::reads_memory<Derivation>;  ///< Inputs::memory

  EquationCell() = default;

  /// Cell with these sizes. Throws ShapeError if they do not match the equations.
  explicit EquationCell(CellSizes sizes)
      : layout_(
            std::make_shared<detail::CellLayout<Derivation>>(detail::with_fixed_units(std::move(sizes), fixed_units))) {
  }

  int inputs() const { return program.inputs; }
  int constants() const { return program.constants; }
  Index input_rows(int k) const { return layout_->input_rows(k); }
  Index constant_rows(int k) const { return layout_->constant_rows(k); }
  Index units() const { return Steps::rows_of_size(*layout_, 0); }
  Index state_rows(int s) const { return Steps::rows_of_size(*layout_, program.state[s].dimension); }
  Index output_rows() const { return Steps::rows_of_size(*layout_, program.dimension_of(program.output)); }
  const ParameterTable& parameters() const { return layout_->table(); }
  /// Whether the biases of the equations are parameters; true for a cell without sizes.
  bool biased() const { return layout_ == nullptr || layout_->biased(); }
  /// True if a matrix product reads state `s` before the step.
  static constexpr bool collects_state(int s) {
    for (int v = 0; v < schedule.sources; ++v)
      if (schedule.source[v].operation == s) return true;
    return false;
  }
  const detail::CellLayout<Derivation>& layout() const { return *layout_; }
  /// Writes the values of frozen weights that have given ones. Throws ShapeError if they have another size.
  void set_given(S* theta) const { layout_->set_given(theta); }
  /// Initializers that depend on the sizes, by parameter name.
  std::vector<std::pair<std::string, Initializer>> column_initializers() const {
    return layout_->column_initializers();
  }

  /// Number of values that a pass stores per column, excluding states and output.
  Index kept_rows() const {
    Index rows = detail::column_distance<S>(layout_->term_rows());
    for (int k = 0; k < schedule.extras; ++k) rows += layout_->rows(schedule.extra[k]);
    for (int k = 0; k < schedule.incomings; ++k)
      if (Steps::late_gradient[k]) rows += layout_->rows(schedule.incoming_operation[k]);
    detail::ColumnKinds::each_layout<Derivation>(layout_->columns(),
                                                 [&](const auto& kind) { rows += kind.kept_rows(*layout_); });
    return rows;
  }
  /// Number of gradients that a backward pass stores per sequence between the stages of a step.
  Index back_rows() const {
    Index rows = 0;
    for (int k = 0; k < schedule.incomings; ++k)
      if (!Steps::late_gradient[k]) rows += layout_->rows(schedule.incoming_operation[k]);
    return rows;
  }

  /// Cell with its weights, step by step for one sequence. `in` and `out` are its features if known at compile time,
  /// else 0.
  template <int in = 0, int out = 0>
  requires(detail::StreamPlan<Derivation>::streamable) using Stream =
      detail::CellStream<S, Derivation, detail::fixed_rows<Derivation>(fixed_units, in, out)>;

  using Weights = detail::CellWeights<S, Derivation>;
  using Work = detail::CellWork<S, Derivation>;

  void prepare(const S* theta, Weights& weights) const {
    Products::pack(*layout_, theta, weights);
    Products::copy_biases(*layout_, theta, weights);
    detail::load_vectors(*layout_, theta, weights.single);
    Loops::each_kind([&]<class Run>() { Run::prepare(*layout_, theta, weights); });
  }
  void prepare_back(const S* theta, Weights& weights) const {
    Products::pack_transposed(*layout_, theta, weights);
    Loops::each_kind([&]<class Run>() { Run::prepare_back(*layout_, theta, weights); });
  }

  void begin(const Weights& weights, const Inputs<S>& inputs, const Timeline& timeline, Work& work) const {
    products(weights, work).begin_weights(inputs.noise);
    Loops::each_source(detail::Op::constant, [&](const detail::Source& source, int k) {
      products(weights, work).project_constant(source, k, inputs.constants[std::size_t(k)]);
    });
    Loops::each_kind([&]<class Run>() { Run(*layout_, weights, work).begin(inputs, timeline); });
  }

  /// Sets the sequence of the memory given to `begin` that each sample, by rank, reads from now on. A search calls it
  /// when it continues some hypotheses and drops others. Throws ShapeError for an invalid sequence index.
  void read_sequences(const Weights& weights, std::span<const Index> sources, Work& work) const requires(reads_memory) {
    Loops::each_kind([&]<class Run>() { Run(*layout_, weights, work).read_sequences(sources); });
  }
  /// Attention weights of the last step [longest sequence of the memory x columns].
  static ConstView<S> memory_weights(const Work& work) requires(reads_memory) {
    std::optional<ConstView<S>> found;
    Loops::each_kind([&]<class Run>() {
      if constexpr (requires { Run::memory_weights(work); }) found.emplace(Run::memory_weights(work));
    });
    return found ? *found : nothing<S>();
  }

  void make_room(const Weights& weights, const Timeline& timeline, Work& work) const {
    work.terms.shape(detail::column_distance<S>(layout_->term_rows()), timeline.columns());
    for (int k = 0; k < schedule.extras; ++k) work.extra[k].shape(layout_->rows(schedule.extra[k]), timeline.columns());
    for (int k = 0; k < schedule.incomings; ++k)
      if (Steps::late_gradient[k])
        work.incoming[k].shape(layout_->rows(schedule.incoming_operation[k]), timeline.columns());
    Loops::each_kind([&]<class Run>() { Run(*layout_, weights, work).make_room(timeline); });
    work.consumed = false;
  }

  /// Products with inputs and constants for the steps [first_step, last_step), except those of `finish`.
  void project(const Weights& weights, const Inputs<S>& inputs, const Timeline& timeline, Index first_step,
               Index last_step, Work& work) const {
    const Index first = timeline.offset(first_step), columns = timeline.offset(last_step) - first;
    for (int v = 0; v < schedule.sources; ++v) {  // in order: the first product of a row overwrites it, others add
      const detail::Source& source = schedule.source[v];
      const detail::Operation& operation = program.operation[source.operation];
      if (operation.op == detail::Op::input)
        products(weights, work)
            .take(source, input(inputs, operation.index, first), first, columns, detail::Terms::early);
      else if (operation.op == detail::Op::constant)
        for (Index t = first_step; t < last_step; ++t)
          products(weights, work).spread_constant(source, operation.index, timeline.offset(t), timeline.active(t));
    }
    if constexpr (has_masks)
      detail::draw_masks<Derivation>(*layout_, inputs.noise, timeline, first, columns, work.terms.view());
  }

  /// Stages that depend on the states before the step. Those behind them, if any, run for many steps at once: `finish`.
  void step(const Weights& weights, const Step<S, states>& step, Work& work) const {
    Steps(*layout_, weights, work).template forward<0, Steps::first_late>(step);
  }
  static constexpr bool finishes = Steps::first_late < schedule.stages;
  /// True if `finish` and the functions of its backward pass may be left out for columns whose output nothing reads.
  static constexpr bool finishes_some = detail::has_late_columns<Derivation>;
  void finish(const Weights& weights, const Inputs<S>& inputs, const Step<S, states>& columns, Work& work) const {
    if constexpr (finishes_some)
      Loops::each_source(detail::Op::input, [&](const detail::Source& source, int k) {
        products(weights, work)
            .take(source, input(inputs, k, columns.first), columns.first, columns.columns, detail::Terms::late);
      });
    Steps(*layout_, weights, work).template forward<Steps::first_late, schedule.stages>(columns);
  }

  void begin_back(const Weights& weights, const Timeline& timeline, Work& work) const {
    products(weights, work).begin_gradients();
    for (int k = 0; k < schedule.incomings; ++k)
      if (!Steps::late_gradient[k])
        work.incoming[k].shape(layout_->rows(schedule.incoming_operation[k]), timeline.batch());
    Loops::each_source(detail::Op::constant,
                       [&](const detail::Source&, int k) { products(weights, work).begin_constant_gradient(k); });
    Loops::each_kind([&]<class Run>() { Run(*layout_, weights, work).begin_back(); });
  }

  void finish_back(const Weights& weights, const StepBack<S, states>& columns, Work& work) const {
    Steps(*layout_, weights, work).template backward<Steps::first_late, schedule.stages>(columns);
  }
  void step_back(const Weights& weights, const StepBack<S, states>& step, Work& work, bool finished = true) const {
    Steps(*layout_, weights, work).prefetch_before(step);
    Steps(*layout_, weights, work).template backward<0, Steps::first_late>(step, finished);
    Loops::each_source(detail::Op::state, [&](const detail::Source& source, int k) {
      products(weights, work).source_gradient(source, step.first, step.columns, step.d_state[k], true);
    });
    Loops::each_source(detail::Op::constant, [&](const detail::Source& source, int k) {
      products(weights, work).gather_constant(source, k, step.first, step.columns, step.rank);
    });
  }

  /// Adds the sums of the steps of a chunk to those of all chunks. After it, `collect` and `pull_inputs` of this chunk
  /// may run in any thread.
  void end_chunk(Work& work) const {
    work.add_single_gradients();
    Loops::each_source(detail::Op::constant,
                       [&](const detail::Source&, int k) { Products::add_constant_gradient(work, k); });
    work.consumed = true;
  }

  /// Adds the parameter gradients, which are sums over columns, for many steps at once. `chunk` holds the states before
  /// and after each of these columns. Of several lanes, which may run concurrently, each adds that of some rows.
  void collect(const Weights& weights, const Step<S, states>& chunk, const Inputs<S>& inputs, S* gradient, Work& work,
               LaneRows mine = {}, detail::Terms which = detail::Terms::early) const {
    for (int v = 0; v < schedule.sources; ++v) {
      const detail::Source& source = schedule.source[v];
      const detail::Operation& operation = program.operation[source.operation];
      if (operation.op == detail::Op::constant) continue;
      const auto values = operation.op == detail::Op::input ? input(inputs, operation.index, chunk.first)
                                                            : Steps::values_of(source.operation, chunk, work);
      products(weights, work).add_weight_gradient(source, values, chunk.first, chunk.columns, gradient, mine, which);
    }
    if (mine.lane == mine.lanes - 1)
      products(weights, work).add_bias_gradient(chunk.first, chunk.columns, gradient, which);
  }
  /// The same for the terms of `finish`.
  void finish_collect(const Weights& weights, const Step<S, states>& columns, const Inputs<S>& inputs, S* gradient,
                      Work& work, LaneRows mine) const {
    collect(weights, columns, inputs, gradient, work, mine, detail::Terms::late);
  }

  void pull_inputs(const Weights& weights, Index first, Index columns, const InputGradients<S>& d_inputs, bool add,
                   Work& work, detail::Terms which = detail::Terms::early) const {
    Loops::each_source(detail::Op::input, [&](const detail::Source& source, int k) {
      const auto& d_input = d_inputs.steps[std::size_t(k)];
      if (d_input.data() == nullptr) return;
      const Strided<S> to{const_cast<S*>(d_input.data()), d_input.outerStride()};
      products(weights, work).source_gradient(source, first, columns, to.from_column(first), add, which);
    });
  }
  /// The same for the terms of `finish`, after pull_inputs.
  void finish_pull(const Weights& weights, Index first, Index columns, const InputGradients<S>& d_inputs,
                   Work& work) const {
    pull_inputs(weights, first, columns, d_inputs, true, work, detail::Terms::late);
  }

  void end_back(const Weights& weights, const Inputs<S>& inputs, S* gradient, const InputGradients<S>& d_inputs,
                Work& work) const {
    products(weights, work).add_single_gradient(gradient);
    Loops::each_source(detail::Op::constant, [&](const detail::Source& source, int k) {
      products(weights, work)
          .finish_constant(source, k, inputs.constants[std::size_t(k)], gradient, d_inputs.constants[std::size_t(k)]);
    });
    products(weights, work).add_computed_gradients(gradient);
    Loops::each_kind([&]<class Run>() { Run(*layout_, weights, work).end_back(inputs, gradient, d_inputs); });
    work.consumed = true;
  }

  /// First equation, in order of computation, with a non-finite value, and its column; empty if all are finite.
  std::optional<std::pair<std::string, Index>> first_non_finite(const Weights& weights, const Step<S, states>& all,
                                                                const Timeline& timeline, bool forward_in_time,
                                                                Work& work) const {
    return Trace(*layout_, weights, all, work).first_non_finite(timeline, forward_in_time);
  }

  /// Writes the value of the named equation for all columns [rows x columns], or a named value of a column operation.
  /// `all` holds the states before and after each step. Throws ValueError for an unknown name, before a forward pass
  /// and after the backward pass.
  void trace(std::string_view name, const Weights& weights, const Step<S, states>& all, Work& work,
             MatrixX<S>& to) const {
    require<ValueError>(!work.consumed, "cell: there are no values of '", name,
                        "'; trace after a forward pass and before its backward pass");
    Trace(*layout_, weights, all, work).write(name, to);
  }

 private:
  using Products = detail::CellProducts<S, Derivation>;
  using Trace = detail::CellTrace<S, Derivation>;
  using Loops = detail::CellLoops<S, Derivation>;

  Products products(const Weights& weights, Work& work) const { return {*layout_, weights, work}; }

  static Strided<const S> input(const Inputs<S>& inputs, int k, Index first) {
    const auto& x = inputs.steps[std::size_t(k)];
    return Strided<const S>{x.data(), x.outerStride()}.from_column(first);
  }

  std::shared_ptr<const detail::CellLayout<Derivation>> layout_;  // shared by copies, since cells are passed by value
};

/// Cell template over the scalar type, from equations alone: `Recurrent<EquationsOf<equations>::Cell>{.units = 32}`.
template <const auto& equations>
struct EquationsOf {
  template <class S>
  using Cell = EquationCell<S, equations>;
};

}  // namespace unroll
