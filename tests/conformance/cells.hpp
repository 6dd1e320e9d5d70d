#pragma once

#include "case.hpp"

namespace conformance {

SafeTensors compute_cell(const Case& given);

}  // namespace conformance
