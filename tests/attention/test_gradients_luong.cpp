#include "every_score.hpp"

using namespace attention_run;

TEST_CASE("Luong GRU: gradients of every score, for all lengths") { check_scores<LuongGru>(); }
TEST_CASE("Luong LSTM: gradients of every score, for all lengths") { check_scores<LuongLstm>(); }
TEST_CASE("Luong without input feeding: gradients of every score, for all lengths") {
  check_scores<LuongGruUnfed>();
  check_scores<LuongLstmUnfed>();
}
