#include "every_score.hpp"

namespace test_gradients_luong {

using namespace attention_run;

TEST_CASE("Luong GRU: gradients of every score, for all lengths") { check_scores<LuongGru>(); }
TEST_CASE("Luong LSTM: gradients of every score, for all lengths") { check_scores<LuongLstm>(); }
// The score does not depend on input feeding. Two scores suffice here: one with a product and one with a vector of
// parameters.
TEST_CASE("Luong without input feeding: gradients of two scores, for all lengths") {
  const CellSizes sizes{.inputs = {2}, .units = 3, .memory = 5, .keys = 5};
  check_all<LuongGruUnfed<double, symbols::general>>(sizes);
  check_all<LuongLstmUnfed<double, symbols::additive>>(sizes);
}

}  // namespace test_gradients_luong
