#pragma once
// Options of one layer in the JSON of a Keras model.

#include <initializer_list>
#include <set>

#include "unroll/io/import/detail/json_node.hpp"
#include "unroll/io/keras/detail/functions.hpp"
#include "unroll/io/keras/detail/layer.hpp"

namespace unroll::detail {

/// Options that have no effect on the outputs of a sequence without masked steps.
inline bool has_no_effect(std::string_view option) {
  constexpr std::string_view names[] = {"name",
                                        "trainable",
                                        "dtype",
                                        "seed",
                                        "batch_input_shape",
                                        "batch_shape",
                                        "input_shape",
                                        "stateful",
                                        "unroll",
                                        "implementation",
                                        "unit_forget_bias",
                                        "dropout",
                                        "recurrent_dropout",
                                        "zero_output_for_mask",
                                        "mask_zero",
                                        "input_length",
                                        "noise_shape",
                                        "synchronized",
                                        "renorm_momentum",
                                        "sparse"};
  return std::ranges::find(names, option) != std::end(names) || option.ends_with("_initializer") ||
         option.ends_with("_regularizer") || option.ends_with("_constraint");
}

/// Reader of the options of a layer. Its functions add an option to a KerasLayer, and throw FileError, with the layer,
/// for a value of another type or range. A null is a missing option.
class KerasConfig {
 public:
  KerasConfig(const JsonNode& config, KerasLayer& to, int version, std::string_view file)
      : config_(config), to_(to), version_(version), file_(file) {}

  const JsonNode& node() const { return config_; }
  int version() const { return version_; }

  /// Integer, or a list of one, as for windows.
  void count(const char* name) { set(name, single(known(name).at(name)).count()); }
  void count(const char* name, Index otherwise) { given(name) ? count(name) : set(name, otherwise); }
  void flag(const char* name, bool otherwise) {
    if (!given(name)) return set(name, otherwise);
    const JsonNode value = config_.at(name);
    value.expect(value.json().is_boolean(), "true or false");
    set(name, value.json().get<bool>());
  }
  void number(const char* name, double otherwise) { set(name, given(name) ? config_.at(name).number() : otherwise); }
  /// One of `words`, the first of which is the default.
  void word(const char* name, std::initializer_list<std::string_view> words) {
    set(name, std::string(given(name) ? checked(name, words) : *words.begin()));
  }
  /// The same without adding the option.
  void require_word(const char* name, std::initializer_list<std::string_view> words) {
    if (given(name)) checked(name, words);
  }
  /// Function of a cell; its default is `otherwise`.
  void function(const char* name, const char* otherwise) {
    const std::string function = given(name) ? config_.at(name).word() : otherwise;
    for (const KerasFunction& one : keras_functions)
      if (one.keras == function) return set(name, function);
    config_.at(name).expect(false, "a function that cells of this library can have");
  }
  /// Axis of the features; it is compared with the shape of the input later.
  void axis() { set("axis", given("axis") ? single(config_.at("axis")).json() : nlohmann::json(-1)); }
  bool given(const char* name) { return known(name).has(name); }

  template <class T>
  void set(const char* name, T&& value) {
    to_.options[name] = std::forward<T>(value);
  }

  /// Throws FileError for other options, unless they are null, false or without effect.
  void finish() const {
    for (const auto& [name, value] : config_.json().items()) {
      const bool off = value.is_null() || (value.is_boolean() && !value.template get<bool>());
      if (!off && !known_.contains(name) && !has_no_effect(name))
        JsonNode(value, file_, text(name_of(to_), ": option ", in_quotes(name)))
            .expect(false, "absent, null or false, because it is not supported");
    }
  }

 private:
  /// The value, or the only entry of a list.
  static JsonNode single(const JsonNode& value) {
    if (value.json().is_array()) value.size(1, 1);
    return value.last();
  }
  const JsonNode& known(const char* name) {
    known_.insert(name);
    return config_;
  }
  const std::string& checked(const char* name, std::initializer_list<std::string_view> words) const {
    const std::string& word = config_.at(name).word();
    std::string all;
    for (const std::string_view one : words) all += text(all.empty() ? "" : ", ", one);
    config_.at(name).expect(std::ranges::find(words, word) != words.end(), "one of: " + all);
    return word;
  }

  JsonNode config_;
  KerasLayer& to_;
  int version_;
  std::string_view file_;
  std::set<std::string> known_;
};

// ---- layers by class

inline void read_recurrent(KerasConfig& config, const std::string& kind) {
  config.count("units");
  config.function("activation", "tanh");
  if (kind != "SimpleRNN") config.function("recurrent_activation", "sigmoid");
  config.flag("use_bias", true);
  if (kind == "GRU") config.flag("reset_after", true);
  config.flag("go_backwards", false);
  config.flag("return_sequences", false);
}

inline void read_convolution(KerasConfig& config, const std::string& kind) {
  const bool transposed = kind == "Conv1DTranspose";
  config.count("filters");
  config.count("kernel_size");
  config.count("strides", 1);
  config.count("dilation_rate", 1);
  if (transposed)
    config.word("padding", {"valid", "same"});
  else
    config.word("padding", {"valid", "same", "causal"});
  config.count("groups", 1);
  config.flag("use_bias", true);
  config.require_word("data_format", {"channels_last"});
}

inline void read_pooling(KerasConfig& config) {
  config.count("pool_size", 2);
  config.count("strides", config.given("pool_size") ? config.node().at("pool_size").last().count() : 2);
  config.word("padding", {"valid", "same"});
  config.require_word("data_format", {"channels_last"});
}

inline void read_norm(KerasConfig& config, const std::string& kind) {
  config.axis();
  config.number("epsilon", kind == "RMSNormalization" ? 1e-6 : 1e-3);
  if (kind == "RMSNormalization") return;
  if (kind == "BatchNormalization") config.number("momentum", 0.99);
  config.flag("center", true);
  config.flag("scale", true);
}

/// Options of an elementwise function by its name in Keras: "activation", and the numbers of the function.
inline void set_function(KerasConfig& config, const char* from, const std::string& name) {
  std::string function = name == "swish" ? "silu" : name;
  if (name == "leaky_relu") config.set("negative_slope", 0.2);
  if (name == "elu") config.set("alpha", 1.0);
  if (name == "hard_sigmoid") config.set("alpha", hard_sigmoid_of(config.version()).alpha);
  if (name == "hard_tanh") config.set("low", -1.0), config.set("high", 1.0);
  if (name == "relu6") function = "hard_tanh", config.set("low", 0.0), config.set("high", 6.0);
  constexpr std::string_view others[] = {"leaky_relu", "hard_sigmoid", "softmax"};
  bool known = std::ranges::find(others, function) != std::end(others);
  for (const KerasFunction& one : keras_functions) known = known || one.keras == function;
  config.node().at(from).expect(known,
                                "a function that this library has: linear, sigmoid, tanh, relu, relu6, elu, "
                                "leaky_relu, gelu, silu, softplus, softsign, hard_sigmoid or hard_tanh");
  config.set("activation", function);
}

inline void read_rectifier(KerasConfig& config) {
  const bool limited = config.given("max_value");
  const auto number = [&](const char* name, double otherwise) {
    return config.given(name) ? config.node().at(name).last().number() : otherwise;
  };
  const double slope = number("negative_slope", 0), threshold = number("threshold", 0);
  config.node().expect(threshold == 0 && slope >= 0 && (!limited || slope == 0),
                       "a ReLU with the threshold 0, and with max_value or a negative_slope of at least 0, not both");
  config.set("activation", limited ? "hard_tanh" : slope > 0 ? "leaky_relu" : "relu");
  if (limited) config.set("low", 0.0), config.set("high", number("max_value", 0));
  if (slope > 0) config.set("negative_slope", slope);
}

/// Layers that are functions.
inline bool read_function_layer(KerasConfig& config, const std::string& kind) {
  if (kind == "Activation") {
    config.given("activation");
    set_function(config, "activation", config.node().at("activation").word());
  } else if (kind == "ReLU") {
    read_rectifier(config);
  } else if (kind == "LeakyReLU") {
    const char* const slope = config.given("alpha") ? "alpha" : "negative_slope";  // of Keras 2 and 3
    config.set("negative_slope", config.given(slope) ? config.node().at(slope).number() : 0.3);
    config.set("activation", "leaky_relu");
  } else if (kind == "ELU") {
    config.number("alpha", 1);
    config.set("activation", "elu");
  } else if (kind == "Softmax") {
    config.axis();
    config.set("activation", "softmax");
  } else {
    return false;
  }
  return true;
}

/// Options of a layer by its class. Returns false for a class that is not supported.
inline bool read_options(KerasConfig& config, const std::string& kind) {
  if (is_recurrent(kind)) return read_recurrent(config, kind), true;
  if (kind == "Dense") return config.count("units"), config.flag("use_bias", true), true;
  if (kind == "Embedding") return config.count("input_dim"), config.count("output_dim"), true;
  if (kind == "Conv1D" || kind == "Conv1DTranspose") return read_convolution(config, kind), true;
  if (kind == "MaxPooling1D" || kind == "AveragePooling1D") return read_pooling(config), true;
  if (kind == "GlobalMaxPooling1D" || kind == "GlobalAveragePooling1D")
    return config.require_word("data_format", {"channels_last"}), true;
  if (kind == "UpSampling1D") return config.count("size", 2), true;
  if (kind == "BatchNormalization" || kind == "LayerNormalization" || kind == "RMSNormalization")
    return read_norm(config, kind), true;
  if (is_dropout(kind)) return config.number("rate", 0.5), true;
  if (kind == "Concatenate") return config.axis(), true;
  return is_merge(kind) || read_function_layer(config, kind);
}

}  // namespace unroll::detail
