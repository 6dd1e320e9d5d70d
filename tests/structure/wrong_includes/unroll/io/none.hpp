#pragma once
#include <fstream>
#include <nlohmann/json.hpp>
#include <unroll/layers/recurrent.hpp>
