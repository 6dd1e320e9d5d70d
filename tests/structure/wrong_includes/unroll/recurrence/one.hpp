#pragma once
#include <unroll/core/types.hpp>
#include "unroll/engine/tape.hpp"
