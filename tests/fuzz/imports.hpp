#pragma once
// Round trips of weights of other systems: import, export, import.

#include "fuzz.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/io/formats/safetensors.hpp"

namespace fuzz {

inline Bytes saved(const unroll::SafeTensors& content) {
  unroll::write_safetensors(path("seed"), content);
  return unroll::detail::read_text(path("seed"));
}

/// Checks that importing exported weights gives the same weights. `take(file, parameters)` imports, `give(parameters,
/// file)` exports.
template <class Take, class Give>
void there_and_back(const unroll::SafeTensors& content, const unroll::Parameters<float>& none, Take&& take,
                    Give&& give) {
  unroll::Parameters<float> taken = none, again = none;
  take(content, taken);
  unroll::SafeTensors given;
  give(taken, given);
  read_again([&] { return take(given, again), 0; });
  expect(same_numbers(taken.values(), again.values()), "other weights came back");
}

template <class C>
unroll::Parameters<float> parameters_of() {
  const C cell(unroll::CellSizes{.inputs = {2}, .units = 2, .constants = {}, .sizes = {}});
  unroll::Parameters<float> parameters(cell.parameters());
  parameters.values().setLinSpaced(-1, 1);
  return parameters;
}

}  // namespace fuzz
