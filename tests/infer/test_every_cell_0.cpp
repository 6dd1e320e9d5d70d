#include "infer/streamed.hpp"

namespace test_every_cell_0 {

TEST_CASE("streaming: every cell agrees with its forward pass, part 0") {
  streamed::every_cell_agrees<cell_run::AllCells, 0, 5>();
}

}  // namespace test_every_cell_0
