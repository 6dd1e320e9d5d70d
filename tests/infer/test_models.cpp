#include "infer/streamed.hpp"

namespace test_models {

using namespace unroll;
using streamed::difference;
using streamed::made;
using streamed::small;

TEST_CASE("streaming: outputs equal the forward pass for any number of units") {
  CHECK(difference<1, 1, 1>(small<Lstm>(1)) < 1e-5);
  CHECK(difference<1, 16, 1>(small<Gru>(16)) < 1e-5);
  CHECK(difference<1, 50, 1>(small<Lstm>(50)) < 1e-5);
  for (const Index units : {1, 3, 8, 16, 31, 32, 64, 100}) {
    INFO(units);
    CHECK(difference(small<Lstm>(units)) < 1e-5);
    CHECK(difference(small<Gru>(units)) < 1e-5);
  }
}

TEST_CASE("streaming: outputs equal the forward pass for all kinds of layers, with and without biases") {
  const auto model = made(3, Dense{.units = 5}, Dropout{}, Recurrent<Gru>{.units = 9},
                          Recurrent<ProjectedLstm>{.units = 12, .sizes = {{"projected", 4}}},
                          Dense{.units = 20, .biased = false}, Dense{.units = 3, .biased = false}, Dense{.units = 4});
  CHECK(difference(model) < 2e-5);
  CHECK(difference<3, 5, 5, 9, 4, 20, 3, 4>(model) < 2e-5);
}

TEST_CASE("streaming: outputs equal the forward pass for cells of several stages and sizes") {
  CHECK(difference(made(3, Recurrent<RecurrentHighway>{.units = 19}, Recurrent<GruResetBefore>{.units = 5},
                        Recurrent<PeepholeLstm>{.units = 18}, Recurrent<Slstm>{.units = 4})) < 2e-5);
}

TEST_CASE("streaming: outputs equal the forward pass for a cell with fixed units") {
  const auto model =
      made(2, Recurrent<OneScalar<ProjectedLstm<float, 12>>::Cell>{.units = 12, .sizes = {{"projected", 4}}},
           Dense{.units = 1});
  CHECK(difference<2, 4, 1>(model) < 1e-5);
}

TEST_CASE("streaming: outputs equal the forward pass for hand-written cells") {
  const auto model = made(2, Recurrent<cell_run::HandWrittenGru>{.units = 7}, Dense{.units = 5});
  // The cell uses Eigen's products, which with AVX-512 round the columns of wide and narrow factors differently.
  CHECK(difference(model) < 1e-6);
  // Dot products of Dense with few outputs have another order of sums.
  const auto few = made(2, Recurrent<cell_run::HandWrittenGru>{.units = 7}, Dense{.units = 2});
  CHECK(difference(few) < 1e-6);
  CHECK(difference<2, 7, 2>(few) < 1e-6);
}

}  // namespace test_models
