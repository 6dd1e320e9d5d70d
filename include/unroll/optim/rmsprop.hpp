#pragma once

#include "unroll/optim/optimizer.hpp"

namespace unroll {

/// Keras: {.learning_rate = 1e-3, .rho = 0.9, .epsilon = 1e-7, .epsilon_at = RootEpsilon::inside, .velocity =
/// Velocity::step, .decay = Decay::decoupled}.
struct RMSpropOptions {
  double learning_rate = 0.01;
  double rho = 0.99;  ///< share of the old average, in [0, 1); PyTorch's alpha
  double epsilon = 1e-8;
  RootEpsilon epsilon_at = RootEpsilon::outside;
  bool centered = false;  ///< divide by the standard deviation, not by the root mean square
  double momentum = 0;    ///< in [0, 1)
  Velocity velocity = Velocity::gradient;
  double weight_decay = 0;
  Decay decay = Decay::l2;
  static constexpr std::string_view name = "RMSprop";
};

/// RMSprop, Tieleman & Hinton 2012 (lecture 6e), `centered` as in Graves 2013 (arXiv:1308.0850, eq. 38-45):
///
///     v = rho v + (1 - rho) g^2        centered: a = rho a + (1 - rho) g, and v - a^2 below in place of v
///     u = g / (sqrt(v) + eps)          or g / sqrt(v + eps)
///     theta -= lr u                    with momentum mu: b = mu b + u, theta -= lr b
template <std::floating_point Scalar>
class RMSprop : public detail::OptimizerBase<RMSprop<Scalar>, Scalar, RMSpropOptions, 3> {
  using Base = detail::OptimizerBase<RMSprop, Scalar, RMSpropOptions, 3>;
  using typename Base::ConstPiece, typename Base::Piece;
  friend Base;

 public:
  explicit RMSprop(RMSpropOptions options = {}) : Base(options) {}

 private:
  static constexpr std::array<std::string_view, 3> state_names{"v", "mean", "momentum"};
  bool keeps(std::size_t i) const {
    return i == 0 || (i == 1 && this->options().centered) || (i == 2 && this->options().momentum != 0);
  }

  void update(Piece theta, ConstPiece g, Piece v, Piece a, Piece b) const {
    const auto rho = Scalar(this->options().rho), rest = Scalar(1 - this->options().rho);
    v = rho * v + rest * g.square();
    if (!this->options().centered) return move(theta, g, v, b);
    a = rho * a + rest * g;
    move(theta, g, (v - a.square()).max(Scalar(0)), b);  // rounding can make it slightly negative
  }

  template <class Variance>
  void move(Piece theta, ConstPiece g, const Variance& variance, Piece b) const {
    const auto eps = Scalar(this->options().epsilon);
    if (this->options().epsilon_at == RootEpsilon::inside)
      advance(theta, g / (variance + eps).sqrt(), b);
    else
      advance(theta, g / (variance.sqrt() + eps), b);
  }

  template <class Direction>
  void advance(Piece theta, const Direction& u, Piece b) const {
    const RMSpropOptions& o = this->options();
    const auto lr = Scalar(o.learning_rate);
    if (o.momentum == 0) {
      theta -= lr * u;
      return;
    }
    const bool collects_steps = o.velocity == Velocity::step;
    b = Scalar(o.momentum) * b + (collects_steps ? lr : Scalar(1)) * u;
    theta -= (collects_steps ? Scalar(1) : lr) * b;
  }
};

}  // namespace unroll
