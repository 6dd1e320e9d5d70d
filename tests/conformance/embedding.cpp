// Embeddings of PyTorch, with and without a padding index, and of Keras.

#include "lookup.hpp"

namespace conformance {
namespace {

/// Padding index; none if the option is null or the word none. Negative numbers count from the end.
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
  const bool of_keras = given.at<std::string>("op") == "keras_Embedding";
  const std::string weight = of_keras ? "embeddings" : "weight";
  const Index tokens = given.extent(weight, 0, 2), dimension = given.extent(weight, 1, 2);
  const Tensor& index = given.input("index");
  given.integers("index", index.shape, 0, tokens - 1);
  const auto options = given.options({"", "arguments"});
  options.only("max_norm", {nullptr}), options.only("scale_grad_by_freq", {false}),
      options.only("sparse", {false, true});
  options.only("mask_zero", {false, true});  // makes a mask, changes no number
  given.check("V", tokens), given.check("D", dimension);
  for (const auto& [name, size] : std::map<std::string, Index>{
           {"num_embeddings", tokens}, {"input_dim", tokens}, {"embedding_dim", dimension}, {"output_dim", dimension}})
    require<ValueError>(options.value(name, size) == size, "option '", name, "' is ", options.value(name, size),
                        ", but the tensors say ", size);
  Lookup lookup(given.columns<double>(weight), padding_of(options, tokens));
  std::vector<Index> shape = index.shape;
  shape.push_back(dimension);
  const auto numbers = index.to<double>();
  SafeTensors out;
  out.tensors["y"] = tensor(lookup.forward(Eigen::Map<const MatrixX<double>>(numbers.data(), 1, index.size())), shape);
  out.tensors["d_" + weight] = tensor(lookup.gradient(given.columns<double>("g_y", shape)), {tokens, dimension});
  return out;
}

}  // namespace conformance
