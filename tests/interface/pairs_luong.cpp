#include <unroll/attention/luong.hpp>
#include <unroll/cells/lstm.hpp>

#include "interface/pairs.hpp"

namespace interface {

std::span<const MakePairsModel> luong_models() {
  static constexpr MakePairsModel all[] = {make_pairs_model<LuongGru<S, symbols::additive_biased>>,
                                           make_pairs_model<LuongLstm<S>>,
                                           make_pairs_model<LuongGruUnfed<S, symbols::dot>>,
                                           make_pairs_model<LuongLstmUnfed<S, symbols::additive_normalised>>,
                                           make_pairs_model<Gru<S>>,
                                           make_pairs_model<Lstm<S>>};
  return all;
}

}  // namespace interface
