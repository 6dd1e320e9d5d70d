#pragma once
// Forward and backward pass of a cell over a timeline, in either direction in time.
//
// An interval is a range of steps whose values are all kept. A pass that keeps everything is one interval. A pass that
// keeps less consists of several, which share the same memory: each begins with the final state of the one before it,
// and the backward pass recomputes the intervals whose values are overwritten, from their initial states.

#include "unroll/core/non_temporary.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/engine/interval_pass.hpp"

namespace unroll {
namespace detail {

template <class = Once>
void check_pass_shape(std::string_view what, int k, Index rows, Index cols, Index want_rows, Index want_cols) {
  require<ShapeError>(rows == want_rows, "cell: features of ", what, " ", k, " must be ", want_rows, ", got ", rows);
  require<ShapeError>(cols == want_cols, "cell: columns of ", what, " ", k, " must be ", want_cols, ", got ", cols);
}

}  // namespace detail

/// A pass of a cell over a timeline, with its values on a tape.
template <Cell C>
class OverTime {
  static_assert(check_cell<C>());
  using Scalar = typename C::Scalar;
  using Weights = typename C::Weights;
  using States = std::span<const MatrixX<Scalar>>;
  static constexpr int states = C::states;

 public:
  /// `weights` must be prepared, also for the backward pass if there is one. Keeps references to all arguments. Other
  /// threads of `threads`, if not null, share the work of long sequences; the results have the same bits.
  OverTime(detail::NonTemporary<C> cell, detail::NonTemporary<Weights> weights, detail::NonTemporary<Timeline> timeline,
           Direction direction, Tape<C>& tape, ThreadPool* threads = nullptr)
      : cell_(cell),
        weights_(&weights.get()),
        timeline_(timeline),
        direction_(direction),
        tape_(tape),
        threads_(threads) {}

  /// The same, with weights prepared by each pass from the parameters `theta`.
  OverTime(detail::NonTemporary<C> cell, detail::NonTemporary<Timeline> timeline, Direction direction, Tape<C>& tape,
           const Scalar* theta, ThreadPool* threads = nullptr)
      : OverTime(cell, tape.weights, timeline, direction, tape, threads) {
    prepares_ = true;
    theta_ = theta;
  }

  /// Forward pass over all steps. `initial` is empty (all zero) or has each state [rows x batch], by sample. The output
  /// [output rows x columns] is written to `output`, which must outlive the use of the tape, or to memory of the tape
  /// if `output` is null. Throws ShapeError for mismatched sizes.
  void forward(const Inputs<Scalar>& inputs, States initial = {}, Keeping keeping = {}, Strided<Scalar> output = {}) {
    check(inputs, initial);
    keeping.check();
    if (prepares_) cell_.prepare(theta_, tape_.weights);
    if (output.data == nullptr) {
      tape_.output_memory.shape(cell_.output_rows(), timeline_.columns());
      output = tape_.output_memory.strided();
    }
    tape_.output = output;
    tape_.keep = keeping.keep;
    tape_.columns = timeline_.columns();
    tape_.noise = inputs.noise;
    plan(keeping);
    cell_.begin(*weights_, inputs, timeline_, tape_.work);
    tape_.checkpoints.resize(keeping.keep == Keep::checkpoints ? tape_.intervals.size() : 0);
    for (std::size_t k = 0; k < tape_.intervals.size(); ++k) {
      if (keeping.keep == Keep::checkpoints) tape_.checkpoints[k].assign(initial.begin(), initial.end());
      run(k, inputs, initial);
      if (tape_.intervals.size() == 1) return;
      tape_.state.resize(std::size_t(states));
      present().final_state(tape_.state);
      initial = tape_.state;
    }
  }

  /// Output of the forward pass [output rows x columns].
  ConstView<Scalar> output() const {
    return Strided<const Scalar>(tape_.output).view(cell_.output_rows(), timeline_.columns());
  }

  /// State after the last step of each sequence, by sample; the initial state of a sequence without steps.
  void final_state(std::span<MatrixX<Scalar>> to) const {
    if (tape_.intervals.size() == 1) return present().final_state(to);
    std::copy(tape_.state.begin(), tape_.state.end(), to.begin());
  }

  /// Backward pass over all steps. `d_output` [output rows x columns] and `d_final` (each state by sample) may be
  /// empty: then they are zero. Adds to `gradient`, overwrites `d_inputs` or adds to them, and overwrites `d_initial`
  /// if given. Throws ValueError if the forward pass kept nothing or was used already, and ShapeError for mismatched
  /// sizes.
  void backward(const Inputs<Scalar>& inputs, ConstView<Scalar> d_output, States d_final, Scalar* gradient,
                const InputGradients<Scalar>& d_inputs, std::span<MatrixX<Scalar>> d_initial = {},
                bool add_to_inputs = false) {
    check_kept();
    check_gradients(d_output, d_final);
    check_memory(inputs, d_inputs);
    if (prepares_) cell_.prepare_back(theta_, tape_.weights);
    tape_.columns = -1;
    begin_gradients(d_final);
    cell_.begin_back(*weights_, timeline_, tape_.work);
    for (std::size_t k = tape_.intervals.size(); k-- > 0;) {
      if (k != tape_.present) run(k, inputs, tape_.checkpoints[k]);
      const auto [first, columns] = columns_of(k);
      present().backward(part_of(inputs), detail::from_column(d_output, first, columns), gradient, part_of(d_inputs),
                         add_to_inputs, threads_);
    }
    cell_.end_back(*weights_, inputs, gradient, d_inputs, tape_.work);
    for (std::size_t s = 0; s < d_initial.size(); ++s)
      detail::order_by_sample<Scalar>(tape_.d_state[int(s)].strided(), cell_.state_rows(int(s)), timeline_,
                                      d_initial[s]);
  }

  /// Adds the gradients of the inputs, after a backward pass that did not compute them. Requires Keep::everything.
  void add_input_gradients(const InputGradients<Scalar>& d_inputs) { present().add_input_gradients(d_inputs); }

  /// All columns as one chunk, for tracing; left-out outputs need `inputs`. Throws ValueError for several intervals.
  Step<Scalar, states> all_columns(const Inputs<Scalar>& inputs = {}) {
    require<ValueError>(tape_.intervals.size() == 1,
                        "cell: the forward pass did not store all values; run it with Keep::everything");
    return present().all_columns(inputs);
  }

  /// Memory of forward and backward pass in numbers, without weights, for `columns` columns of `batch` sequences. With
  /// checkpoints it is an estimate for sequences of equal length.
  static Index kept(const C& cell, Index columns, Index batch, Keeping keeping = {}) {
    const Index chunk = IntervalPass::chunk_columns(cell);
    Index per_column = cell.kept_rows(), at_ends = 0, collected = 0;
    for (int s = 0; s < states; ++s) {
      at_ends += cell.state_rows(s);
      if (s != C::output_state) per_column += cell.state_rows(s);
      if (IntervalPass::collects_state(s)) collected += cell.state_rows(s);
    }
    const auto [interval, count] = lengths_of_intervals(columns, batch, chunk, keeping);
    const Index copies = 2 + (count > 1 ? count + 1 : 0);  // initial state and gradient; checkpoints and final state
    Index back = 0;
    if constexpr (requires { cell.back_rows(); }) back = cell.back_rows();
    return cell.output_rows() * columns + per_column * interval + (copies * at_ends + back) * batch +
           collected * std::min(interval, chunk);
  }

 private:
  using IntervalPass = detail::IntervalPass<C>;

  /// Columns of an interval, and the number of intervals.
  static std::pair<Index, Index> lengths_of_intervals(Index columns, Index batch, Index chunk, Keeping keeping) {
    if (keeping.keep == Keep::everything || columns == 0 || batch == 0) return {columns, 1};
    const Index steps = (columns + batch - 1) / batch, chunk_steps = std::max<Index>(1, chunk / batch);
    const Index least = keeping.keep == Keep::checkpoints ? steps_between(keeping, steps) : 1;
    const Index interval = std::min(steps, (least + chunk_steps - 1) / chunk_steps * chunk_steps);
    return {interval * batch, (steps + interval - 1) / interval};
  }
  static Index steps_between(Keeping keeping, Index steps) {
    return keeping.every > 0 ? keeping.every : Index(std::sqrt(double(steps)));
  }

  // ---- intervals

  void plan(Keeping keeping) {
    auto& intervals = tape_.intervals;
    intervals.clear();
    const Index steps = timeline_.steps();
    const IntervalPass view(cell_, *weights_, timeline_, direction_, tape_);
    if (keeping.keep == Keep::nothing)
      for (Index done = 0; done < steps; done += intervals.back().last - intervals.back().first)
        intervals.push_back(view.next_chunk(done));
    if (keeping.keep == Keep::checkpoints) plan_checkpoints(view, steps_between(keeping, steps));
    if (intervals.empty()) intervals.push_back({0, steps});
  }

  /// Intervals consist of whole chunks of the backward pass, so that sums of gradients have the same parts as without
  /// checkpoints.
  void plan_checkpoints(const IntervalPass& view, Index every) {
    auto& intervals = tape_.intervals;
    const Index steps = timeline_.steps();
    for (Index done = steps; done > 0;) {
      const auto chunk = view.previous_chunk(done);
      done -= chunk.last - chunk.first;
      if (intervals.empty() || intervals.back().last - intervals.back().first >= every)
        intervals.push_back(chunk);
      else if (direction_ == Direction::forward)
        intervals.back().first = chunk.first;
      else
        intervals.back().last = chunk.last;
    }
    std::reverse(intervals.begin(), intervals.end());
  }

  void run(std::size_t k, const Inputs<Scalar>& inputs, States initial) {
    tape_.present = k;
    if (tape_.intervals.size() > 1)
      tape_.part.assign_window(timeline_, tape_.intervals[k].first, tape_.intervals[k].last);
    present().forward(part_of(inputs), initial, tape_.output.from_column(columns_of(k).first), threads_);
  }

  IntervalPass present() const {
    return {cell_, *weights_, tape_.intervals.size() > 1 ? tape_.part : timeline_, direction_, tape_};
  }

  /// First column of an interval, and its number of columns.
  std::pair<Index, Index> columns_of(std::size_t k) const {
    const auto [first, last] = tape_.intervals[k];
    return {timeline_.offset(first), timeline_.offset(last) - timeline_.offset(first)};
  }

  /// Columns of the present interval.
  template <class Views, class Part>
  std::vector<Part>& part_of(const Views& views, std::vector<Part>& parts) const {
    const auto [first, columns] = columns_of(tape_.present);
    parts.clear();
    for (const auto& view : views) parts.push_back(detail::from_column(view, first, columns));
    return parts;
  }
  Inputs<Scalar> part_of(const Inputs<Scalar>& inputs) const {
    if (tape_.intervals.size() == 1) return inputs;
    return {part_of(inputs.steps, tape_.part_inputs), inputs.constants, inputs.memory, tape_.noise};
  }
  InputGradients<Scalar> part_of(const InputGradients<Scalar>& d_inputs) const {
    if (tape_.intervals.size() == 1) return d_inputs;
    return {part_of(d_inputs.steps, tape_.part_d_inputs), d_inputs.constants, d_inputs.memory};
  }

  void begin_gradients(States d_final) {
    for (int s = 0; s < states; ++s) {
      const Index rows = cell_.state_rows(s);
      tape_.d_state[s].shape(rows, timeline_.batch());
      detail::order_by_rank(d_final.empty() ? nullptr : &d_final[std::size_t(s)], rows, timeline_,
                            tape_.d_state[s].strided());
    }
  }

  // ---- checks of arguments

  void check(const Inputs<Scalar>& inputs, std::span<const MatrixX<Scalar>> initial) const {
    detail::check_equal("cell", "number of inputs", Index(inputs.steps.size()), cell_.inputs());
    detail::check_equal("cell", "number of constants", Index(inputs.constants.size()), cell_.constants());
    for (int k = 0; k < cell_.inputs(); ++k)
      detail::check_pass_shape("input", k, inputs.steps[std::size_t(k)].rows(), inputs.steps[std::size_t(k)].cols(),
                               cell_.input_rows(k), timeline_.columns());
    for (int k = 0; k < cell_.constants(); ++k)
      detail::check_pass_shape("constant", k, inputs.constants[std::size_t(k)].rows(),
                               inputs.constants[std::size_t(k)].cols(), cell_.constant_rows(k), timeline_.batch());
    check_states("initial state", initial);
  }

  void check_kept() const {
    require<ValueError>(
        tape_.columns >= 0,
        "cell: there was no forward pass, or a backward pass has used its values; run a forward pass first");
    require<ShapeError>(tape_.columns == timeline_.columns(), "cell: columns of the backward pass must be ",
                        tape_.columns, ", as in the forward pass, got ", timeline_.columns());
    require<ValueError>(tape_.keep != Keep::nothing,
                        "cell: the forward pass ran with Keep::nothing; run it with Keep::everything");
  }

  /// The forward pass has checked the memory itself.
  static void check_memory(const Inputs<Scalar>& inputs, const InputGradients<Scalar>& d_inputs) {
    if constexpr (requires { C::reads_memory; })
      if constexpr (C::reads_memory) {
        require<ShapeError>(inputs.memory != nullptr && inputs.memory->timeline != nullptr,
                            "cell: the backward pass has no attention memory; pass that of the forward pass");
        check_like("values", d_inputs.memory.values, inputs.memory->values);
        check_like("keys", d_inputs.memory.keys, inputs.memory->keys);
      }
  }
  static void check_like(const char* what, const View<Scalar>& gradient, const ConstView<Scalar>& of) {
    require<ShapeError>(gradient.data() == nullptr || (gradient.rows() == of.rows() && gradient.cols() == of.cols()),
                        "cell: gradient of the memory's ", what, " must be [", of.rows(), " x ", of.cols(), "], got [",
                        gradient.rows(), " x ", gradient.cols(), "]");
  }

  void check_gradients(const ConstView<Scalar>& d_output, std::span<const MatrixX<Scalar>> d_final) const {
    if (d_output.data() != nullptr)
      detail::check_pass_shape("gradient of output", 0, d_output.rows(), d_output.cols(), cell_.output_rows(),
                               timeline_.columns());
    check_states("gradient of final state", d_final);
  }

  void check_states(std::string_view what, std::span<const MatrixX<Scalar>> given) const {
    require<ShapeError>(given.empty() || given.size() == std::size_t(states), "cell: matrices of ", what, " must be ",
                        states, ", got ", given.size());
    for (std::size_t s = 0; s < given.size(); ++s)
      detail::check_pass_shape(what, int(s), given[s].rows(), given[s].cols(), cell_.state_rows(int(s)),
                               timeline_.batch());
  }

  const C& cell_;
  const Weights* weights_;
  bool prepares_ = false;  // with parameters theta_, which are null for a cell that has none
  const Scalar* theta_ = nullptr;
  const Timeline& timeline_;
  Direction direction_;
  Tape<C>& tape_;
  ThreadPool* threads_;
};

}  // namespace unroll
