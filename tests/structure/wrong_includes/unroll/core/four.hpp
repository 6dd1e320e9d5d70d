#pragma once
#include <Eigen/Core>
#include <immintrin.h>
#include <iostream>
#include <nlohmann/json.hpp>
#include <unroll/engine/cell.hpp>
#include <unroll/unroll.hpp>
#include <vector>
