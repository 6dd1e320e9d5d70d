#include "infer/streamed.hpp"

namespace test_every_cell_1 {

TEST_CASE("streaming: every cell agrees with its forward pass, part 1") {
  streamed::every_cell_agrees<cell_run::AllCells, 1, 5>();
}

}  // namespace test_every_cell_1
