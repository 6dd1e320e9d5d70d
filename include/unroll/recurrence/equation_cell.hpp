#pragma once
// A cell for the engine, made from equations: the products of each stage, then its fused passes, and the same
// backwards.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "unroll/core/buffer.hpp"
#include "unroll/core/products.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/recurrence/kernels.hpp"
#include "unroll/recurrence/layout.hpp"

namespace unroll {

/// The recurrence that `equations` say. `fixed_units` sets the units at compile time.
///
/// It models the concept Cell of the engine (engine/cell.hpp), where each member function is explained. A cell is a
/// description: its parameters, and all that a pass over time writes, are handed to it.
template <std::floating_point S, const auto& equations, int fixed_units = Eigen::Dynamic>
class EquationCell {
 public:
  using Scalar = S;
  using Derivation = Derived<equations>;
  static constexpr const auto& program = Derivation::program;
  static constexpr const auto& schedule = Derivation::schedule;
  static constexpr int states = program.states;
  static constexpr int output_state = program.output_state;

  EquationCell() = default;

  /// Throws ShapeError when the sizes do not fit the equations.
  explicit EquationCell(CellSizes sizes) : layout_(std::make_shared<CellLayout<Derivation>>(with_fixed_units(sizes))) {}

  int inputs() const { return program.inputs; }
  int constants() const { return program.constants; }
  Index input_rows(int k) const { return layout_->input_rows(k); }
  Index constant_rows(int k) const { return layout_->constant_rows(k); }
  Index units() const { return rows_of_size(0); }
  Index state_rows(int s) const { return rows_of_size(program.state[s].size); }
  Index output_rows() const { return rows_of_size(program.size_of(program.output)); }
  const ParameterTable& parameters() const { return layout_->table(); }
  /// Whether a product reads the state before the step.
  static constexpr bool collects_state(int s) {
    for (int v = 0; v < schedule.sources; ++v)
      if (schedule.source[v].operation == s) return true;
    return false;
  }
  const CellLayout<Derivation>& layout() const { return *layout_; }

  /// Numbers that a pass keeps for each column, states and output not counted.
  Index kept_rows() const {
    Index rows = layout_->term_rows();
    for (int k = 0; k < schedule.extras; ++k) rows += layout_->rows(schedule.extra[k]);
    return rows;
  }

  /// What a pass over time writes: packed weights, kept values, and what the way back adds up.
  struct Work {
    Table<PackedMatrix<S>, schedule.products> forward, backward;
    Buffer<S> terms;
    Table<Buffer<S>, schedule.extras> extra;
    Vector<S> bias;  // one for each row of the terms, 0 where a term has none
    Table<Vector<S>, program.weights> single;
    Table<Buffer<S>, program.constants> constant;  // products of each constant, by rank; later their gradients
    Table<Buffer<S>, schedule.incomings> incoming;
    Table<Vector<S>, program.weights> d_single;
    bool consumed = true;  // nothing is kept yet, or the way back has replaced it by gradients
  };

  void begin(const S* theta, const Inputs<S>& inputs, const Timeline& timeline, Work& work) const {
    for (int p = 0; p < schedule.products; ++p) work.forward[p].pack(product_weights(theta, schedule.product[p]));
    copy_small_parameters(theta, work);
    work.terms.shape(layout_->term_rows(), timeline.columns());
    for (int k = 0; k < schedule.extras; ++k) work.extra[k].shape(layout_->rows(schedule.extra[k]), timeline.columns());
    each_source(-1, Op::constant,
                [&](const Source& source, int k) { project_constant(source, inputs.constants[std::size_t(k)], work); });
    work.consumed = false;
  }

  /// Products with inputs and constants, for many steps at once.
  void project(const Inputs<S>& inputs, const Timeline& timeline, Index first_step, Index last_step, Work& work) const {
    const Index first = timeline.offset(first_step), columns = timeline.offset(last_step) - first;
    for (int v = 0; v < schedule.sources;
         ++v) {  // in this order: the first to reach a row overwrites it, the next ones add
      const Source& source = schedule.source[v];
      const Operation& operation = program.operation[source.operation];
      if (operation.op == Op::input) {
        const auto& x = inputs.steps[std::size_t(operation.index)];
        take_products(source, {x.data(), x.outerStride()}, first, columns, work);
      } else if (operation.op == Op::constant) {
        for (Index t = first_step; t < last_step; ++t)
          spread_constant(source, operation.index, timeline.offset(t), timeline.active(t), work);
      }
    }
  }

  void step(const Step<S, states>& step, Work& work) const {
    const auto frame = make_frame(step, work);
    for_stages<0>([&]<class Stage>(Stage) {
      constexpr int stage = Stage::value;
      for (int v = 0; v < schedule.sources; ++v)
        if (const Source& source = schedule.source[v]; source.ready == stage)
          take_products(source, values_of(source.operation, step, work), step.first, step.columns, work);
      for_passes<stage>([&]<class Kernel>(Kernel, Index rows) { Kernel::forward(frame, rows, step.columns); });
    });
  }

  void begin_back(const S* theta, const Timeline& timeline, Work& work) const {
    require<ValueError>(
        !work.consumed,
        "cell: there is no pass forward to go back over, or the way back has been run already; it uses up "
        "what the way forward kept");
    require<ShapeError>(work.terms.cols() == timeline.columns(), "cell: the pass forward had ", work.terms.cols(),
                        " columns, the way back has ", timeline.columns());
    for (int p = 0; p < schedule.products; ++p)
      work.backward[p].pack_transposed(product_weights(theta, schedule.product[p]));
    for (int k = 0; k < schedule.incomings; ++k)
      work.incoming[k].shape(layout_->rows(schedule.incoming_operation[k]), timeline.batch());
    for (int w = 0; w < program.weights; ++w)
      work.d_single[w].setZero(
          layout_->rows_of_size(program.weight[w].per_unit ? program.weight[w].size : widest_size()));
    each_source(-1, Op::constant, [&](const Source&, int k) { work.constant[k].view().setZero(); });
    work.consumed = true;
  }

  void step_back(const StepBack<S, states>& step, Work& work) const {
    auto frame = make_frame(step, work);
    frame.d_state = step.d_state;
    frame.d_output = step.d_output;
    for (int k = 0; k < schedule.incomings; ++k) frame.incoming[k] = work.incoming[k].strided();
    for (int w = 0; w < program.weights; ++w) frame.d_weight[w] = work.d_single[w].data();
    for_stages<0>([&]<class Stage>(Stage) {
      constexpr int stage = schedule.stages - 1 - Stage::value;
      for (int v = 0; v < schedule.sources; ++v)
        if (const Source& source = schedule.source[v]; source.ready == stage + 1) pull_source(source, step, work);
      for_passes<stage>([&]<class Kernel>(Kernel, Index rows) { Kernel::backward(frame, rows, step.columns); });
    });
    for (int v = 0; v < schedule.sources; ++v)
      if (const Source& source = schedule.source[v]; source.ready == 0) {
        const Strided<S> d_state = step.d_state[program.operation[source.operation].index];
        pull_products(source, step.first, step.columns, d_state, true, work);
      }
    each_source(-1, Op::constant, [&](const Source& source, int k) { gather_constant(source, k, step, work); });
  }

  /// Gradients that sum over columns, for many steps at once; `chunk` holds the states before and after those columns.
  void collect(const Step<S, states>& chunk, const Inputs<S>& inputs, S* gradient, const InputGradients<S>& d_inputs,
               Work& work) const {
    for (int v = 0; v < schedule.sources; ++v) {
      const Source& source = schedule.source[v];
      const Operation& operation = program.operation[source.operation];
      if (operation.op == Op::constant) continue;
      const auto values = operation.op == Op::input
                              ? Strided<const S>{inputs.steps[std::size_t(operation.index)].data(),
                                                 inputs.steps[std::size_t(operation.index)].outerStride()}
                                    .from_column(chunk.first)
                              : values_of(source.operation, chunk, work);
      add_weight_gradient(source, work.terms.strided().from_column(chunk.first), values, chunk.columns, gradient);
      if (operation.op != Op::input) continue;
      if (auto& d_input = d_inputs.steps[std::size_t(operation.index)]; d_input.data() != nullptr)
        pull_products(source, chunk.first, chunk.columns,
                      Strided<S>{d_input.data(), d_input.outerStride()}.from_column(chunk.first), false, work);
    }
    add_bias_gradient(chunk, gradient, work);
  }

  void end_back(const Inputs<S>& inputs, S* gradient, const InputGradients<S>& d_inputs, Work& work) const {
    for (int w = 0; w < program.weights; ++w) {
      S* to = gradient + layout_->single_offset(w);
      if (program.weight[w].per_unit)
        Eigen::Map<Vector<S>>(to, work.d_single[w].size()) += work.d_single[w];
      else
        *to += work.d_single[w].sum();
    }
    each_source(-1, Op::constant,
                [&](const Source& source, int k) { finish_constant(source, k, inputs, gradient, d_inputs, work); });
  }

  /// The first equation and column in the order of computation whose value is not finite.
  std::optional<std::pair<std::string, Index>> first_non_finite(const Step<S, states>& all, const Timeline& timeline,
                                                                bool forward_in_time, Work& work) const {
    std::optional<std::pair<std::string, Index>> first;
    const auto earlier = [&](Index a, Index b) {  // columns are ordered by step
      const Index step_a = step_of(timeline, a), step_b = step_of(timeline, b);
      return forward_in_time ? step_a < step_b : step_a > step_b;
    };
    Matrix<S> values;
    for_operations<0>([&]<class E>(E) {
      trace_equation<E::value>(all, work, values);
      for (Index c = 0; c < values.cols(); ++c)
        if (!values.col(c).allFinite() && (!first || earlier(c, first->second)))
          first.emplace(std::string(program.equation[E::value].name), c);
    });
    return first;
  }

  /// Writes the value of the named equation for all columns [rows x columns], as the last pass forward computed it.
  /// Only before the way back has run. `after` are the states after each step. Throws ValueError for a name that no
  /// equation has.
  void trace(std::string_view name, const Step<S, states>& all, Work& work, Matrix<S>& to) const {
    require<ValueError>(!work.consumed, "cell: '", name,
                        "' cannot be traced before a pass forward or after the way back has run");
    bool found = false;
    for_operations<0>([&]<class E>(E) {
      if (program.equation[E::value].name == name && !found) found = true, trace_equation<E::value>(all, work, to);
    });
    require<ValueError>(found, "cell: no equation has the name '", name, "'");
  }

 private:
  using Frame = unroll::Frame<S, Derivation>;

  static Index step_of(const Timeline& timeline, Index column) {
    Index t = 0;
    while (timeline.offset(t + 1) <= column) ++t;
    return t;
  }

  static CellSizes with_fixed_units(CellSizes sizes) {
    if constexpr (fixed_units != Eigen::Dynamic) {
      require<ShapeError>(sizes.units == 0 || sizes.units == fixed_units, "cell: made for ", fixed_units,
                          " units, got ", sizes.units);
      sizes.units = fixed_units;
    }
    return sizes;
  }

  Index rows_of_size(int size) const {
    if constexpr (fixed_units != Eigen::Dynamic)
      if (size == 0) return fixed_units;
    return layout_->rows_of_size(size);
  }
  int widest_size() const {
    int widest = 0;
    for (int k = 1; k < program.size_count; ++k)
      if (rows_of_size(k) > rows_of_size(widest)) widest = k;
    return widest;
  }

  ConstView<S> product_weights(const S* theta, const Product& p) const {
    return {theta + layout_->weight_offset(p), layout_->product_rows(p),
            layout_->rows(schedule.source[p.source].operation), Eigen::OuterStride<>(layout_->weight_stride(p))};
  }

  void copy_small_parameters(const S* theta, Work& work) const {
    work.bias.setZero(layout_->term_rows());
    for (int k = 0; k < program.terms; ++k) {
      const Index rows = layout_->rows_of_size(program.equation[program.term[k].equation].size);
      if (layout_->bias_offset(k) >= 0)
        work.bias.segment(layout_->term_row()[k], rows) =
            Eigen::Map<const Vector<S>>(theta + layout_->bias_offset(k), rows);
    }
    for (int w = 0; w < program.weights; ++w)
      work.single[w] = Eigen::Map<const Vector<S>>(theta + layout_->single_offset(w), layout_->single_rows(w));
  }

  // ---- stages and passes

  template <int from, class F>
  static void for_stages(F&& f) {
    if constexpr (from < schedule.stages) f(std::integral_constant<int, from>{}), for_stages<from + 1>(f);
  }
  template <int from, class F>
  static void for_operations(F&& f) {
    if constexpr (from < program.equations) f(std::integral_constant<int, from>{}), for_operations<from + 1>(f);
  }
  template <int stage, int size = 0, class F>
  void for_passes(F&& f) const {
    if constexpr (size < program.size_count) {
      if constexpr (Derivation::has_pass(stage, size))
        f(PassKernel<Derivation, NativeLanes<S>, stage, size>{}, rows_of_size(size));
      for_passes<stage, size + 1>(f);
    }
  }
  template <class F>
  static void each_source(int ready, Op op, F&& f) {
    for (int v = 0; v < schedule.sources; ++v)
      if (const Source& source = schedule.source[v];
          source.ready == ready && program.operation[source.operation].op == op)
        f(source, program.operation[source.operation].index);
  }

  Frame make_frame(const Step<S, states>& step, Work& work) const {
    Frame frame;
    frame.before = step.before;
    frame.after = step.after;
    frame.output = step.output;
    frame.terms = work.terms.strided().from_column(step.first);
    frame.term_row = layout_->term_row();
    frame.bias = work.bias.data();
    for (int k = 0; k < schedule.extras; ++k) frame.extra[k] = work.extra[k].strided().from_column(step.first);
    for (int w = 0; w < program.weights; ++w) frame.weight[w] = work.single[w].data();
    return frame;
  }

  /// Where the values lie that a product reads, from the step's first column on.
  Strided<const S> values_of(int operation, const Step<S, states>& step, Work& work) const {
    if (program.operation[operation].op == Op::state) return step.before[program.operation[operation].index];
    const int at = schedule.stored_at[operation];
    if (schedule.storage[operation] == Storage::history) return step.after[at];
    return work.extra[at].strided().from_column(step.first);
  }

  // ---- products

  Strided<S> product_target(const Product& p, Index column, Work& work) const {
    return {work.terms.strided().at(layout_->slot_row(p.first_slot), column), layout_->term_rows()};
  }

  void take_products(const Source& source, Strided<const S> values, Index first, Index columns, Work& work) const {
    if (program.operation[source.operation].op == Op::input) values = values.from_column(first);
    for (int k = source.first_product; k < source.first_product + source.products; ++k) {
      const Product& p = schedule.product[k];
      const auto to = product_target(p, first, work);
      if (p.adds)
        work.forward[k].multiply_add(values.data, values.stride, columns, to.data, to.stride);
      else
        work.forward[k].multiply(values.data, values.stride, columns, to.data, to.stride);
    }
  }

  /// target (+)= W^T times the gradients of the pre-activations.
  void pull_products(const Source& source, Index first, Index columns, Strided<S> target, bool add, Work& work) const {
    for (int k = source.first_product; k < source.first_product + source.products; ++k) {
      const auto from = product_target(schedule.product[k], first, work);
      if (add)
        work.backward[k].multiply_add(from.data, from.stride, columns, target.data, target.stride);
      else
        work.backward[k].multiply(from.data, from.stride, columns, target.data, target.stride);
      add = true;
    }
  }

  /// The gradient of an intermediate value, from the terms that read it, for the pass that computed it.
  void pull_source(const Source& source, const Step<S, states>& step, Work& work) const {
    const int o = source.operation;
    const bool read_by_later_pass = schedule.last_reader[o] > source.ready - 1;
    pull_products(source, step.first, step.columns, work.incoming[schedule.incoming[o]].strided(), read_by_later_pass,
                  work);
  }

  void add_weight_gradient(const Source& source, Strided<S> d_terms, Strided<const S> values, Index columns,
                           S* gradient) const {
    for (int k = source.first_product; k < source.first_product + source.products; ++k) {
      const Product& p = schedule.product[k];
      add_outer_products(d_terms.at(layout_->slot_row(p.first_slot), 0), d_terms.stride, layout_->product_rows(p),
                         values.data, values.stride, layout_->rows(source.operation), columns,
                         gradient + layout_->weight_offset(p), layout_->weight_stride(p));
    }
  }

  void add_bias_gradient(const Step<S, states>& chunk, S* gradient, Work& work) const {
    for (int k = 0; k < program.terms; ++k) {
      if (layout_->bias_offset(k) < 0) continue;
      const Index rows = layout_->rows_of_size(program.equation[program.term[k].equation].size);
      const auto d_term = work.terms.view().block(layout_->term_row()[k], chunk.first, rows, chunk.columns);
      Eigen::Map<Vector<S>> sum(gradient + layout_->bias_offset(k), rows);
      for (Index c = 0; c < chunk.columns; ++c) sum += d_term.col(c);
    }
  }

  // ---- constants: one product per sequence, spread over its steps

  void project_constant(const Source& source, const ConstView<S>& constant, Work& work) const {
    auto to =
        work.constant[program.operation[source.operation].index].shape(constant_term_rows(source), constant.cols());
    Index row = 0;
    for (int k = source.first_product; k < source.first_product + source.products; ++k) {
      work.forward[k].multiply(constant.data(), constant.outerStride(), constant.cols(), to.data() + row,
                               to.outerStride());
      row += layout_->product_rows(schedule.product[k]);
    }
  }

  Index constant_term_rows(const Source& source) const {
    Index rows = 0;
    for (int k = source.first_product; k < source.first_product + source.products; ++k)
      rows += layout_->product_rows(schedule.product[k]);
    return rows;
  }

  /// The columns of a step are its sequences in order of rank.
  void spread_constant(const Source& source, int constant, Index first, Index columns, Work& work) const {
    Index row = 0;
    for (int k = source.first_product; k < source.first_product + source.products; ++k) {
      const Product& p = schedule.product[k];
      const Index rows = layout_->product_rows(p);
      const auto from = work.constant[constant].view().block(row, 0, rows, columns);
      auto to = work.terms.view().block(layout_->slot_row(p.first_slot), first, rows, columns);
      if (p.adds)
        to += from;
      else
        to = from;
      row += rows;
    }
  }

  void gather_constant(const Source& source, int constant, const Step<S, states>& step, Work& work) const {
    Index row = 0;
    for (int k = source.first_product; k < source.first_product + source.products; ++k) {
      const Product& p = schedule.product[k];
      const Index rows = layout_->product_rows(p);
      work.constant[constant].view().block(row, step.rank, rows, step.columns) +=
          work.terms.view().block(layout_->slot_row(p.first_slot), step.first, rows, step.columns);
      row += rows;
    }
  }

  void finish_constant(const Source& source, int constant, const Inputs<S>& inputs, S* gradient,
                       const InputGradients<S>& d_inputs, Work& work) const {
    const auto& values = inputs.constants[std::size_t(constant)];
    const auto d_products = work.constant[constant].view();
    auto& d_constant = d_inputs.constants[std::size_t(constant)];
    Index row = 0;
    for (int k = source.first_product; k < source.first_product + source.products; ++k) {
      const Product& p = schedule.product[k];
      const S* from = d_products.data() + row;
      add_outer_products(from, d_products.outerStride(), layout_->product_rows(p), values.data(), values.outerStride(),
                         values.rows(), values.cols(), gradient + layout_->weight_offset(p), layout_->weight_stride(p));
      if (d_constant.data() != nullptr) {
        if (row == 0) d_constant.setZero();
        work.backward[k].multiply_add(from, d_products.outerStride(), values.cols(), d_constant.data(),
                                      d_constant.outerStride());
      }
      row += layout_->product_rows(p);
    }
  }

  template <int equation>
  void trace_equation(const Step<S, states>& all, Work& work, Matrix<S>& to) const {
    constexpr int root = program.equation[equation].root;
    constexpr int size = program.equation[equation].size;
    to.resize(rows_of_size(size), all.columns);
    using Kernel = PassKernel<Derivation, NativeLanes<S>, schedule.stage[equation], size>;
    Kernel::template trace<root>(make_frame(all, work), to.rows(), to.cols(), {to.data(), to.outerStride()});
  }

  std::shared_ptr<const CellLayout<Derivation>> layout_;  // shared by copies: a cell is handed around by value
};

}  // namespace unroll
