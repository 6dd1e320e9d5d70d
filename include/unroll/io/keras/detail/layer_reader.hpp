#pragma once
// Layers of the JSON of a Keras model.

#include <optional>

#include "unroll/io/keras/detail/config.hpp"

namespace unroll::detail {

/// Reader of one layer: {"class_name": ..., "config": {...}}.
class KerasLayerReader {
 public:
  /// `version`: major version of Keras.
  KerasLayerReader(std::string_view file, int version) : file_(file), version_(version) {}

  /// The layer, followed by its activation if it has one. `reads` is empty. Throws FileError for a layer, option or
  /// function that is not supported.
  std::vector<KerasLayer> read(const JsonNode& given) const {
    const std::string kind = class_of(given);
    const JsonNode inside = given.at("config");
    const std::string name = inside.has("name") ? inside.at("name").word() : kind;
    if (kind == "TimeDistributed") return time_distributed(inside, name);
    if (kind == "Bidirectional") return {bidirectional(inside, name)};
    return plain(kind, name, inside);
  }

  /// Class of a layer. A registered name marks a class of the user, which may have the name of one of Keras.
  static std::string class_of(const JsonNode& given) {
    const std::string& kind = given.at("class_name").word();
    if (!given.has("registered_name")) return kind;
    const std::string& registered = given.at("registered_name").word();
    return registered == kind || registered.starts_with("keras.") ? kind : registered;
  }

 private:
  JsonNode placed(const JsonNode& config, const std::string& kind, const std::string& name) const {
    return {config.json(), file_, text("layer ", in_quotes(name), " (", in_quotes(kind), ")")};
  }

  [[noreturn]] void refuse(const std::string& kind, const std::string& name) const {
    const std::string_view advice =
        kind == "Masking"   ? "; remove it, sequences of this library have lengths that are given with the data"
        : kind == "Flatten" ? "; use a global pooling layer or return_sequences=False"
                            : "";
    throw FileError(text(file_, ": layer ", in_quotes(name), " must be a layer that this library has, got ",
                         in_quotes(kind), advice));
  }

  std::vector<KerasLayer> plain(const std::string& kind, const std::string& name, const JsonNode& inside) const {
    std::vector<KerasLayer> all{{.kind = kind, .name = name, .reads = {}}};
    KerasConfig config(placed(inside, kind, name), all[0], version_, file_);
    if (!read_options(config, kind)) refuse(kind, name);
    const bool function = all[0].options.contains("activation") && !is_recurrent(kind);
    if (function) all[0].kind = "Activation";
    const bool active = (kind == "Dense" || kind.starts_with("Conv1D")) && config.given("activation");
    config.finish();
    if (active) add_activation(config, all);  // last: it moves the layer to which `config` refers
    return all;
  }

  void add_activation(const KerasConfig& of, std::vector<KerasLayer>& all) const {
    KerasLayer function{.kind = "Activation", .name = all[0].name, .reads = {}};
    KerasConfig config(of.node(), function, version_, file_);
    set_function(config, "activation", of.node().at("activation").word());
    if (function.options["activation"] != "linear") all.push_back(std::move(function));
  }

  std::vector<KerasLayer> time_distributed(const JsonNode& inside, const std::string& name) const {
    std::vector<KerasLayer> all = read(inside.at("layer"));
    for (KerasLayer& layer : all) {
      constexpr std::string_view by_column[] = {
          "Dense", "Activation", "LayerNormalization", "RMSNormalization", "BatchNormalization", "Dropout"};
      placed(inside, "TimeDistributed", name)
          .expect(std::ranges::find(by_column, layer.kind) != std::end(by_column),
                  "a layer of Dense, Activation, Dropout or a normalisation, not of " + layer.kind);
      if (layer.options.contains("axis") && layer.options["axis"] == 1) layer.options["axis"] = -1;  // without steps
      layer.name = name;
    }
    return all;
  }

  /// Layer inside a Bidirectional layer, without its direction. `backwards`: the expected one.
  KerasLayer direction(const JsonNode& given, const JsonNode& where, bool backwards) const {
    std::vector<KerasLayer> all = read(given);
    where.expect(is_recurrent(all[0].kind), "a layer of LSTM, GRU or SimpleRNN, not of " + all[0].kind);
    where.expect(option<bool>(all[0], "go_backwards") == backwards,
                 "a forward layer and a backward layer with go_backwards=True");
    all[0].options.erase("go_backwards");
    return all[0];
  }

  KerasLayer bidirectional(const JsonNode& inside, const std::string& name) const {
    KerasLayer to{.kind = "Bidirectional", .name = name, .reads = {}};
    KerasConfig config(placed(inside, to.kind, name), to, version_, file_);
    const KerasLayer forward = direction(inside.at("layer"), config.node(), false);
    config.given("layer");
    config.node().expect(inside.json().contains("merge_mode") ? config.given("merge_mode") : true,
                         "a layer with a merge_mode, because one output is needed");
    config.word("merge_mode", {"concat", "sum", "mul", "ave"});
    if (config.given("backward_layer")) {
      const KerasLayer backward = direction(inside.at("backward_layer"), config.node(), true);
      config.node().expect(backward.kind == forward.kind && backward.options == forward.options,
                           "a layer with equal options in both directions");
    }
    config.finish();
    to.options["layer"] = forward.kind;
    to.options.update(forward.options);
    return to;
  }

  std::string_view file_;
  int version_;
};

}  // namespace unroll::detail
