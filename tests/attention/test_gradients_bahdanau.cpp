#include "every_score.hpp"

namespace test_gradients_bahdanau {

using namespace attention_run;

TEST_CASE("bahdanau gru: gradients of every score are correct for all lengths") {
  check_scores<BahdanauGru>({{"readout", 4}});
}
TEST_CASE("bahdanau lstm: gradients of every score are correct for all lengths") {
  check_scores<BahdanauLstm>({{"readout", 4}});
}

}  // namespace test_gradients_bahdanau
