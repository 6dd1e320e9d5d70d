#pragma once
// attend(score, query): the column operation that reads a memory, forward and backward.
//
// The keys of the memory are projected once per pass. Then each column of a step is one query.

#include <algorithm>

#include "unroll/recurrence/columns/attention_layout.hpp"
#include "unroll/recurrence/columns/attention_memory.hpp"
#include "unroll/simd/column_sums.hpp"
#include "unroll/simd/products.hpp"

namespace unroll::detail {

/// Parameters of an additive score in the form that passes read.
template <class S>
struct AttentionWeights {
  PackedMatrix<S> keys, keys_back;
  VectorX<S> bias;
  VectorX<S> vector;       // v, or g v / |v| for a normalised score
  VectorX<S> direction;    // v / |v|
  S length = 0, gain = 0;  // |v| and g
};

/// Values that a pass stores for one `attend`.
template <class S>
struct AttentionWork {
  Buffer<S> keys, d_keys;  // projected [rows x steps of all sequences]
  Buffer<S> weights;       // [longest sequence x columns]
  VectorX<double> d_vector;
};

/// Parameters and stored values of all `attend`s of a cell.
template <class S, int count>
struct AllAttentionWeights {
  Table<AttentionWeights<S>, count> attention;
};
template <class S, int count>
struct AllAttentionWork {
  MemoryWork<S> memory;
  Table<AttentionWork<S>, count> attention;
};

template <class S, class D>
class CellAttention : public ColumnRun<S, D> {
  static constexpr const auto& program = D::program;
  static constexpr auto words = find_words<D, language::AttentionWord>();
  using Base = ColumnRun<S, D>;
  using Layout = AttentionLayout<D>;
  using Weights = AllAttentionWeights<S, words.count>;
  using Work = AllAttentionWork<S, words.count>;

 public:
  CellAttention(const CellLayout<D>& layout, const CellWeights<S, D>& weights, CellWork<S, D>& work)
      : Base(layout, weights, work), layout_(layout.columns()), weights_(weights.columns), work_(work.columns) {}

  static void prepare(const CellLayout<D>& cell, const S* theta, CellWeights<S, D>& cell_weights) {
    const Layout& layout = cell.columns();
    Weights& weights = cell_weights.columns;
    each_additive([&](int k) {
      const auto& at = layout.attention(k);
      AttentionWeights<S>& w = weights.attention[k];
      const Index rows = cell.rows_of_term(term_of(k));
      w.keys.pack(matrix(theta + at.memory, rows, layout.key_rows()));
      if (at.bias >= 0) w.bias = Eigen::Map<const VectorX<S>>(theta + at.bias, rows);
      w.vector = Eigen::Map<const VectorX<S>>(theta + at.vector, rows);
      if (at.gain < 0) return;
      w.length = std::max(w.vector.norm(), S(1e-12));  // a zero vector has no direction: its scores are 0
      w.gain = theta[at.gain];
      w.direction = w.vector / w.length;
      w.vector = w.gain * w.direction;
    });
  }
  static void prepare_back(const CellLayout<D>& cell, const S* theta, CellWeights<S, D>& cell_weights) {
    const Layout& layout = cell.columns();
    Weights& weights = cell_weights.columns;
    each_additive([&](int k) {
      weights.attention[k].keys_back.pack_transposed(
          matrix(theta + layout.attention(k).memory, cell.rows_of_term(term_of(k)), layout.key_rows()));
    });
  }

  // ---- the memory

  /// Copies the memory and projects its keys. Throws ShapeError if it does not match the sizes.
  void begin(const Inputs<S>& inputs, const Timeline& timeline) {
    memory().begin(inputs.memory, timeline, layout_.memory_rows(), layout_.key_rows());
    each_additive([&](int k) { project(k); });
  }

  void make_room(const Timeline& timeline) {
    for (int k = 0; k < words.count; ++k) work_.attention[k].weights.shape(memory().longest, timeline.columns());
    memory().find_seen(timeline);
  }

  // ---- a step

  void run(int k, Index first_column, Index columns, Index rank) {
    auto weights = work_.attention[k].weights.view();
    for (Index column = first_column; column < first_column + columns; ++column) {
      const auto [from, steps] = memory().window(column, rank + column - first_column);
      const S* const query = query_at(k, column);
      S* const scores = weights.col(column).data();
      const auto keys = part(compared_keys(k), from, steps);
      if (words.word[k].score == ScoreKind::additive)
        attention::additive_scores(keys, query, weights_.attention[k].vector.data(), scores);
      else
        attention::dot_scores(keys, query, scale(k), scores);
      attention::softmax(scores, steps);
      std::fill(scores + steps, scores + weights.rows(), S(0));
      attention::weighted_sum(part(values(), from, steps), scores, context_at(k, column));
    }
  }

  /// Replaces the query by its gradient.
  void run_back(int k, Index first_column, Index columns, Index rank, Strided<const S> d_context) {
    AttentionWork<S>& own = work_.attention[k];
    S* const d_scores = memory().d_weights.data();
    for (Index column = first_column; column < first_column + columns; ++column) {
      const auto [from, steps] = memory().window(column, rank + column - first_column);
      const S* const weights = own.weights.view().col(column).data();
      attention::weighted_sum_back(part(values(), from, steps), weights, d_context.at(0, column - first_column),
                                   d_scores, part(memory().d_values, from, steps));
      attention::softmax_back(weights, d_scores, steps);
      S* const query = query_at(k, column);
      const auto keys = part(compared_keys(k), from, steps);
      if (words.word[k].score == ScoreKind::additive)
        attention::additive_scores_back(keys, query, weights_.attention[k].vector.data(), d_scores, query,
                                        part(own.d_keys, from, steps), own.d_vector.data());
      else
        attention::dot_scores_back(keys, query, scale(k), d_scores, query, part(compared_d_keys(), from, steps));
    }
  }

  // ---- start and end of the backward pass

  void begin_back() {
    memory().begin_back(layout_.memory_rows(), layout_.key_rows());
    each_additive([&](int k) {
      AttentionWork<S>& own = work_.attention[k];
      own.d_keys.zero(own.keys.rows(), own.keys.cols());
      own.d_vector.setZero(own.keys.rows());
    });
  }

  void end_back(const Inputs<S>& inputs, S* gradient, const InputGradients<S>& d_inputs) {
    each_additive([&](int k) { pull_projection(k, gradient); });
    memory().end_back(*inputs.memory, d_inputs.memory);
  }

  // ---- results

  /// Attention weights of the equation ctx = attend(...), under the name ctx.weights.
  bool trace(std::string_view name, MatrixX<S>& to) const {
    constexpr std::string_view suffix = ".weights";
    for (int k = 0; k < words.count; ++k) {
      const std::string_view equation = program.equation[program.term[term_of(k)].equation].name;
      if (name.size() != equation.size() + suffix.size() || !name.starts_with(equation) || !name.ends_with(suffix))
        continue;
      to = work_.attention[k].weights.view();
      return true;
    }
    return false;
  }

  void read_sequences(std::span<const Index> sources) { memory().read_sequences(sources); }

  /// Attention weights of the last step's first `attend` [longest sequence of the memory x columns].
  static ConstView<S> memory_weights(const CellWork<S, D>& work) {
    const Work& own = work.columns;
    return own.attention[0].weights.view();
  }

 private:
  template <class F>
  static void each_additive(F&& f) {
    for (int k = 0; k < words.count; ++k)
      if (words.word[k].score == ScoreKind::additive) f(k);
  }
  static constexpr int term_of(int k) { return program.column_operation[words.number[k]].term; }

  MemoryWork<S>& memory() { return work_.memory; }

  static ConstView<S> matrix(const S* from, Index rows, Index cols) {
    return {from, rows, cols, Eigen::OuterStride<>(rows)};
  }
  static ConstView<S> part(const Buffer<S>& whole, Index from, Index steps) {
    return {whole.view().data() + from * whole.rows(), whole.rows(), steps, Eigen::OuterStride<>(whole.rows())};
  }
  static View<S> part(Buffer<S>& whole, Index from, Index steps) {
    return {whole.data() + from * whole.rows(), whole.rows(), steps, Eigen::OuterStride<>(whole.rows())};
  }

  // ---- values, keys and queries

  const Buffer<S>& values() { return memory().values; }
  const Buffer<S>& own_keys() { return memory().has_keys ? memory().keys : memory().values; }
  const Buffer<S>& compared_keys(int k) {
    return words.word[k].score == ScoreKind::additive ? work_.attention[k].keys : own_keys();
  }
  Buffer<S>& compared_d_keys() { return memory().has_keys ? memory().d_keys : memory().d_values; }
  S scale(int k) const {
    return words.word[k].score == ScoreKind::scaled_dot ? S(1 / std::sqrt(double(layout_.key_rows()))) : S(1);
  }

  S* query_at(int k, Index column) { return this->operand_at(words.number[k], column); }
  S* context_at(int k, Index column) { return this->result_at(words.number[k], column); }

  // ---- projected keys

  void project(int k) {
    const AttentionWeights<S>& w = weights_.attention[k];
    const Buffer<S>& keys = own_keys();
    auto to = work_.attention[k].keys.shape(w.keys.rows(), keys.cols());
    w.keys.multiply(keys.view().data(), keys.rows(), keys.cols(), to.data(), to.outerStride());
    if (layout_.attention(k).bias >= 0)
      for (Index c = 0; c < to.cols(); ++c) to.col(c) += w.bias;
  }

  void pull_projection(int k, S* gradient) {
    const AttentionWeights<S>& w = weights_.attention[k];
    const auto& at = layout_.attention(k);
    const Buffer<S>& keys = own_keys();
    const auto d_keys = work_.attention[k].d_keys.view();
    add_outer_products(d_keys.data(), d_keys.outerStride(), d_keys.rows(), keys.view().data(), keys.rows(), keys.rows(),
                       keys.cols(), gradient + at.memory, d_keys.rows(), w.keys.products());
    if (at.bias >= 0) add_columns(view(std::as_const(d_keys)), gradient + at.bias);
    auto target = compared_d_keys().view();
    w.keys_back.multiply_add(d_keys.data(), d_keys.outerStride(), d_keys.cols(), target.data(), target.outerStride());
    pull_vector(k, gradient);
  }

  /// Gradient of the vector v, through g v / |v| for a normalised score.
  void pull_vector(int k, S* gradient) {
    const AttentionWeights<S>& w = weights_.attention[k];
    const auto& at = layout_.attention(k);
    const VectorX<double>& d = work_.attention[k].d_vector;
    Eigen::Map<VectorX<S>> d_vector(gradient + at.vector, d.size());
    if (at.gain < 0) {
      d_vector += d.template cast<S>();
      return;
    }
    const auto direction = w.direction.template cast<double>();
    const double along = d.dot(direction);
    gradient[at.gain] += S(along);
    d_vector += (double(w.gain / w.length) * (d - along * direction)).template cast<S>();
  }

  const Layout& layout_;
  const Weights& weights_;
  Work& work_;
};

struct AttentionKind {
  using Word = language::AttentionWord;
  static constexpr bool reads_memory = true;
  template <class D>
  using Layout = detail::AttentionLayout<D>;
  template <class S, class D>
  using Weights = detail::AllAttentionWeights<S, detail::find_words<D, Word>().count>;
  template <class S, class D>
  using Work = detail::AllAttentionWork<S, detail::find_words<D, Word>().count>;
  template <class S, class D>
  using Run = detail::CellAttention<S, D>;
};

}  // namespace unroll::detail
