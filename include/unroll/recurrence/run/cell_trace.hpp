#pragma once
// Values that a cell computed at every step, by equation name.

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "unroll/core/timeline.hpp"
#include "unroll/recurrence/run/cell_products.hpp"
#include "unroll/recurrence/run/kernels.hpp"

namespace unroll::detail {

/// Frame for the columns of `step`.
template <class S, class D>
Frame<S, D> make_frame(const CellLayout<D>& layout, const CellWeights<S, D>& weights,
                       const Step<S, D::program.states>& step, CellWork<S, D>& work) {
  Frame<S, D> frame;
  frame.before = step.before;
  frame.after = step.after;
  frame.output = step.output;
  frame.terms = work.terms.strided().from_column(step.first);
  frame.term_row = layout.term_row();
  frame.bias = weights.bias.data();
  for (int k = 0; k < D::schedule.extras; ++k) frame.extra[k] = work.extra[k].strided().from_column(step.first);
  for (int w = 0; w < D::vectors; ++w) frame.weight[w] = weights.single[w].data();
  return frame;
}

/// Replaces `first` by the name of `values` and their first column with a non-finite value, if its step is earlier in
/// the direction of the pass. Not inlined: it does not depend on a cell.
template <class S>
[[gnu::noinline]] void note_non_finite(const MatrixX<S>& values, std::string_view name, const Timeline& timeline,
                                       bool forward_in_time, std::optional<std::pair<std::string, Index>>& first) {
  const auto step_of = [&](Index column) {  // columns are ordered by step
    Index t = 0;
    while (timeline.offset(t + 1) <= column) ++t;
    return t;
  };
  const auto earlier = [&](Index a, Index b) {
    return forward_in_time ? step_of(a) < step_of(b) : step_of(a) > step_of(b);
  };
  for (Index c = 0; c < values.cols(); ++c)
    if (!values.col(c).allFinite() && (!first || earlier(c, first->second))) first.emplace(std::string(name), c);
}

/// Access to the values of a forward pass. Values that were not stored are recomputed. Valid only between the forward
/// and the backward pass.
template <class S, class D>
class CellTrace {
  static constexpr const auto& program = D::program;
  using Columns = Step<S, program.states>;

 public:
  /// `all`: the states before and after every step of the pass.
  CellTrace(const CellLayout<D>& layout, const CellWeights<S, D>& weights, const Columns& all, CellWork<S, D>& work)
      : layout_(layout),
        weights_(weights),
        columns_(all.columns),
        work_(work),
        frame_(make_frame(layout, weights, all, work)) {}

  [[gnu::cold]] void write(std::string_view name, MatrixX<S>& to) const {
    bool found = false;
    ColumnKinds::each_used<D>([&]<class Kind>() {
      if (!found) found = typename Kind::template Run<S, D>(layout_, weights_, work_).trace(name, to);
    });
    for_equations<0>([&]<class E>(E) {
      if (program.equation[E::value].name == name && !found) found = true, this->template write_equation<E::value>(to);
    });
    require<ValueError>(found, "cell: no equation has the name '", name, "'");
  }

  [[gnu::cold]] std::optional<std::pair<std::string, Index>> first_non_finite(const Timeline& timeline,
                                                                              bool forward_in_time) const {
    std::optional<std::pair<std::string, Index>> first;
    MatrixX<S> values;
    for_equations<0>([&]<class E>(E) {
      this->template write_equation<E::value>(values);
      note_non_finite(values, program.equation[E::value].name, timeline, forward_in_time, first);
    });
    return first;
  }

 private:
  template <int from, class F>
  static void for_equations(F&& f) {
    if constexpr (from < program.equations) f(std::integral_constant<int, from>{}), for_equations<from + 1>(f);
  }

  template <int equation>
  void write_equation(MatrixX<S>& to) const {
    constexpr int root = program.equation[equation].root;
    constexpr int dimension = program.equation[equation].dimension;
    to.resize(layout_.rows_of_size(dimension), columns_);
    using Kernel = PassKernel<D, NativeLanes<S>, D::schedule.stage[equation], dimension>;
    Kernel::template trace<root>(frame_, to.rows(), to.cols(), {to.data(), to.outerStride()});
  }

  const CellLayout<D>& layout_;
  const CellWeights<S, D>& weights_;
  Index columns_;
  CellWork<S, D>& work_;
  Frame<S, D> frame_;
};

}  // namespace unroll::detail
