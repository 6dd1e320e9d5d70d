#include "cells/all_cells.hpp"
#include "cells/every_cell.hpp"

TEST_EXTREMES(2, 3)
