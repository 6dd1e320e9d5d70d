#pragma once
// Tree of all hypotheses of a search. They share prefixes, so adding a token costs one entry at any length.

#include <algorithm>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"

namespace unroll::detail {

template <class Scalar>
class HypothesisTree {
 public:
  static constexpr Index root = -1;

  /// Adds and returns the node of `token` after `parent`, predicted by column k of the current set.
  Index add(Index parent, Index token, Index k) {
    nodes_.push_back({parent, token, set_ + k});
    return Index(nodes_.size()) - 1;
  }

  /// Tokens from the first to `node`.
  void tokens(Index node, std::vector<Index>& out) const {
    out.clear();
    for (; node != root; node = at(node).parent) out.push_back(at(node).token);
    std::reverse(out.begin(), out.end());
  }

  /// Stores the attention [longest source x hypotheses] of a new set. Throws ShapeError if the number of rows changes.
  void keep(const ConstView<Scalar>& attention) {
    if (kept_ == 0) rows_ = attention.rows();
    require<ShapeError>(attention.rows() == rows_, "decoding: the attention must have ", rows_,
                        " rows, as at the first token, got ", attention.rows());
    set_ = kept_;
    kept_ += attention.cols();
    for (Index k = 0; k < attention.cols(); ++k)
      attention_.insert(attention_.end(), attention.col(k).data(), attention.col(k).data() + rows_);
  }

  /// Attention [length x tokens] of the tokens that lead to `node`.
  MatrixX<Scalar> attention(Index node, Index length, Index tokens) const {
    MatrixX<Scalar> out(length, tokens);
    for (Index t = tokens - 1; t >= 0; --t, node = at(node).parent) {
      const auto column = attention_.begin() + at(node).column * rows_;
      std::copy(column, column + length, out.col(t).data());
    }
    return out;
  }

 private:
  struct Node {
    Index parent, token, column;
  };
  const Node& at(Index node) const { return nodes_[std::size_t(node)]; }

  std::vector<Node> nodes_;
  std::vector<Scalar> attention_;        // stored columns of `rows_` numbers each
  Index rows_ = 0, kept_ = 0, set_ = 0;  // kept_: number of stored columns; set_: first column of the current set
};

}  // namespace unroll::detail
