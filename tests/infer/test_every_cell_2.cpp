#include "infer/streamed.hpp"

TEST_CASE("every cell gives step by step what its pass forward gives, part 2") {
  streamed::every_cell_agrees<cell_run::AllCells, 2, 5>();
}
