#pragma once
// What stands between the passes of a cell: its `attend` terms, forward and back.
//
// The memory is copied once per pass, so that the steps of one sequence lie next to each other, and its keys are
// projected once. Then every column of a step is a query of its own.

#include <algorithm>
#include <vector>

#include "unroll/core/buffer.hpp"
#include "unroll/recurrence/run/layout.hpp"
#include "unroll/simd/column_sums.hpp"
#include "unroll/simd/products.hpp"

namespace unroll {

/// Parameters of an additive score as passes read them.
template <class S>
struct AttentionWeights {
  PackedMatrix<S> keys, keys_back;
  Vector<S> bias;
  Vector<S> vector;        // of a normalised score g v / |v|
  Vector<S> direction;     // and v / |v|
  S length = 0, gain = 0;  // |v| and g
};

/// What a pass keeps of an `attend`.
template <class S>
struct AttentionWork {
  Buffer<S> keys, d_keys;  // projected [rows x steps of all sequences]
  Buffer<S> weights;       // [longest sequence x columns]
  Vector<double> d_vector;
};

/// The memory, one sequence after the other.
template <class S>
struct MemoryWork {
  Buffer<S> values, keys, d_values, d_keys;  // [rows x steps of all sequences]; no keys where the values serve
  std::vector<Index> first;                  // of each sequence, and the end
  std::vector<Index> step;                   // in its padded batch, of each column
  std::vector<Index> source;                 // which sequence each rank attends to
  std::vector<Index> seen;                   // steps that a column may see
  Index longest = 0;
  bool has_keys = false, causal = false;
  Buffer<S> d_weights;  // of one query
};

namespace detail {

template <class S, class D, class CellWeights, class CellWork>
class CellAttention {
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;

 public:
  CellAttention(const CellLayout<D>& layout, const CellWeights& weights, CellWork& work)
      : layout_(layout), weights_(weights), work_(work) {}

  static void prepare(const CellLayout<D>& layout, const S* theta, CellWeights& weights) {
    each_additive([&](int k) {
      const auto& at = layout.attention(k);
      AttentionWeights<S>& w = weights.attention[k];
      const Index rows = layout.rows_of_term(program.attention[k].term);
      w.keys.pack(matrix(theta + at.memory, rows, layout.key_rows()));
      if (at.bias >= 0) w.bias = Eigen::Map<const Vector<S>>(theta + at.bias, rows);
      w.vector = Eigen::Map<const Vector<S>>(theta + at.vector, rows);
      if (at.gain < 0) return;
      w.length = std::max(w.vector.norm(), S(1e-12));  // a vector of zeros has no direction: scores are 0
      w.gain = theta[at.gain];
      w.direction = w.vector / w.length;
      w.vector = w.gain * w.direction;
    });
  }
  static void prepare_back(const CellLayout<D>& layout, const S* theta, CellWeights& weights) {
    each_additive([&](int k) {
      weights.attention[k].keys_back.pack_transposed(matrix(
          theta + layout.attention(k).memory, layout.rows_of_term(program.attention[k].term), layout.key_rows()));
    });
  }

  // ---- the memory

  /// Once per pass over `timeline`. Throws ShapeError for a memory that does not fit.
  void begin(const AttentionMemory<S>* given, const Timeline& timeline) {
    require<ShapeError>(given != nullptr && given->timeline != nullptr,
                        "cell: its equations attend to a memory, and none is given");
    check(*given, timeline);
    lay_out(*given, timeline);
    memory().has_keys = given->keys.data() != nullptr;
    memory().causal = given->causal;
    gather(given->values, *given->timeline, memory().values);
    if (memory().has_keys) gather(given->keys, *given->timeline, memory().keys);
    each_additive([&](int k) { project(k); });
  }

  /// Before each stretch of steps, whose columns are those of `timeline`.
  void make_room(const Timeline& timeline) {
    for (int k = 0; k < program.attentions; ++k) work_.attention[k].weights.shape(memory().longest, timeline.columns());
    auto& seen = memory().seen;
    seen.resize(std::size_t(timeline.columns()));
    for (Index c = 0; c < timeline.columns(); ++c) {
      const Index source = memory().source[std::size_t(timeline.rank_of(c))];
      const auto begin = memory().step.begin() + first(source), end = memory().step.begin() + first(source + 1);
      seen[std::size_t(c)] = memory().causal ? std::upper_bound(begin, end, timeline.step_of(c)) - begin : end - begin;
    }
  }

  // ---- a step

  /// The columns [first_column, first_column + columns), the first of them of this rank.
  void attend(int k, Index first_column, Index columns, Index rank) {
    const AttentionInfo& info = program.attention[k];
    auto weights = work_.attention[k].weights.view();
    for (Index column = first_column; column < first_column + columns; ++column) {
      const auto [from, steps] = window(column, rank + column - first_column);
      const S* const query = query_at(k, column);
      S* const scores = weights.col(column).data();
      const auto keys = part(compared_keys(k), from, steps);
      if (info.score == ScoreKind::additive)
        attention::additive_scores(keys, query, weights_.attention[k].vector.data(), scores);
      else
        attention::dot_scores(keys, query, scale(k), scores);
      attention::softmax(scores, steps);
      std::fill(scores + steps, scores + weights.rows(), S(0));
      attention::weighted_sum(part(values(), from, steps), scores, context_at(k, column));
    }
  }

  /// `d_context` begins with the first of the columns. The query is replaced by its gradient.
  void attend_back(int k, Index first_column, Index columns, Index rank, Strided<const S> d_context) {
    const AttentionInfo& info = program.attention[k];
    AttentionWork<S>& own = work_.attention[k];
    S* const d_scores = memory().d_weights.data();
    for (Index column = first_column; column < first_column + columns; ++column) {
      const auto [from, steps] = window(column, rank + column - first_column);
      const S* const weights = own.weights.view().col(column).data();
      attention::weighted_sum_back(part(values(), from, steps), weights, d_context.at(0, column - first_column),
                                   d_scores, part(memory().d_values, from, steps));
      attention::softmax_back(weights, d_scores, steps);
      S* const query = query_at(k, column);
      const auto keys = part(compared_keys(k), from, steps);
      if (info.score == ScoreKind::additive)
        attention::additive_scores_back(keys, query, weights_.attention[k].vector.data(), d_scores, query,
                                        part(own.d_keys, from, steps), own.d_vector.data());
      else
        attention::dot_scores_back(keys, query, scale(k), d_scores, query, part(compared_d_keys(), from, steps));
    }
  }

  // ---- the way back's beginning and end

  void begin_back() {
    const Index steps = memory().values.cols();
    memory().d_values.zero(layout_.memory_rows(), steps);
    memory().d_keys.zero(layout_.key_rows(), memory().has_keys ? steps : 0);
    memory().d_weights.shape(memory().longest, 1);
    each_additive([&](int k) {
      AttentionWork<S>& own = work_.attention[k];
      own.d_keys.zero(own.keys.rows(), steps);
      own.d_vector.setZero(own.keys.rows());
    });
  }

  /// Adds the gradients of the parameters; overwrites those of the memory that are wanted.
  void end_back(const AttentionMemory<S>& given, S* gradient, const MemoryGradient<S>& d_memory) {
    each_additive([&](int k) { pull_projection(k, gradient); });
    if (d_memory.values.data() != nullptr) scatter(memory().d_values, *given.timeline, d_memory.values);
    if (d_memory.keys.data() != nullptr && memory().has_keys) scatter(memory().d_keys, *given.timeline, d_memory.keys);
  }

 private:
  template <class F>
  static void each_additive(F&& f) {
    for (int k = 0; k < program.attentions; ++k)
      if (program.attention[k].score == ScoreKind::additive) f(k);
  }

  MemoryWork<S>& memory() { return work_.memory; }
  Index first(Index source) { return memory().first[std::size_t(source)]; }

  static ConstView<S> matrix(const S* from, Index rows, Index cols) {
    return {from, rows, cols, Eigen::OuterStride<>(rows)};
  }
  static ConstView<S> part(const Buffer<S>& whole, Index from, Index steps) {
    return {whole.view().data() + from * whole.rows(), whole.rows(), steps, Eigen::OuterStride<>(whole.rows())};
  }
  static View<S> part(Buffer<S>& whole, Index from, Index steps) {
    return {whole.data() + from * whole.rows(), whole.rows(), steps, Eigen::OuterStride<>(whole.rows())};
  }

  // ---- what is compared with what

  const Buffer<S>& values() { return memory().values; }
  const Buffer<S>& own_keys() { return memory().has_keys ? memory().keys : memory().values; }
  const Buffer<S>& compared_keys(int k) {
    return program.attention[k].score == ScoreKind::additive ? work_.attention[k].keys : own_keys();
  }
  Buffer<S>& compared_d_keys() { return memory().has_keys ? memory().d_keys : memory().d_values; }
  S scale(int k) const {
    return program.attention[k].score == ScoreKind::scaled_dot ? S(1 / std::sqrt(double(layout_.key_rows()))) : S(1);
  }

  S* query_at(int k, Index column) {
    return work_.terms.strided().at(layout_.term_row()[program.attention[k].term], column);
  }
  S* context_at(int k, Index column) {
    return work_.extra[schedule.stored_at[program.attention[k].operation]].strided().at(0, column);
  }

  /// Where the steps lie that a column attends to.
  std::pair<Index, Index> window(Index column, Index rank) {
    return {first(memory().source[std::size_t(rank)]), memory().seen[std::size_t(column)]};
  }

  // ---- the memory's order

  void lay_out(const AttentionMemory<S>& given, const Timeline& timeline) {
    MemoryWork<S>& m = memory();
    const Timeline& steps = *given.timeline;
    m.longest = steps.steps();
    m.first.resize(std::size_t(steps.batch()) + 1);
    m.first[0] = 0;
    for (Index b = 0; b < steps.batch(); ++b)
      m.first[std::size_t(b) + 1] = m.first[std::size_t(b)] + steps.length(steps.rank(b));
    m.step.resize(std::size_t(steps.columns()));
    each_step(steps, [&](Index column, Index place) { m.step[std::size_t(place)] = steps.step_of(column); });
    m.source.resize(std::size_t(timeline.batch()));
    for (Index r = 0; r < timeline.batch(); ++r) {
      const Index sample = timeline.sample(r);
      m.source[std::size_t(r)] = given.source.empty() ? sample : given.source[std::size_t(sample)];
    }
  }

  /// f(column of the timeline, its place where sequences stand one after the other)
  template <class F>
  void each_step(const Timeline& steps, F&& f) {
    for (Index b = 0; b < steps.batch(); ++b)
      for (Index t = 0, r = steps.rank(b); t < steps.length(r); ++t) f(steps.offset(t) + r, first(b) + t);
  }
  void gather(const ConstView<S>& from, const Timeline& steps, Buffer<S>& to) {
    auto gathered = to.shape(from.rows(), from.cols());
    each_step(steps, [&](Index column, Index place) { gathered.col(place) = from.col(column); });
  }
  void scatter(const Buffer<S>& from, const Timeline& steps, View<S> to) {
    each_step(steps, [&](Index column, Index place) { to.col(column) = from.view().col(place); });
  }

  // ---- projected keys

  void project(int k) {
    const AttentionWeights<S>& w = weights_.attention[k];
    const Buffer<S>& keys = own_keys();
    auto to = work_.attention[k].keys.shape(w.keys.rows(), keys.cols());
    w.keys.multiply(keys.view().data(), keys.rows(), keys.cols(), to.data(), to.outerStride());
    if (program.attention[k].biased)
      for (Index c = 0; c < to.cols(); ++c) to.col(c) += w.bias;
  }

  void pull_projection(int k, S* gradient) {
    const AttentionWeights<S>& w = weights_.attention[k];
    const auto& at = layout_.attention(k);
    const Buffer<S>& keys = own_keys();
    const auto d_keys = work_.attention[k].d_keys.view();
    add_outer_products(d_keys.data(), d_keys.outerStride(), d_keys.rows(), keys.view().data(), keys.rows(), keys.rows(),
                       keys.cols(), gradient + at.memory, d_keys.rows());
    if (at.bias >= 0) add_columns(view(std::as_const(d_keys)), gradient + at.bias);
    auto target = compared_d_keys().view();
    w.keys_back.multiply_add(d_keys.data(), d_keys.outerStride(), d_keys.cols(), target.data(), target.outerStride());
    pull_vector(k, gradient);
  }

  /// Through g v / |v| where the score is normalised.
  void pull_vector(int k, S* gradient) {
    const AttentionWeights<S>& w = weights_.attention[k];
    const auto& at = layout_.attention(k);
    const Vector<double>& d = work_.attention[k].d_vector;
    Eigen::Map<Vector<S>> d_vector(gradient + at.vector, d.size());
    if (at.gain < 0) {
      d_vector += d.template cast<S>();
      return;
    }
    const auto direction = w.direction.template cast<double>();
    const double along = d.dot(direction);
    gradient[at.gain] += S(along);
    d_vector += (double(w.gain / w.length) * (d - along * direction)).template cast<S>();
  }

  void check(const AttentionMemory<S>& given, const Timeline& timeline) const {
    check_shape("values", given.values, layout_.memory_rows(), *given.timeline);
    if (given.keys.data() != nullptr || given.timeline->columns() == 0 || layout_.key_rows() == layout_.memory_rows()) {
      if (given.keys.data() != nullptr) check_shape("keys", given.keys, layout_.key_rows(), *given.timeline);
    } else {
      throw ShapeError(text("cell: its keys have ", layout_.key_rows(), " rows and its values ", layout_.memory_rows(),
                            "; the memory comes without keys"));
    }
    require<ShapeError>(!given.source.empty() || given.timeline->batch() == timeline.batch(), "cell: the memory has ",
                        given.timeline->batch(), " sequences, the batch ", timeline.batch(), " samples");
    require<ShapeError>(given.source.empty() || Index(given.source.size()) == timeline.batch(),
                        "cell: the memory's `source` has ", given.source.size(), " entries, the batch ",
                        timeline.batch(), " samples");
    for (const Index source : given.source)
      require<ShapeError>(source >= 0 && source < given.timeline->batch(), "cell: the memory has ",
                          given.timeline->batch(), " sequences, a sample attends to number ", source);
  }
  static void check_shape(const char* what, const ConstView<S>& given, Index rows, const Timeline& steps) {
    require<ShapeError>(given.rows() == rows || steps.columns() == 0, "cell: the memory's ", what, ": expects ", rows,
                        " rows, got ", given.rows());
    require<ShapeError>(given.cols() == steps.columns(), "cell: the memory's ", what, ": its timeline has ",
                        steps.columns(), " columns, got ", given.cols());
  }

  const CellLayout<D>& layout_;
  const CellWeights& weights_;
  CellWork& work_;
};

}  // namespace detail
}  // namespace unroll
