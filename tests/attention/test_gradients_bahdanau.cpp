#include "every_score.hpp"

namespace test_gradients_bahdanau {

using namespace attention_run;

TEST_CASE("Bahdanau GRU: gradients of every score, for all lengths") { check_scores<BahdanauGru>({{"readout", 4}}); }
TEST_CASE("Bahdanau LSTM: gradients of every score, for all lengths") { check_scores<BahdanauLstm>({{"readout", 4}}); }

}  // namespace test_gradients_bahdanau
