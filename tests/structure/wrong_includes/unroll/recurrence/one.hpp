#pragma once
#include "unroll/engine/cell.hpp"
#include <unroll/core/types.hpp>
