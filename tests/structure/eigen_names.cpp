// Using directives for Eigen and the library together. Dense and Sequential have to be qualified: Eigen has both names.
#include <unroll/unroll.hpp>

#include <Eigen/Dense>

using namespace Eigen;
using namespace unroll;

int main() {
  const MatrixX<float> outputs = MatrixXf::Zero(2, 3);
  const VectorX<double> sums = outputs.cast<double>().rowwise().sum();
  const Matrix<float, 2, 2> square = outputs.leftCols(2);
  const Map<const VectorXd> same(sums.data(), sums.size());
  const Index rows = square.rows();
  unroll::Sequential model(rows, Recurrent<Gru>{.units = 2}, LastStep{}, unroll::Dense{.units = 1});
  return int(model.outputs() - same.size() + 1);
}
