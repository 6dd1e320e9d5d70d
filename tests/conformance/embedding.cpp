// PyTorch's embedding, with and without a padding index.

#include "lookup.hpp"

namespace conformance {
namespace {

/// A number, or no padding at all: null or the word none. A negative one counts from the end.
std::optional<Index> padding_of(const Options& options, Index tokens) {
  if (!options.has("padding_idx")) return {};
  if (options.json("padding_idx").is_string()) {
    options.only("padding_idx", {"none", "None"});
    return {};
  }
  const auto index = options.at<Index>("padding_idx");
  require<ValueError>(index >= -tokens && index < tokens, "option 'padding_idx' must be within ", tokens,
                      " tokens, got ", index);
  return index < 0 ? index + tokens : index;
}

}  // namespace

SafeTensors compute_embedding(const Case& given) {
  const Index tokens = given.extent("weight", 0, 2), dimension = given.extent("weight", 1, 2);
  const Tensor& index = given.input("index");
  given.integers("index", index.shape, 0, tokens - 1);
  const auto options = given.options({"", "arguments"});
  options.only("max_norm", {nullptr}), options.only("scale_grad_by_freq", {false}), options.only("sparse", {false});
  given.check("V", tokens), given.check("D", dimension);
  given.check("num_embeddings", tokens), given.check("embedding_dim", dimension);
  Lookup lookup(given.columns<double>("weight"), padding_of(options, tokens));
  std::vector<Index> shape = index.shape;
  shape.push_back(dimension);
  const auto numbers = index.to<double>();
  SafeTensors out;
  out.tensors["y"] = tensor(lookup.forward(Eigen::Map<const Matrix<double>>(numbers.data(), 1, index.size())), shape);
  out.tensors["d_weight"] = tensor(lookup.gradient(given.columns<double>("g_y", shape)), {tokens, dimension});
  return out;
}

}  // namespace conformance
