#pragma once
// Weighted sum of losses, each of some rows of the output.

#include <cmath>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "unroll/core/tables/named_rows.hpp"
#include "unroll/losses/detail/target_types.hpp"
#include "unroll/losses/reduction.hpp"

namespace unroll {

/// Loss of one of several targets.
template <class L>
struct NamedLoss {
  std::string name;   ///< of the target
  L loss;             ///< for labels or for real values
  Index outputs = 1;  ///< rows of the output: classes, or numbers per target
  double weight = 1;  ///< factor of the value and its gradient, at least 0; with 0 the loss is only reported
};
template <class L>
NamedLoss(std::string, L, Index) -> NamedLoss<L>;
template <class L>
NamedLoss(std::string, L, Index, double) -> NamedLoss<L>;

namespace detail {

/// Scalar of the first loss that is a template of it; otherwise float.
template <class... L>
struct ScalarOfLosses {
  using type = float;
};
template <class First, class... Rest>
struct ScalarOfLosses<First, Rest...> : ScalarOfLosses<Rest...> {};
template <template <class> class Loss, std::floating_point S, class... Rest>
struct ScalarOfLosses<Loss<S>, Rest...> {
  using type = S;
};

/// Name and kind of one of several losses.
struct LossPart {
  std::string name;
  bool labels;
  Index outputs;
  double weight;
};

}  // namespace detail

/// Weighted sum of several losses, for several targets (several_targets):
///
///     const Losses loss{NamedLoss{"class", SoftmaxCrossEntropy{}, 3},
///                       NamedLoss{"speed", MeanSquaredError{}, 1, 0.1}};
///
/// The first loss reads the first rows of the output, and so on. Its target is one row of class numbers, NaN for none,
/// if it takes labels, else as many rows as outputs. Each loss has its reduction; the value is the sum of weight times
/// value. Throws ValueError unless names are unique and outputs and weights in range.
template <std::floating_point Scalar, class... L>
class Losses {
  static_assert(sizeof...(L) >= 1 && sizeof...(L) <= most_losses, "unroll: Losses must have 1 to 8 losses");
  static_assert(((!detail::TakesLabelSequences<L> && !detail::TakesSeveral<L>)&&...),
                "unroll: a loss of whole sequences, such as CtcLoss, and Losses must not be one of several losses");
  static_assert(((detail::TakesLabels<L> || detail::TakesValues<L, Scalar>)&&...),
                "unroll: each of several losses must take labels or real values of the same Scalar");
  using Target = Eigen::Ref<const MatrixX<Scalar>>;

 public:
  explicit Losses(NamedLoss<L>... losses) : losses_(std::move(losses)...) {
    NamedRows names;
    each([&](const auto& one, const Place&) {
      names.add(one.name, one.outputs);
      detail::check_not_negative("losses", text("weight of '", one.name, "'"), one.weight);
    });
  }

  /// Names of the targets, with the rows of the output.
  std::vector<detail::LossPart> several() const {
    std::vector<detail::LossPart> all;
    each([&]<class One>(const NamedLoss<One>& one, const Place&) {
      all.push_back({one.name, detail::TakesLabels<One>, one.outputs, one.weight});
    });
    return all;
  }

  /// Loss, and in `d_output` [rows x columns] the gradient of its `value()`. The other functions are those of each
  /// loss, see ColumnLoss.
  LossValue operator()(In<Scalar> output, const Target& target, Out<Scalar> d_output,
                       const Columns& columns = {}) const {
    return run(output, target, &d_output, columns, count(target, columns));
  }
  LossValue operator()(In<Scalar> output, const Target& target, Out<Scalar> d_output, const Columns& columns,
                       const LossCount& whole) const {
    return run(output, target, &d_output, columns, whole);
  }
  LossValue operator()(In<Scalar> output, const Target& target, const Columns& columns = {}) const {
    return run(output, target, nullptr, columns, count(target, columns));
  }
  LossValue operator()(In<Scalar> output, const Target& target, const Columns& columns, const LossCount& whole) const {
    return run(output, target, nullptr, columns, whole);
  }

  void check(Index rows, const Target& target) const {
    check_rows(rows, target);
    each([&](const auto& one, const Place& place) {
      named(one, [&] {
        with_target(one, target, place, [&](const auto& part) {
          if constexpr (requires { one.loss.check(one.outputs, part); }) one.loss.check(one.outputs, part);
        });
      });
    });
  }

  LossCount count(const Target& target, const Columns& columns = {}) const {
    LossCount whole;
    count(target, columns, whole);
    return whole;
  }
  void count(const Target& target, const Columns& columns, LossCount& whole) const {
    check_rows(outputs(), target);
    whole.parts.resize(sizeof...(L));
    whole.denominator = 0, whole.scored = 0;
    each([&](const auto& one, const Place& place) {
      named(one, [&] {
        with_target(one, target, place,
                    [&](const auto& part) { one.loss.count(part, columns, whole.parts[place.number]); });
      });
      whole.scored += whole.parts[place.number].scored;
    });
  }

 private:
  /// First row of the output and of the target.
  struct Place {
    std::size_t number = 0;
    Index output = 0, target = 0;
  };

  template <class One>
  static Index target_rows(const NamedLoss<One>& one) {
    return detail::TakesLabels<One> ? 1 : one.outputs;
  }

  template <class F>
  void each(F&& f) const {
    Place place;
    const auto next = [&](const auto& one) {
      f(one, std::as_const(place));
      ++place.number, place.output += one.outputs, place.target += target_rows(one);
    };
    std::apply([&](const auto&... one) { (next(one), ...); }, losses_);
  }
  template <class One, class F>
  static void named(const One& one, F&& f) {
    detail::with_place([&] { return text("loss '", one.name, "': "); }, f);
  }

  Index outputs() const {
    Index rows = 0;
    each([&](const auto& one, const Place&) { rows += one.outputs; });
    return rows;
  }
  void check_rows(Index rows, const Target& target) const {
    Index of_targets = 0;
    each([&](const auto& one, const Place&) { of_targets += target_rows(one); });
    detail::check_equal("losses", "outputs of the model", rows, outputs());
    detail::check_equal("losses", "rows of the targets", target.rows(), of_targets);
  }

  /// Calls f with the target of one loss: labels, or its rows.
  template <class One, class F>
  static void with_target(const NamedLoss<One>& one, const Target& target, const Place& place, F&& f) {
    if constexpr (detail::TakesLabels<One>)
      f(labels_of(target, place.target));
    else
      f(Target(target.middleRows(place.target, one.outputs)));
  }

  /// Labels of a row of class numbers, until the next call in this thread. Memory is reused: a training step must not
  /// allocate.
  static Eigen::Ref<const Labels> labels_of(const Target& target, Index row) {
    thread_local std::vector<Index> labels;
    labels.resize(std::size_t(target.cols()));
    for (Index c = 0; c < target.cols(); ++c) {
      const double number = double(target(row, c));
      constexpr double most = 9007199254740992;  // 2^53
      require<ValueError>(is_nan(number) || (std::floor(number) == number && std::abs(number) <= most),
                          "the target of column ", c, " must be a class number, or NaN for none, got ", number);
      labels[std::size_t(c)] = is_nan(number) ? -1 : Index(number);
    }
    return Eigen::Map<const Labels>(labels.data(), target.cols());
  }

  LossValue run(In<Scalar> output, const Target& target, Out<Scalar>* d_output, const Columns& columns,
                const LossCount& whole) const {
    check_rows(output.rows(), target);
    detail::check_equal("losses", "parts of the given count", Index(whole.parts.size()), Index(sizeof...(L)));
    if (d_output)
      detail::check_shape("losses", "gradient", d_output->rows(), d_output->cols(), output.rows(), output.cols());
    LossValue all;
    each([&](const auto& one, const Place& place) {
      named(one, [&] {
        with_target(one, target, place, [&](const auto& part) {
          all.add(one.weight, run_one(one, place, output, part, d_output, columns, whole.parts[place.number]));
        });
      });
    });
    all.empty = all.scored == 0;
    return all;
  }

  template <class One, class Part>
  static LossValue run_one(const NamedLoss<One>& one, const Place& place, In<Scalar> output, const Part& target,
                           Out<Scalar>* d_output, const Columns& columns, const LossCount& whole) {
    const Eigen::Ref<const MatrixX<Scalar>> rows(output.middleRows(place.output, one.outputs));
    if (d_output == nullptr) return one.loss(rows, target, columns, whole);
    Out<Scalar> d_rows(d_output->middleRows(place.output, one.outputs));
    const LossValue value = one.loss(rows, target, d_rows, columns, whole);
    if (one.weight == 0)
      d_rows.setZero();
    else if (one.weight != 1)
      d_rows *= Scalar(one.weight);
    return value;
  }

  std::tuple<NamedLoss<L>...> losses_;
};

template <class... L>
explicit Losses(NamedLoss<L>...) -> Losses<typename detail::ScalarOfLosses<L...>::type, L...>;

}  // namespace unroll
