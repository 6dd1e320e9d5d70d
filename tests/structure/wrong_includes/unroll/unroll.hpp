#pragma once
#include <unroll/check/gradient.hpp>
#include <unroll/train/fit.hpp>
