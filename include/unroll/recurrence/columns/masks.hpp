#pragma once
// Random masks of dropout(...) and zoneout(...) in equations.

#include "unroll/cell/step.hpp"
#include "unroll/core/random.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/recurrence/compile/derived.hpp"

namespace unroll::detail {

template <class D>
constexpr bool has_masks() {
  for (int k = 0; k < D::program.terms; ++k)
    if (D::program.term[k].is_mask()) return true;
  return false;
}

/// Random numbers of a term for a sample and a step; their other keys are those of the pass.
inline Random random_of_term(const Noise& noise, int term, Index sample, Index step) {
  const auto key = [](std::uint64_t high, Index low) { return high << 32 | std::uint64_t(low); };
  const std::uint64_t place = (noise.layer * 2 + (noise.backward ? 1 : 0)) * 512 + std::uint64_t(term);
  return {noise.seed, Purpose::cell, key(place, sample), key(noise.update, step)};
}

/// Writes the masks of the columns [first, first + columns) to the rows of their terms. A mask depends only on (seed,
/// update, layer, direction, term, sample, step, row).
template <class D, class Layout, class S>
void draw_masks(const Layout& layout, const Noise& noise, const Timeline& timeline, Index first, Index columns,
                View<S> terms) {
  static_assert(D::program.terms <= 512,
                "unroll: a cell with dropout(...) or zoneout(...) must have at most 512 terms");
  for (int k = 0; k < D::program.terms; ++k) {
    const LinearTerm& term = D::program.term[k];
    if (!term.is_mask()) continue;
    const bool drops = term.copy == Copy::dropped;
    auto mask = terms.block(layout.term_row()[k], first, layout.rows_of_term(k), columns);
    if (!noise.training || term.rate == 0) {
      mask.setConstant(drops ? S(1) : S(term.rate));
      continue;
    }
    const S scale = S(1 / (1 - term.rate));
    for (Index c = 0; c < columns; ++c) {
      const Index step = term.per_sequence ? 0 : timeline.step_of(first + c);
      const Random random = random_of_term(noise, k, timeline.place_of(first + c), step);
      random.fill_bernoulli(term.rate, S(1), mask.col(c));  // a 1 marks a dropped or kept value
      if (drops) mask.col(c).array() = scale * (1 - mask.col(c).array());
    }
  }
}

}  // namespace unroll::detail
