#pragma once

#include "unroll/optim/optimizer.hpp"

namespace unroll {

/// Keras: {.learning_rate = 1e-3, .rho = 0.95, .epsilon = 1e-7, .decay = Decay::decoupled}.
struct AdadeltaOptions {
  double learning_rate = 1;
  double rho = 0.9;  ///< share of the old averages, in [0, 1)
  double epsilon =
      1e-6;  ///< inside both roots, in the paper as in PyTorch and Keras; it sets the size of the first steps
  double weight_decay = 0;
  Decay decay = Decay::l2;
  static constexpr std::string_view name = "Adadelta";
};

/// Adadelta, Zeiler 2012 (arXiv:1212.5701, Algorithm 1):
///
///     v = rho v + (1 - rho) g^2      d = sqrt(u + eps) / sqrt(v + eps) g      theta -= lr d
///     u = rho u + (1 - rho) d^2
template <std::floating_point Scalar>
class Adadelta : public detail::OptimizerBase<Adadelta<Scalar>, Scalar, AdadeltaOptions, 2> {
  using Base = detail::OptimizerBase<Adadelta, Scalar, AdadeltaOptions, 2>;
  using typename Base::ConstPiece, typename Base::Piece;
  friend Base;

 public:
  explicit Adadelta(AdadeltaOptions options = {}) : Base(options) {}

 private:
  static constexpr std::array<std::string_view, 2> state_names{"v", "u"};

  void update(Piece theta, ConstPiece g, Piece v, Piece u) const {
    const auto rho = Scalar(this->options().rho), rest = Scalar(1 - this->options().rho);
    const auto eps = Scalar(this->options().epsilon);
    v = rho * v + rest * g.square();
    theta -= Scalar(this->options().learning_rate) * ((u + eps) / (v + eps)).sqrt() * g;
    u = rho * u + rest * (u + eps) / (v + eps) * g.square();  // the square of d, still with the old u
  }
};

}  // namespace unroll
