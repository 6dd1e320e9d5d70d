#pragma once

#include <utility>

#include "unroll/data/dataset.hpp"
#include "unroll/io/formats/ts.hpp"

namespace unroll {

/// Data set of a .ts file: a class per sequence, a target [1] per sequence, or unlabelled. Throws as Dataset does.
template <class Scalar>
Dataset<Scalar> to_dataset(LabelledSequences<Scalar> file) {
  if (!file.targets.empty())
    return Dataset<Scalar>::valued(std::move(file.sequences), Eigen::Map<const MatrixX<Scalar>>(
                                                                  file.targets.data(), 1, Index(file.targets.size())));
  if (file.labels.empty()) return Dataset<Scalar>::unlabelled(std::move(file.sequences));
  return Dataset<Scalar>::labelled(std::move(file.sequences), file.labels, Index(file.classes.size()));
}

}  // namespace unroll
