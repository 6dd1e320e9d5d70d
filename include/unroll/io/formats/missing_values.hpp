#pragma once

#include "unroll/core/requirements.hpp"

namespace unroll {

/// Treatment of missing values in a text file.
enum class MissingValues {
  refuse,     ///< FileError with the line and the position
  drop_step,  ///< leaves out the step, for a CSV file the line
  keep_nan,   ///< NaN, for a mask or for imputation
};

}  // namespace unroll
