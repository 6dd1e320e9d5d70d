#include "infer/streamed.hpp"

namespace test_every_cell_0 {

TEST_CASE("every cell gives step by step what its forward pass gives, part 0") {
  streamed::every_cell_agrees<cell_run::AllCells, 0, 5>();
}

}  // namespace test_every_cell_0
