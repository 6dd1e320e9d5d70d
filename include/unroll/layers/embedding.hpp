#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <variant>

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll {

/// Pretrained token vectors, for instance from word2vec. Copies share the data.
class Pretrained {
 public:
  Pretrained() = default;
  /// vectors [dimension x tokens]: one column for each of `tokens`, or for all tokens in order if `tokens` is empty.
  template <std::floating_point S>
  Pretrained(MatrixX<S> vectors, std::vector<Index> tokens = {})  // NOLINT: vectors are pretrained ones
      : vectors_(std::make_shared<const MatrixX<S>>(std::move(vectors))), tokens_(std::move(tokens)) {}
  template <class Derived>
  Pretrained(const Eigen::MatrixBase<Derived>& vectors, std::vector<Index> tokens = {})  // NOLINT
      : Pretrained(MatrixX<typename Derived::Scalar>(vectors), std::move(tokens)) {}

  /// Throws ShapeError or ValueError if the vectors do not fit a table [dimension x size].
  void check(Index dimension, Index size) const {
    const Index expected = tokens_.empty() ? size : Index(tokens_.size());
    each([&](const auto& vectors) {
      detail::check_shape("", "pretrained vectors", vectors.rows(), vectors.cols(), dimension, expected);
    });
    for (const Index token : tokens_) detail::check_index("", "token of a pretrained vector", token, size);
  }
  template <class S>
  void write(View<S> table) const {
    each([&](const auto& vectors) {
      for (Index k = 0; k < vectors.cols(); ++k)
        table.col(tokens_.empty() ? k : tokens_[std::size_t(k)]) = vectors.col(k).template cast<S>();
    });
  }

 private:
  template <class S>
  using Shared = std::shared_ptr<const MatrixX<S>>;

  /// Calls f(vectors) if there are vectors.
  template <class F>
  void each(F&& f) const {
    std::visit(
        [&](const auto& shared) {
          if (shared != nullptr) f(*shared);
        },
        vectors_);
  }

  std::variant<Shared<float>, Shared<double>> vectors_;
  std::vector<Index> tokens_;
};

template <class S>
class EmbeddingLayer;

/// Embedding layer: a learned vector for each of `size` tokens. Input: one row of token numbers, 0 to size - 1, stored
/// as model scalars, which are exact up to 2^24 in float. Output: [dimension x columns].
///
/// Weight [dimension x size], one column per token; initially normal with deviation 1, as in PyTorch. The cost of a
/// training step depends on the tokens in its batch, not on the size of the table: see `sparse` and docs/embeddings.md.
struct Embedding {
  Index size = 0;
  Index dimension = 0;
  Initializer initializer = init::normal(0, 1);
  Pretrained pretrained = {};             ///< replaces the initial values
  std::optional<Index> padding = {};      ///< token whose vector is zero, unless pretrained, and is not trained
  bool frozen = false;                    ///< no vector is trained
  std::vector<Index> frozen_tokens = {};  ///< tokens whose vectors are not trained
  bool sparse = true;  ///< a training step updates only tokens in its batch: no momentum or decay on the others. No
                       ///< effect if a TiedDense shares the weights

  template <class S>
  using Layer = EmbeddingLayer<S>;
};

template <class S>
class EmbeddingLayer : public LayerBase<S>, Embedding {
 public:
  struct Tape {
    Buffer<Index> tokens;
    Buffer<S> output, sums;
  };

  explicit EmbeddingLayer(Embedding given) : Embedding(std::move(given)) {}

  Shape connect(Shape in) {
    detail::check_least<ShapeError>("", "size", size, 1, " token");
    detail::check_least<ShapeError>("", "dimension", dimension, 1);
    detail::check_exact<S>("", "size", size);
    require<ShapeError>(in.features == 1, "features per step must be 1, a token, got ", in.features);
    pretrained.check(dimension, size);
    table_ = {};
    ParameterBlock weight{"weight", Role::input_weight, table_.reserve(dimension, size), dimension, size, dimension};
    weight.sparse = sparse;
    weight.frozen = frozen_columns();
    table_.add_block(std::move(weight));
    return {dimension, in.per_step, in.density};
  }
  std::string_view name() const { return "embedding"; }
  LayerOptions options() const {
    LayerOptions all{{"layer", "embedding"}, {"size", size}, {"dimension", dimension}};
    if (padding)
      all.emplace_back("padding", *padding, OptionUse::training);
    else
      all.emplace_back("padding", "none", OptionUse::training);
    all.emplace_back("frozen", frozen, OptionUse::training);
    all.emplace_back("frozen_tokens", frozen_tokens, OptionUse::training);
    all.emplace_back("sparse", sparse, OptionUse::training);
    return all;
  }
  const ParameterTable& parameters() const { return table_; }
  bool columnwise() const { return true; }
  Initializers role_initializers() const { return {.input_weight = initializer}; }
  Index kept(Index columns, Index, Keeping) const {
    return dimension * (columns + (columns > columns_together() ? size : 0)) +
           columns * Index(sizeof(Index) / sizeof(S));
  }
  /// Throws like `forward` for a number that is not a token.
  void check_input(const ConstView<S>& tokens) const {
    for (Index c = 0; c < tokens.cols(); ++c) (void)check(tokens(0, c), {});
  }

  void set_given(S* theta) const {
    View<S> vectors(theta, dimension, size, Eigen::OuterStride<>(dimension));
    if (padding) vectors.col(*padding).setZero();
    pretrained.write(vectors);
  }

  /// A number that is not a token throws ValueError; if `pass.refused` is set, it becomes true instead and the output
  /// is NaN.
  Signal<S> forward(const S* theta, const Signal<S>& in, const Pass& pass, const State<S>&, Tape& tape) const {
    auto tokens = tape.tokens.shape(1, in.values.cols());
    auto out = tape.output.shape(dimension, in.values.cols());
    for (Index c = 0; c < out.cols(); ++c) {
      const bool is_token = check(in.values(0, c), pass);
      tokens(0, c) = is_token ? Index(in.values(0, c)) : 0;
      if (is_token)
        out.col(c) = Eigen::Map<const VectorX<S>>(theta + tokens(0, c) * dimension, dimension);
      else
        out.col(c).setConstant(std::numeric_limits<S>::quiet_NaN());
    }
    return {view(std::as_const(out)), in.timeline};
  }

  /// Token numbers have no gradient: `d_in` is 0.
  void backward(const S*, const Signal<S>&, const Pass&, ConstView<S> d_out, const State<S>&, Tape& tape, S* gradient,
                View<S> d_in, State<S>*) const {
    const Index columns = d_out.cols(), together = columns_together();
    if (columns <= together) add_columns(d_out, 0, columns, tape, gradient);
    for (Index first = 0; columns > together && first < columns; first += together) {
      auto sums = tape.sums.zero(dimension, size);
      add_columns(d_out, first, std::min(together, columns - first), tape, sums.data());
      View<S>(gradient, dimension, size, Eigen::OuterStride<>(dimension)) += sums;
    }
    if (d_in.data() != nullptr) d_in.setZero();
  }
  std::span<const Index> touched(const Tape& tape) const {
    return {tape.tokens.view().data(), std::size_t(tape.tokens.cols())};
  }

 private:
  /// Number of columns summed separately before being added to the gradient, so that a token that occurs a million
  /// times is not a float sum of a million terms. Large enough that adding the sums costs little.
  Index columns_together() const { return std::max<Index>(1024, 32 * size); }

  void add_columns(const ConstView<S>& d_out, Index first, Index count, const Tape& tape, S* to) const {
    const auto tokens = tape.tokens.view();
    const ParameterBlock& weight = table_.blocks().front();
    for (Index c = first; c < first + count; ++c)
      if (!weight.is_frozen(tokens(0, c)))
        Eigen::Map<VectorX<S>>(to + tokens(0, c) * dimension, dimension) += d_out.col(c);
  }

  /// Whether `number` is a token.
  bool check(S number, const Pass& pass) const {
    if (number >= 0 && number < S(size) && number == std::floor(number)) return true;
    require<ValueError>(pass.refused != nullptr, "token must be 0 to ", size - 1, ", got ", number);
    *pass.refused = true;
    return false;
  }

  /// Empty if no token is frozen.
  std::vector<bool> frozen_columns() const {
    std::vector<bool> columns;
    if (frozen || padding || !frozen_tokens.empty())
      take_memory(size, "frozen columns", [&] { columns.assign(std::size_t(size), frozen); });
    const auto freeze = [&](std::string_view what, Index token) {
      detail::check_index("", what, token, size);
      columns[std::size_t(token)] = true;
    };
    if (padding) freeze("padding token", *padding);
    for (const Index token : frozen_tokens) freeze("frozen token", token);
    return columns;
  }

  ParameterTable table_;
};

}  // namespace unroll
