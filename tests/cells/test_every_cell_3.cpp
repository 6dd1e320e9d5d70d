#include "cells/all_cells.hpp"
#include "cells/every_cell.hpp"

TEST_CELLS(3, 5)
