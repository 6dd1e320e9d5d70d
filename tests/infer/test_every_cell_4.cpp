#include "infer/streamed.hpp"

namespace test_every_cell_4 {

TEST_CASE("streaming: every cell agrees with its forward pass, part 4") {
  streamed::every_cell_agrees<cell_run::AllCells, 4, 5>();
}

}  // namespace test_every_cell_4
