#include "infer/streamed.hpp"

namespace test_every_cell_2 {

TEST_CASE("streaming: every cell agrees with its forward pass, part 2") {
  streamed::every_cell_agrees<cell_run::AllCells, 2, 5>();
}

}  // namespace test_every_cell_2
