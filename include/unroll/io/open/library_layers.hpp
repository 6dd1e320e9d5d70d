#pragma once
// Layers of the library without a cell, from their options in a model file.

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string>

#include "unroll/io/open/stored_options.hpp"
#include "unroll/layers/activation.hpp"
#include "unroll/layers/any_layer.hpp"
#include "unroll/layers/convolution/conv1d.hpp"
#include "unroll/layers/convolution/conv_transpose1d.hpp"
#include "unroll/layers/convolution/upsample.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/layers/normalisation/batch_norm.hpp"
#include "unroll/layers/normalisation/layer_norm.hpp"
#include "unroll/layers/normalisation/softmax.hpp"
#include "unroll/layers/pooling/global_pooling.hpp"
#include "unroll/layers/pooling/pooling1d.hpp"
#include "unroll/layers/tied_dense.hpp"

namespace unroll::detail {

inline Dense stored_dense(const StoredOptions& from) {
  return {.units = from.integer("units"), .biased = from.flag("biased")};
}
inline TiedDense stored_tied_dense(const StoredOptions& from) {
  return {.embedding = from.integer("embedding"), .biased = from.flag("biased")};
}
/// Options that Conv1d and ConvTranspose1d have.
template <class Convolution>
Convolution stored_convolution(const StoredOptions& from) {
  Convolution to;
  to.units = from.integer("units");
  to.kernel = from.integer("kernel");
  to.stride = from.integer("stride");
  to.dilation = from.integer("dilation");
  to.groups = from.integer("groups");
  to.padding = from.padding("padding");
  to.biased = from.flag("biased");
  return to;
}
inline ConvTranspose1d stored_conv_transpose(const StoredOptions& from) {
  auto to = stored_convolution<ConvTranspose1d>(from);
  to.output_padding = from.integer("output_padding");
  return to;
}
inline Upsample stored_upsample(const StoredOptions& from) { return {.factor = from.integer("factor")}; }
inline Dropout stored_dropout(const StoredOptions& from) {
  return {.rate = from.number("rate"), .same_for_all_steps = from.flag("same_for_all_steps")};
}
inline PRelu stored_prelu(const StoredOptions& from) { return {.per_feature = from.flag("per_feature")}; }
inline LayerNorm stored_layer_norm(const StoredOptions& from) {
  return {.epsilon = from.number("epsilon"),
          .scaled = from.flag("scaled"),
          .shifted = from.flag("shifted"),
          .centred = from.flag("centred")};
}
inline BatchNorm stored_batch_norm(const StoredOptions& from) {
  BatchNorm to{.epsilon = from.number("epsilon"), .scaled = from.flag("scaled"), .shifted = from.flag("shifted")};
  to.momentum.reset();
  if (from.is_word("momentum"))
    (void)from.choice("momentum", {"cumulative"});
  else
    to.momentum = from.number("momentum");
  to.running_variance = from.choice("running_variance", {"unbiased", "biased"}) == 0 ? RunningVariance::unbiased
                                                                                     : RunningVariance::biased;
  return to;
}
inline Embedding stored_embedding(const StoredOptions& from) {
  Embedding to{.size = from.integer("size"), .dimension = from.integer("dimension")};
  if (from.is_word("padding"))
    (void)from.choice("padding", {"none"});
  else
    to.padding = from.integer("padding");
  to.frozen = from.flag("frozen");
  to.frozen_tokens = from.integers("frozen_tokens");
  to.sparse = from.flag("sparse");
  return to;
}
/// Options that MaxPool1d and AveragePool1d have.
template <class Pool>
Pool stored_pool(const StoredOptions& from) {
  Pool to;
  to.kernel = from.integer("kernel");
  to.stride = from.integer("stride");
  to.padding = from.padding("padding");
  to.ceil_mode = from.flag("ceil_mode");
  return to;
}
inline MaxPool1d stored_max_pool(const StoredOptions& from) {
  auto to = stored_pool<MaxPool1d>(from);
  to.dilation = from.integer("dilation");
  return to;
}
inline AveragePool1d stored_average_pool(const StoredOptions& from) {
  auto to = stored_pool<AveragePool1d>(from);
  to.count_padding = from.flag("count_padding");
  return to;
}

/// Adds a function that constructs each of these layers, by the layer's kind.
template <class S>
void add_library_layers(std::map<std::string, std::function<AnyLayer<S>(const StoredOptions&)>>& to) {
  to["dense"] = stored_dense;
  to["tied dense"] = stored_tied_dense;
  to["conv1d"] = stored_convolution<Conv1d>;
  to["conv transpose"] = stored_conv_transpose;
  to["upsample"] = stored_upsample;
  to["dropout"] = stored_dropout;
  to["prelu"] = stored_prelu;
  to["layer norm"] = stored_layer_norm;
  to["batch norm"] = stored_batch_norm;
  to["embedding"] = stored_embedding;
  to["max pool1d"] = stored_max_pool;
  to["average pool1d"] = stored_average_pool;
  to["softmax"] = [](const StoredOptions&) { return Softmax{}; };
  to["last step"] = [](const StoredOptions&) { return LastStep{}; };
  to["mean over time"] = [](const StoredOptions&) { return MeanOverTime{}; };
  to["max over time"] = [](const StoredOptions&) { return MaxOverTime{}; };
}

/// Calls f(make) for each activation, where make(options) is the function with its parameters.
template <class F>
void each_library_activation(F&& f) {
  const auto plain = [&]<class... A>(A... activation) {
    (f([activation](const StoredOptions&) { return activation; }), ...);
  };
  plain(Identity{}, Sigmoid{}, Tanh{}, Relu{}, Softplus{}, Softsign{}, Gelu{}, GeluTanh{});
  f([](const StoredOptions& from) { return LeakyRelu{.negative_slope = from.number("negative_slope")}; });
  f([](const StoredOptions& from) { return Elu{.alpha = from.number("alpha")}; });
  f([](const StoredOptions& from) { return HardSigmoid{.alpha = from.number("alpha"), .beta = from.number("beta")}; });
  f([](const StoredOptions& from) { return HardTanh{.low = from.number("low"), .high = from.number("high")}; });
}

}  // namespace unroll::detail
