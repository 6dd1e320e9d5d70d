#pragma once
#include <unroll/core/types.hpp>
#include "unroll/cell/concept.hpp"
