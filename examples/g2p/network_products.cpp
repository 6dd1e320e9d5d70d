// Decoders with dot-product scores of query and key.

#include "network_of.hpp"
#include "unroll/attention/bahdanau.hpp"

namespace g2p {

using namespace unroll;

std::vector<Kind> product_kinds() {
  return {{"gru", "bahdanau", "dot", make<BahdanauGru<float, symbols::dot>>},
          {"gru", "bahdanau", "scaled_dot", make<BahdanauGru<float, symbols::scaled_dot>>},
          {"gru", "bahdanau", "general", make<BahdanauGru<float, symbols::general>>}};
}

}  // namespace g2p
