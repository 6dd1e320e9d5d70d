#pragma once
#include <immintrin.h>
#include <Eigen/Core>
#include <iostream>
#include <nlohmann/json.hpp>
#include <unroll/engine/tape.hpp>
#include <unroll/unroll.hpp>
#include <vector>
