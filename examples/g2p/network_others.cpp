// Luong's decoder with input feeding, and a decoder without attention.

#include "network_of.hpp"
#include "unroll/attention/luong.hpp"

namespace g2p {

using namespace unroll;

namespace {

using namespace symbols;
constexpr auto readout = symbol<"readout", "readout">;

// clang-format off

/// BahdanauGru without attention, as a baseline: the word enters only through the initial state of the decoder.
constexpr auto without_attention = cell(state(h),
    r = sigmoid(linear(x, h)),
    z = sigmoid(linear(x, h)),
    n = tanh(linear(x) + r * linear(h)),
    next(h) = n + z * (h - n),
    readout = tanh(linear(next(h), x)),
    output(readout));

// clang-format on

}  // namespace

std::vector<Kind> other_kinds() {
  return {{"gru", "luong", "general", make<LuongGru<float, symbols::general>, false>},
          {"gru", "luong", "concat", make<LuongGru<float, symbols::concat>, false>},
          {"gru", "none", "none", make<EquationCell<float, without_attention>>}};
}

}  // namespace g2p
