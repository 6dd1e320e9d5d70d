#include "plane.hpp"

#include <Eigen/Eigenvalues>

namespace word2vec {

using namespace unroll;

Plane plane_of(const MatrixX<float>& columns) {
  const MatrixX<double> all = columns.cast<double>();
  const MatrixX<double> centred = all.colwise() - all.rowwise().mean();
  const Eigen::SelfAdjointEigenSolver<MatrixX<double>> solver(centred * centred.transpose());
  const Index shown = std::min<Index>(2, all.rows());
  MatrixX<double> axes = solver.eigenvectors().rightCols(shown).rowwise().reverse();
  // The sign of an eigenvector is arbitrary. Its largest element is made positive, for reproducible figures.
  for (auto axis : axes.colwise()) {
    Index largest = 0;
    axis.cwiseAbs().maxCoeff(&largest);
    if (axis[largest] < 0) axis = -axis;
  }
  Plane plane{MatrixX<double>::Zero(2, all.cols()), 0};
  plane.places.topRows(shown) = axes.transpose() * centred;
  const double total = solver.eigenvalues().sum();
  plane.share = total > 0 ? solver.eigenvalues().tail(shown).sum() / total : 0;
  return plane;
}

}  // namespace word2vec
