// Decoders with additive scores, a tanh of query plus key.

#include "network_of.hpp"
#include "unroll/attention/bahdanau.hpp"

namespace g2p {

using namespace unroll;

std::vector<Kind> additive_kinds() {
  return {{"gru", "bahdanau", "additive", make<BahdanauGru<float, symbols::additive>>},
          {"gru", "bahdanau", "additive_biased", make<BahdanauGru<float, symbols::additive_biased>>},
          {"lstm", "bahdanau", "additive", make<BahdanauLstm<float, symbols::additive>>}};
}

}  // namespace g2p
