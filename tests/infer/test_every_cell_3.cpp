#include "infer/streamed.hpp"

namespace test_every_cell_3 {

TEST_CASE("every cell gives step by step what its forward pass gives, part 3") {
  streamed::every_cell_agrees<cell_run::AllCells, 3, 5>();
}

}  // namespace test_every_cell_3
