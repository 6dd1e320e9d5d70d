#pragma once
// Activations of Keras by name.

#include "case.hpp"
#include "chosen.hpp"

namespace conformance {

/// Names and constants of Keras 3. Keras 2 has a hard sigmoid of 0.2 x + 0.5.
inline Choice keras_activation(const Case& given, const std::string& name) {
  const auto source = given.file().metadata.find("source");
  const bool old = source != given.file().metadata.end() && source->second.starts_with("keras 2");
  if (name == "hard_sigmoid") return {.name = "hardsigmoid", .alpha = old ? 0.2 : 1.0 / 6, .beta = 0.5};
  if (name == "leaky_relu") return {.name = "leakyrelu", .alpha = 0.2};
  if (name == "elu") return {.name = "elu", .alpha = 1};
  if (name == "swish") return {.name = "silu"};
  if (name == "relu6") return {.name = "hardtanh", .alpha = 0, .beta = 6};
  if (name == "hard_tanh") return {.name = "hardtanh", .alpha = -1, .beta = 1};
  return {.name = name};
}

/// Name under an option; null means no activation.
inline std::string keras_activation_name(const Options& options, const std::string& option, const char* otherwise) {
  return options.names(option) && !options.has(option) ? "linear" : options.value(option, otherwise);
}

}  // namespace conformance
