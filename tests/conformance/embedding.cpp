// PyTorch's embedding, with and without a padding index.

#include "lookup.hpp"

namespace conformance {

SafeTensors compute_embedding(const Case& given) {
  const Matrix<double> weights = given.columns<double>("weight"), d_y = given.columns<double>("g_y");
  const Tensor& index = given.input("index");
  const std::string padding = given.word("padding_idx", "none");
  Lookup lookup(weights, padding == "none" ? std::nullopt : std::optional<Index>(std::stol(padding)));
  const auto tokens = index.to<double>();
  SafeTensors out;
  std::vector<Index> shape = index.shape;
  shape.push_back(weights.rows());
  out.tensors["y"] = tensor(lookup.forward(Eigen::Map<const Matrix<double>>(tokens.data(), 1, index.size())), shape);
  out.tensors["d_weight"] = tensor(lookup.gradient(d_y), {weights.cols(), weights.rows()});
  return out;
}

}  // namespace conformance
