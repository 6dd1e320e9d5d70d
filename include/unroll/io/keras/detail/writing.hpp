#pragma once
// .keras files of Keras 3: a zip archive of config.json, metadata.json and model.weights.h5.

#include "unroll/io/detail/zip.hpp"
#include "unroll/io/formats/hdf5_writer.hpp"
#include "unroll/io/keras/detail/architecture.hpp"

namespace unroll::detail {

/// Class and options of a layer as Keras has them.
struct WrittenKerasLayer {
  std::string kind;
  nlohmann::ordered_json options;
};

inline WrittenKerasLayer written_function(const KerasLayer& layer) {
  const std::string function = option<std::string>(layer, "activation");
  const auto number = [&](const char* name) { return option<double>(layer, name); };
  const auto expect = [&](bool good, std::string_view what) {
    require<ValueError>(good, "Keras: ", layer.name, " must have ", what);
  };
  if (function == "leaky_relu") return {"LeakyReLU", {{"negative_slope", number("negative_slope")}}};
  if (function == "elu") return {"ELU", {{"alpha", number("alpha")}}};
  if (function == "hard_tanh" && number("low") == 0) return {"ReLU", {{"max_value", number("high")}}};
  if (function == "hard_tanh")
    expect(number("low") == -1 && number("high") == 1, "the limits -1 and 1, or the lower limit 0");
  if (function == "hard_sigmoid") expect(number("alpha") == hard_sigmoid_of(3).alpha, "alpha 1/6, as in Keras 3");
  return {"Activation", {{"activation", function}}};
}

inline WrittenKerasLayer written(const KerasLayer& layer) {
  if (layer.kind == "Activation") return written_function(layer);
  nlohmann::ordered_json options = nlohmann::ordered_json::object();
  for (const auto& [name, value] : layer.options.items()) options[name] = value;
  if (layer.kind == "Conv1DTranspose") options.erase("groups");
  if (layer.kind == "LayerNormalization" || layer.kind == "BatchNormalization") options["axis"] = -1;
  if (layer.kind != "Bidirectional") return {layer.kind, options};
  const std::string inside = option<std::string>(layer, "layer"), merge = option<std::string>(layer, "merge_mode");
  options.erase("layer"), options.erase("merge_mode");
  options["name"] = keras_group(inside);
  return {layer.kind,
          {{"merge_mode", merge},
           {"layer",
            {{"module", "keras.layers"}, {"class_name", inside}, {"config", options}, {"registered_name", nullptr}}}}};
}

/// JSON of a model with named layers, and the names of the groups of weights.
class KerasArchitectureWriter {
 public:
  explicit KerasArchitectureWriter(const KerasFile& model) : model_(model) {
    each_with_shapes(model, [&](const KerasLayer& layer, std::size_t, const std::vector<KerasShape>& in) {
      layers_.push_back(written(layer));
      if (!in.front().per_step && is_dropout(layer.kind)) layers_.back().kind = "Dropout";  // there are no steps
      groups_.push_back(numbers_.next(layers_.back().kind));
      const KerasShape out = shape_of(layer, in);
      shapes_.push_back(out.per_step ? nlohmann::ordered_json{nullptr, nullptr, out.features}
                                     : nlohmann::ordered_json{nullptr, out.features});
    });
  }

  const std::string& group(std::size_t layer) const { return groups_[layer]; }

  std::string text() const {
    const bool chain = is_chain();
    auto layers = nlohmann::ordered_json::array({input()});
    for (std::size_t k = 0; k < layers_.size(); ++k) layers.push_back(layer(k, chain));
    nlohmann::ordered_json config{{"name", "unroll"}, {"trainable", true}, {"layers", layers}};
    if (!chain) {
      config["layers"][0].update({{"name", input_name}, {"inbound_nodes", nlohmann::ordered_json::array()}});
      config["input_layers"] = {input_name, 0, 0};
      config["output_layers"] = {groups_.back(), 0, 0};
    }
    const char* const module = chain ? "keras" : "keras.src.models.functional";
    return object(module, chain ? "Sequential" : "Functional", std::move(config)).dump();
  }

 private:
  static constexpr const char* input_name = "input";

  static nlohmann::ordered_json object(const char* module, const std::string& kind, nlohmann::ordered_json config) {
    return {{"module", module}, {"class_name", kind}, {"config", std::move(config)}, {"registered_name", nullptr}};
  }

  bool is_chain() const {
    for (std::size_t k = 0; k < model_.layers.size(); ++k)
      if (model_.layers[k].reads != std::vector<std::size_t>{k}) return false;
    return true;
  }

  nlohmann::ordered_json input_shape() const {
    nlohmann::ordered_json shape{nullptr, nullptr};
    if (!model_.tokens) shape.push_back(model_.features);
    return shape;
  }
  const char* input_type() const { return model_.tokens ? "int32" : "float32"; }
  nlohmann::ordered_json input() const {
    return object("keras.layers", "InputLayer",
                  {{"batch_shape", input_shape()}, {"dtype", input_type()}, {"name", input_name}});
  }

  nlohmann::ordered_json layer(std::size_t k, bool chain) const {
    nlohmann::ordered_json config{{"name", groups_[k]}};
    config.update(layers_[k].options);
    auto written = object("keras.layers", layers_[k].kind, std::move(config));
    if (chain) return written;
    auto reads = nlohmann::ordered_json::array();
    for (const std::size_t from : model_.layers[k].reads) reads.push_back(tensor(from));
    const bool merges = is_merge(model_.layers[k].kind);
    auto arguments = nlohmann::ordered_json::array({merges ? reads : reads[0]});
    written["name"] = groups_[k];
    written["inbound_nodes"] =
        nlohmann::ordered_json::array({{{"args", arguments}, {"kwargs", nlohmann::ordered_json::object()}}});
    return written;
  }
  nlohmann::ordered_json tensor(std::size_t from) const {
    const std::string name = from == 0 ? input_name : groups_[from - 1];
    const nlohmann::ordered_json config{{"shape", from == 0 ? input_shape() : shapes_[from - 1]},
                                        {"dtype", from == 0 ? input_type() : "float32"},
                                        {"keras_history", {name, 0, 0}}};
    return {{"class_name", "__keras_tensor__"}, {"config", config}};
  }

  const KerasFile& model_;
  std::vector<WrittenKerasLayer> layers_;
  std::vector<std::string> groups_;
  std::vector<nlohmann::ordered_json> shapes_;  // of outputs
  KerasGroups numbers_;
};

/// Adds the weights of a layer to the groups that Keras 3 reads.
inline void add_weights(Hdf5Writer& to, const KerasLayer& layer, Index features, const std::string& group,
                        const SafeTensors& weights) {
  std::map<std::string, int> numbers;  // by part
  for (const auto& [name, shape] : weights_of(layer, features)) {
    const bool forward = name.starts_with("forward."), backward = name.starts_with("backward.");
    const char* const part = forward                    ? "/forward_layer/cell"
                             : backward                 ? "/backward_layer/cell"
                             : is_recurrent(layer.kind) ? "/cell"
                                                        : "";
    const std::string dataset = text("layers/", group, part, "/vars/", numbers[part]++);
    const Tensor& tensor = weights.at(name);
    if (tensor.dtype == DType::F64)
      to.add(dataset, std::span<const double>(tensor.to<double>()), shape);
    else
      to.add(dataset, std::span<const float>(tensor.to<float>()), shape);
  }
}

/// Writes a model atomically. `weights(k)` returns the weights of layer k.
template <class F>
void write_keras_zip(const std::filesystem::path& path, const KerasFile& model, F&& weights) {
  const KerasArchitectureWriter architecture(model);
  Hdf5Writer hdf5;
  hdf5.add_group("layers");
  each_with_shapes(model, [&](const KerasLayer& layer, std::size_t k, const std::vector<KerasShape>& in) {
    add_weights(hdf5, layer, in.front().features, architecture.group(k), weights(k));
  });
  const std::string config = architecture.text(), metadata = R"({"keras_version": "3.0.0"})";
  ZipWriter zip(path);
  zip.add("metadata.json", {std::as_bytes(std::span(metadata))});
  zip.add("config.json", {std::as_bytes(std::span(config))});
  zip.add("model.weights.h5", {hdf5.bytes()});
  zip.commit();
}

}  // namespace unroll::detail
