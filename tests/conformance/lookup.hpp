#pragma once
// Embedding layer of the library, for tensors of a case.

#include "case.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/models/sequential.hpp"

namespace conformance {

/// Embedding of a row of token numbers with `weights` [dimension x tokens].
class Lookup {
 public:
  explicit Lookup(const MatrixX<double>& weights, std::optional<Index> padding = {})
      : model_(1, {.size = weights.cols(), .dimension = weights.rows(), .padding = padding}) {
    model_.parameters()["0.weight"] = weights;
  }

  MatrixX<double> forward(const MatrixX<double>& tokens) {
    tokens_ = tokens;
    timeline_ = Timeline::rectangular(1, tokens.cols());
    return model_.forward(tokens_, timeline_, tape_);
  }

  MatrixX<double> gradient(const MatrixX<double>& d_output) {
    auto gradient = model_.parameters().zeros_like();
    model_.backward(tape_, d_output, gradient);
    return gradient["0.weight"];
  }

 private:
  using Model = Sequential<double, Embedding>;

  Model model_;
  Model::Tape tape_;
  MatrixX<double> tokens_;
  Timeline timeline_;
};

}  // namespace conformance
