#pragma once

#include <utility>

#include "unroll/data/dataset.hpp"
#include "unroll/io/formats/ts.hpp"

namespace unroll {

/// Data set of a .ts file; unlabelled if the file has no labels. Throws as Dataset does.
template <class Scalar>
Dataset<Scalar> to_dataset(LabelledSequences<Scalar> file) {
  if (file.labels.empty()) return Dataset<Scalar>::unlabelled(std::move(file.sequences));
  return Dataset<Scalar>::labelled(std::move(file.sequences), file.labels, Index(file.classes.size()));
}

}  // namespace unroll
