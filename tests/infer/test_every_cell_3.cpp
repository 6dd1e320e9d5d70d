#include "infer/streamed.hpp"

namespace test_every_cell_3 {

TEST_CASE("streaming: every cell agrees with its forward pass, part 3") {
  streamed::every_cell_agrees<cell_run::AllCells, 3, 5>();
}

}  // namespace test_every_cell_3
