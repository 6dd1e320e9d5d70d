#pragma once
// Common implementation of all optimizers: checks, state vectors, weight decay, update count. A derived optimizer
// defines only its formula.

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "unroll/core/error.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/parameters/finite.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/simd/runs.hpp"
#include "unroll/threads/thread_pool.hpp"

namespace unroll {

/// Form of weight decay with factor lambda.
enum class Decay {
  l2,        ///< adds lambda * theta to the gradient, so adaptive methods rescale it (PyTorch's Adam)
  decoupled  ///< subtracts lr * lambda * theta before the update (Loshchilov & Hutter 2019; AdamW, all of Keras)
};

/// Content of a momentum buffer; the two differ only if the learning rate changes.
enum class Velocity {
  gradient,  ///< gradients; the buffer is multiplied by the learning rate (PyTorch)
  step       ///< steps; each one keeps the learning rate of its update (Keras)
};

/// Position of epsilon in methods without bias correction.
enum class RootEpsilon {
  outside,  ///< sqrt(v) + epsilon (PyTorch)
  inside    ///< sqrt(v + epsilon) (Keras)
};

namespace detail {

/// Denominator of the update: sqrt(v) + epsilon, or sqrt(v + epsilon).
template <class V>
EIGEN_ALWAYS_INLINE V root(V v, V epsilon, RootEpsilon at) {
  return at == RootEpsilon::inside ? sqrt(v + epsilon) : sqrt(v) + epsilon;
}

/// Checks the options with these names, in the precision of Scalar.
template <class Scalar, class Options>
void check_options(const Options& o) {
  constexpr std::string_view owner = Options::name;
  check_not_negative<Scalar>(owner, "learning_rate", o.learning_rate);
  check_not_negative<Scalar>(owner, "weight_decay", o.weight_decay);
  // If all gradients of an entry were zero, its denominator is epsilon alone.
  if constexpr (requires { o.epsilon; }) check_divisor<Scalar>(owner, "epsilon", o.epsilon);
  if constexpr (requires { o.beta1; }) check_below_one<Scalar>(owner, "beta1", o.beta1);
  if constexpr (requires { o.beta2; }) check_below_one<Scalar>(owner, "beta2", o.beta2);
  if constexpr (requires { o.rho; }) check_below_one<Scalar>(owner, "rho", o.rho);
  if constexpr (requires { o.momentum; }) check_below_one<Scalar>(owner, "momentum", o.momentum);
  if constexpr (requires { o.momentum_decay; }) check_not_negative(owner, "momentum_decay", o.momentum_decay);
  if constexpr (requires { o.lr_decay; }) check_not_negative(owner, "lr_decay", o.lr_decay);
  if constexpr (requires { o.initial_accumulator; })
    check_not_negative<Scalar>(owner, "initial_accumulator", o.initial_accumulator);
  if constexpr (requires { o.nesterov; }) {
    check_fraction(owner, "dampening", o.dampening);
    check_option(!o.nesterov || o.momentum > 0, owner, "momentum", "above 0 with nesterov", o.momentum);
    check_option(!o.nesterov || o.dampening == 0, owner, "dampening", "0 with nesterov", o.dampening);
  }
}

/// Base class of all optimizers. `Rule` (the derived class) defines the `state_names` of its state vectors and
/// `formula()`, which returns a function object for one register of each vector. It may hide the protected defaults.
///
///     formula()(theta, gradient, state...)       theta and states are Lanes&, the gradient Lanes of the same width
///
/// The update of a parameter does not depend, bit for bit, on which other parameters are updated or on the thread: all
/// registers use the same code.
template <class Rule, std::floating_point ScalarType, class OptionsType, std::size_t states>
class OptimizerBase {
 public:
  using Scalar = ScalarType;
  using Options = OptionsType;

  explicit OptimizerBase(Options options) : options_(options) { check_options<Scalar>(options_); }

  /// May be changed between steps; checked at each step.
  Options& options() { return options_; }
  const Options& options() const { return options_; }
  double& learning_rate() { return options_.learning_rate; }
  /// Number of completed steps.
  std::int64_t updates() const { return updates_; }

  /// Factors of the weight decay, one per parameter: 0 = no decay (biases, gains). Empty: all decay. Throws ValueError
  /// for a negative or non-finite factor.
  void set_decay_mask(VectorX<Scalar> mask) {
    require<ValueError>(finite(mask) && (mask.array() >= 0).all(), Options::name,
                        ": decay mask must be finite and at least 0, got ", [&] {
                          return *std::find_if_not(mask.data(), mask.data() + mask.size(),
                                                   [](Scalar factor) { return is_finite(factor) && factor >= 0; });
                        });
    decay_mask_ = std::move(mask);
    largest_factor_ = decay_mask_.size() == 0 ? 1 : double(decay_mask_.maxCoeff());
  }
  /// Factors of the weight decay, see set_decay_mask; empty: all 1.
  const VectorX<Scalar>& decay_mask() const { return decay_mask_; }

  /// Throws if a step of `parameters` entries would throw for any gradient.
  void check(Index parameters) const {
    check_options<Scalar>(options_);
    check_sizes(parameters);
  }

  /// One update of `theta` [parameters] by the gradient of the loss. Allocates only in the first call. Throws
  /// ShapeError if sizes differ or changed since the last step, ValueError for an option out of range, and
  /// NonFiniteError for a gradient, including l2 weight decay, that is not finite (or too large to be squared, if the
  /// method squares it). Errors are thrown before `theta` or the state changes. Large vectors are split among
  /// `threads`.
  void step(OutVector<Scalar> theta, InVector<Scalar> gradient, ThreadPool* threads = nullptr) {
    const detail::Segment all{0, theta.size()};
    step_over({&all, 1}, theta, gradient, threads);
  }

  /// The same for the touched segments of the gradient only. Frozen parameters, and columns of sparse blocks that the
  /// batch did not touch, keep their values and states: no momentum or decay is applied. Same as torch.optim's
  /// SparseAdam; the update count and bias corrections include all updates.
  void step(Parameters<Scalar>& theta, const Parameters<Scalar>& gradient, ThreadPool* threads = nullptr) {
    step_over(gradient.segments(), theta.values(), gradient.values(), threads);
  }

  /// Complete state besides options and mask: calls `f(name, value)` with each state vector (`VectorX<Scalar>&`, empty
  /// before the first step) and each counter (`std::int64_t&`, `double&`), to save or restore it.
  template <class F>
  void visit_state(F&& f) {
    f(std::string_view("updates"), updates_);
    rule().visit_counters(f);
    for (std::size_t i = 0; i < states; ++i)
      if (rule().keeps(i)) f(std::string_view(Rule::state_names[i]), state_[i]);
  }

 protected:
  /// Whether the method squares the gradient. If so, entries from 2^63 (float) or 2^511 (double) are rejected: an
  /// average with an infinite square would freeze its parameter permanently.
  static constexpr bool squares_gradient = true;
  /// Whether state vector `i` is used with the current options.
  bool keeps(std::size_t) const { return true; }
  double initial_state() const { return 0; }
  /// Called once per step, after the count is incremented and before the formula.
  void begin_step() {}
  template <class F>
  void visit_counters(F&&) {}

  /// 1 - beta^t: bias correction of an average that was initially zero.
  double bias_correction(double beta) const { return 1 - std::pow(beta, double(updates_)); }

 private:
  static constexpr Index share = 64 * 1024;  // numbers per task of a thread
  using StateNumbers = std::make_index_sequence<states>;

  Rule& rule() { return static_cast<Rule&>(*this); }
  const Rule& rule() const { return static_cast<const Rule&>(*this); }

  void step_over(std::span<const detail::Segment> segments, OutVector<Scalar> theta, InVector<Scalar> gradient,
                 ThreadPool* threads) {
    check(theta.size());
    detail::check_as_many(Options::name, "gradient", "entries as parameters", gradient.size(), theta.size());
    for (const detail::Segment& segment : segments) check_gradient(theta, gradient, segment);
    make_state(theta.size());
    ++updates_;
    rule().begin_step();
    each_share(segments, share, threads, [&](Index first, Index size) {
      update_run(theta.data() + first, gradient.data() + first, first, size, StateNumbers{});
    });
  }

  void check_sizes(Index parameters) const {
    if (decay_mask_.size() != 0)
      detail::check_as_many(Options::name, "decay mask", "entries as parameters", decay_mask_.size(), parameters);
    require<ValueError>(updates_ >= 0 && updates_ < std::numeric_limits<std::int64_t>::max(), Options::name,
                        ": restored updates must be 0 to ", std::numeric_limits<std::int64_t>::max() - 1, ", got ",
                        updates_);
    for (std::size_t i = 0; i < states; ++i)
      require<ShapeError>(state_[i].size() == 0 || state_[i].size() == parameters, Options::name, ": state ",
                          Rule::state_names[i], " must have as many entries as parameters, ", parameters, ", got ",
                          state_[i].size(), "; use one optimizer per model");
  }

  void check_gradient(InVector<Scalar> theta, InVector<Scalar> gradient, const detail::Segment& segment) const {
    using Numbers = std::numeric_limits<Scalar>;
    const Scalar limit =
        Rule::squares_gradient ? std::ldexp(Scalar(1), Numbers::max_exponent / 2 - 1) : Numbers::infinity();
    const Decayed decayed = decay(segment.first);
    if (decayed.factor != 0 && !decayed.decoupled)
      return check_decayed(theta.data() + segment.first, gradient.data() + segment.first, decayed, segment, limit);
    const Index found = first_reaching(gradient.data() + segment.first, segment.size, limit);
    if (found >= 0) refuse_entry(segment.first + found, "", gradient[segment.first + found]);
  }

  [[noreturn, gnu::cold, gnu::noinline]] static void refuse_entry(Index entry, std::string_view what, Scalar value) {
    throw NonFiniteError(text(Options::name, ": entry ", entry, " of the gradient", what, " must be finite",
                              is_finite(value) ? " when squared" : "", ", got ", value));
  }

  void make_state(Index parameters) {
    for (std::size_t i = 0; i < states; ++i)
      if (rule().keeps(i) && state_[i].size() == 0) state_[i].setConstant(parameters, Scalar(rule().initial_state()));
  }

  template <std::size_t... I>
  void update_run(Scalar* theta, const Scalar* gradient, Index first, Index size, std::index_sequence<I...>) {
    using R = Run<Scalar>;
    using V = typename R::V;
    const auto formula = rule().formula();
    const Decayed decayed = decay(first);
    const std::array<Scalar*, sizeof...(I) + 1> memory{(keeps_state(I) ? state_[I].data() + first : nullptr)...,
                                                       nullptr};
    R::each(size, [&](Index i, auto n) {
      V parameter = R::load(theta + i, n), slope = R::load(gradient + i, n);
      std::array<V, sizeof...(I) + 1> values{(memory[I] ? R::load(memory[I] + i, n) : V::constant(0))...,
                                             V::constant(0)};
      if (decayed.factor != 0) apply_decay(decayed, i, n, parameter, slope);
      formula(parameter, slope, values[I]...);
      R::store(theta + i, parameter, n);
      ((memory[I] ? R::store(memory[I] + i, values[I], n) : void()), ...);
    });
  }

  /// States that the current options do not use are empty.
  bool keeps_state(std::size_t i) const { return state_[i].size() > 0; }

  /// Weight decay of a run: adds theta times `factor`, and times the mask if not null, to the gradient or to theta.
  struct Decayed {
    Scalar factor = 0;
    const Scalar* mask = nullptr;
    bool decoupled = false;
  };

  Decayed decay(Index first) const {
    const bool decoupled = options_.decay == Decay::decoupled;
    const double factor = decoupled ? -options_.learning_rate * options_.weight_decay : options_.weight_decay;
    return {Scalar(factor), decay_mask_.size() == 0 ? nullptr : decay_mask_.data() + first, decoupled};
  }

  template <class V>
  EIGEN_ALWAYS_INLINE static void apply_decay(const Decayed& decayed, Index i, auto n, V& theta, V& gradient) {
    V factor = V::constant(decayed.factor);
    if (decayed.mask != nullptr) factor *= Run<Scalar>::load(decayed.mask + i, n);
    V& target = decayed.decoupled ? theta : gradient;
    target = fma(factor, theta, target);
  }

  /// Checks the sums of gradient and l2 decay: first that both are below a quarter of the limit, so that no sum can
  /// reach it, and then, if one is not, each sum.
  [[gnu::noinline]] void check_decayed(const Scalar* theta, const Scalar* gradient, const Decayed& decayed,
                                       const detail::Segment& place, Scalar limit) const {
    const Scalar quarter = std::min(limit, std::numeric_limits<Scalar>::max()) / 4;
    const double most = double(quarter) / (double(decayed.factor) * largest_factor_);
    const Reaches<Scalar> slope(quarter), weight(Scalar(std::min(most, double(std::numeric_limits<Scalar>::max()))));
    if (first_with_top_bit(place.size, [=](Index k) { return slope(gradient[k]) | weight(theta[k]); }) < 0) return;
    for (Index k = 0; k < place.size; ++k) {
      const Scalar factor = decayed.mask == nullptr ? decayed.factor : decayed.factor * decayed.mask[k];
      const Scalar sum = std::fma(factor, theta[k], gradient[k]);
      if (!(std::abs(sum) < limit)) refuse_entry(place.first + k, " with weight decay", sum);
    }
  }

  Options options_;
  std::array<VectorX<Scalar>, states> state_;
  VectorX<Scalar> decay_mask_;
  double largest_factor_ = 1;  // of the decay mask
  std::int64_t updates_ = 0;
};

struct AnyState {
  template <class Value>
  void operator()(std::string_view, Value&) const {}
};

}  // namespace detail

/// Requirements of training on an optimizer, met by all of `optim/` and open to user-defined ones. If it also has
/// `step(parameters, gradient, threads)`, training passes the gradient with its segments. Otherwise training passes
/// whole vectors and rejects models with frozen parameters.
template <class O>
concept Optimizer = std::copyable<O> &&
    requires(O optimizer, VectorX<typename O::Scalar> vector, detail::AnyState visitor) {
  optimizer.step(vector, vector);
  { optimizer.learning_rate() } -> std::same_as<double&>;
  optimizer.options();
  optimizer.set_decay_mask(vector);
  optimizer.visit_state(visitor);
};

}  // namespace unroll
