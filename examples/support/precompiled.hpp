#pragma once
// Precompiled header: includes of most sources of the programs.

#include <CLI/CLI.hpp>
#include <Eigen/Core>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "unroll/io/model_file.hpp"
#include "unroll/unroll.hpp"
