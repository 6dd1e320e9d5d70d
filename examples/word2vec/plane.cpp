#include "plane.hpp"

#include <Eigen/SVD>

namespace word2vec {

using namespace unroll;

Plane plane_of(const MatrixX<float>& columns) {
  const MatrixX<double> all = columns.cast<double>();
  const MatrixX<double> centred = all.colwise() - all.rowwise().mean();
  const Eigen::BDCSVD<MatrixX<double>> parts(centred, Eigen::ComputeThinU);  // of 80 words, also with 4096 rows
  const VectorX<double> variances = parts.singularValues().array().square();
  const Index shown = std::min<Index>(2, variances.size());
  MatrixX<double> axes = parts.matrixU().leftCols(shown);
  // The sign of an axis is arbitrary. Its largest element is made positive, for reproducible figures.
  for (auto axis : axes.colwise()) {
    Index largest = 0;
    axis.cwiseAbs().maxCoeff(&largest);
    if (axis[largest] < 0) axis = -axis;
  }
  Plane plane{MatrixX<double>::Zero(2, all.cols()), 0};
  plane.places.topRows(shown) = axes.transpose() * centred;
  const double total = variances.sum();
  plane.share = total > 0 ? variances.head(shown).sum() / total : 0;
  return plane;
}

}  // namespace word2vec
