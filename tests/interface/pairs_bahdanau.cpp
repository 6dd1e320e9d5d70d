#include <unroll/attention/bahdanau.hpp>

#include "interface/pairs.hpp"

namespace interface {

std::span<const MakePairsModel> bahdanau_models() {
  static constexpr MakePairsModel all[] = {make_pairs_model<RnnSearch<S>>, make_pairs_model<BahdanauGru<S>>,
                                           make_pairs_model<BahdanauGru<S, symbols::dot>>,
                                           make_pairs_model<BahdanauLstm<S, symbols::scaled_dot>>};
  return all;
}

}  // namespace interface
