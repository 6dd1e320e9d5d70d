#include <unroll/simd/products.hpp>

void products(unroll::PackedMatrix<float>& w, const unroll::MatrixX<float>& x, unroll::MatrixX<float>& y) {
  w.pack(x, unroll::Precision::bfloat16);
  w.multiply(x.data(), x.rows(), x.cols(), y.data(), y.rows());
  unroll::add_outer_products(x.data(), x.rows(), x.rows(), x.data(), x.rows(), x.rows(), x.cols(), y.data(), y.rows(),
                             unroll::Precision::bfloat16);
}
