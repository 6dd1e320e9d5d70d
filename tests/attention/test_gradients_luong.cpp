#include "every_score.hpp"

namespace test_gradients_luong {

using namespace attention_run;

TEST_CASE("luong gru: gradients of every score are correct for all lengths") { check_scores<LuongGru>(); }
TEST_CASE("luong lstm: gradients of every score are correct for all lengths") { check_scores<LuongLstm>(); }
// The score does not depend on input feeding. Two scores suffice here: one with a product and one with a vector of
// parameters.
TEST_CASE("luong without input feeding: gradients of two scores are correct for all lengths") {
  const CellSizes sizes{.inputs = {2}, .units = 3, .memory = 5, .keys = 5};
  check_all<LuongGruUnfed<double, symbols::general>>(sizes);
  check_all<LuongLstmUnfed<double, symbols::additive>>(sizes);
}

}  // namespace test_gradients_luong
