#pragma once
// What all normalisations share: a gain and a shift for each feature, and sums over columns.

#include <array>

#include "unroll/core/lanes.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll::detail {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // as in core/lanes.hpp
/// f(lanes of some width, first row), which together go through all rows once: as wide ones as fit, halved for the rest
/// until they are single numbers.
template <class S, class Packet = decltype(NativeLanes<S>::v), class F>
EIGEN_ALWAYS_INLINE void each_row(Index rows, F&& f, Index row = 0) {
  using V = Lanes<Packet>;
  using Half = typename Eigen::internal::unpacket_traits<Packet>::half;
  for (; row + V::size <= rows; row += V::size) f(V{}, row);
  if constexpr (V::size > 1) each_row<S, std::conditional_t<std::is_same_v<Half, Packet>, S, Half>>(rows, f, row);
}
#pragma GCC diagnostic pop

/// sums[k](row), overwritten, from the k-th lanes that `f(lanes, row, column)` gives, over all columns: a few at a time
/// in registers, these in double. The order is that of the columns, so the bits depend on nothing else.
template <class S, std::size_t count, class F>
void sum_columns(Index rows, Index columns, F&& f, const std::array<Vector<double>*, count>& sums) {
  constexpr Index together = 64;
  for (Vector<double>* sum : sums) sum->setZero(rows);
  for (Index first = 0; first < columns; first += together)
    each_row<S>(rows, [&]<class V>(V, Index row) {
      std::array<V, count> part;
      part.fill(V::constant(0));
      for (Index column = first; column < std::min(first + together, columns); ++column) {
        const std::array<V, count> terms = f(V{}, row, column);
        for (std::size_t k = 0; k < count; ++k) part[k] += terms[k];
      }
      for (std::size_t k = 0; k < count; ++k) {
        std::array<S, std::size_t(V::size)> numbers;
        part[k].store(numbers.data());
        for (int i = 0; i < V::size; ++i) (*sums[k])[row + i] += double(numbers[std::size_t(i)]);
      }
    });
}

/// What comes behind a normalisation, in the order of the parameters: gain [features], first 1, and shift [features],
/// first 0, unless they are left out.
template <class S>
struct GainAndShift {
  Vector<S> gain, shift;

  static void add_to(ParameterTable& table, Index features, bool scaled, bool shifted) {
    if (scaled) table.add("weight", Role::gain, features, 1);
    if (shifted) table.add("bias", Role::bias, features, 1);
  }
  static std::vector<NamedStart> named_starts() { return {{"weight", init::constant(1)}}; }

  /// Returns what follows in the parameters.
  const S* read(const S* theta, Index features, bool scaled, bool shifted) {
    gain.setOnes(features);
    shift.setZero(features);
    for (const auto& [given, values] : {std::pair(scaled, &gain), std::pair(shifted, &shift)})
      if (given) {
        *values = Eigen::Map<const Vector<S>>(theta, features);
        theta += features;
      }
    return theta;
  }

  static void add_gradients(const Vector<double>& d_gain, const Vector<double>& d_shift, bool scaled, bool shifted,
                            S* gradient) {
    for (const auto& [given, sums] : {std::pair(scaled, &d_gain), std::pair(shifted, &d_shift)})
      if (given) {
        Eigen::Map<Vector<S>>(gradient, sums->size()) += sums->template cast<S>();
        gradient += sums->size();
      }
  }
};

/// A register of a matrix.
template <class V, class S>
EIGEN_ALWAYS_INLINE V lanes_at(const ConstView<S>& matrix, Index row, Index column) {
  return V::load(matrix.data() + column * matrix.outerStride() + row);
}

}  // namespace unroll::detail
