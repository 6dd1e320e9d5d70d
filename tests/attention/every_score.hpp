#pragma once
// Gradient checks of an attention cell with every score, for many lengths of targets and sources.

#include "attention_run.hpp"

namespace attention_run {

/// Targets and sources of different lengths, including 0 and 1. Several queries may share a source.
inline const std::vector<Setting> settings{
    {.lengths = {3, 1, 4, 0, 2}, .memory_lengths = {2, 5, 1, 3, 0}},
    {.lengths = {1, 1}, .memory_lengths = {0, 1}},
    {.lengths = {4, 2, 3}, .memory_lengths = {3, 2}, .source = {1, 0, 1}},
    {.lengths = {5, 3}, .memory_lengths = {5, 3}, .causal = true},
    {.lengths = {3, 4}, .memory_lengths = {2, 3}, .direction = Direction::backward},
};

template <class C>
void check_all(CellSizes sizes) {
  for (Setting setting : settings)
    for (const bool own_keys : {false, true}) {
      if (!own_keys && sizes.keys != sizes.memory) continue;
      setting.own_keys = own_keys;
      AttentionRun<C> run(sizes, setting);
      const auto report = run.check();
      INFO(C::name << ", " << setting.lengths.size() << " samples: " << report.text());
      CHECK(report.worst < 2e-6);
    }
}

/// Gradient checks with every score. `more`: further sizes of the cell.
template <template <class, auto> class C>
void check_scores(const std::vector<std::pair<std::string, Index>>& more = {}) {
  using namespace symbols;
  for (const Index keys : {5, 2}) {
    CellSizes sizes{.inputs = {2}, .units = 3, .sizes = more, .memory = 5, .keys = keys};
    check_all<C<double, general>>(sizes);
    sizes.sizes.emplace_back("attention", 4);
    check_all<C<double, additive>>(sizes);
    check_all<C<double, additive_biased>>(sizes);
    check_all<C<double, additive_normalised>>(sizes);
  }
  const CellSizes sizes{.inputs = {2}, .units = 3, .sizes = more, .memory = 4, .keys = 3};
  check_all<C<double, dot>>(sizes);
  check_all<C<double, scaled_dot>>(sizes);
}

}  // namespace attention_run
