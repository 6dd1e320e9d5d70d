#pragma once
#include <unroll/core/types.hpp>
#include <unroll/optim/adam.hpp>
