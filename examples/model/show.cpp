#include "show.hpp"

#include "unroll/core/tables/data_table.hpp"

namespace model_program {

using namespace unroll;
using Json = detail::DescriptionJson;

namespace {

/// Value of an option for a table: text without quotes, lists in brackets.
std::string shown(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Value of the metadata for a line; long ones, such as lists of training data, are cut.
std::string beginning_of(const std::string& value) {
  constexpr std::size_t longest = 500;
  return value.size() <= longest ? value : text(value.substr(0, longest), "... (", value.size(), " bytes)");
}

std::string name_of_layer(const Json& layer) {
  for (const char* key : {"name", "cell", "merge", "input"})
    if (layer.contains(key)) return layer.at(key).get<std::string>();
  return "?";
}

/// Adds a row for each layer of the description: "0", "1", "2.3" for node 3 of the graph in layer 2.
void add_layers(const Json& layers, const std::string& before, const std::map<std::string, Index>& parameters,
                DataTable& table, std::string& equations, std::size_t first = 0) {
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const Json& layer = layers.at(k);
    (void)layer.get_ref<const Json::object_t&>();  // throws for another value
    const std::string number = text(before, k + first), name = name_of_layer(layer);
    std::string options;
    for (const auto& item : layer.items()) {
      if (item.key() == "name" || item.key() == "layer" || item.key() == "cell" || item.key() == "nodes" ||
          item.key() == "equations")
        continue;
      options += text(options.empty() ? "" : ", ", item.key(), " ", shown(item.value()));
    }
    const auto count = parameters.find(number);
    table.rows.push_back({number, name, options, text(count == parameters.end() ? 0 : count->second)});
    if (layer.contains("equations") && layer.at("equations").is_array()) {
      equations += text("equations of layer ", number, " (", name, ")\n");
      for (const Json& line : layer.at("equations")) equations += "  " + shown(line) + "\n";
    }
    if (layer.contains("nodes") && layer.at("nodes").is_array())
      add_layers(layer.at("nodes"), number + ".", parameters, table, equations, 1);
  }
}

/// Description, parameters and metadata of a file.
struct Content {
  Format format;
  Json model;
  std::map<std::string, std::vector<Index>> shapes;  // of the parameters, by name
  ModelDetails details;
  std::map<std::string, std::string> metadata;

  Index parameters() const {
    Index all = 0;
    for (const auto& item : shapes) all += size_of(item.second);
    return all;
  }
  static Index size_of(const std::vector<Index>& shape) { return Tensor{DType::F32, shape, {}}.size(); }
  /// Parameters of each layer, and of each node of a graph: the names before the last dots.
  std::map<std::string, Index> by_layer() const {
    std::map<std::string, Index> all;
    for (const auto& [name, shape] : shapes)
      for (std::size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1))
        all[name.substr(0, dot)] += size_of(shape);
    return all;
  }
};

Content content_of_unroll(const std::filesystem::path& path) {
  const SafeTensors file = read_safetensors(path);
  require<FileError>(file.metadata.at("unroll") == model_file_version, path.string(),
                     ": the version of the model file must be ", model_file_version,
                     ", which describes the layers, got ", detail::in_quotes(file.metadata.at("unroll")));
  Content to{Format::unroll, detail::read_description(detail::metadata_of(file, "model"), file.file), {}, {}, {}};
  for (const auto& [name, tensor] : file.tensors) to.shapes[name] = tensor.shape;
  to.metadata = detail::user_metadata(file);
  to.details = details_of(to.metadata, file.file);
  to.metadata.erase("details");
  return to;
}

Content content_of(const std::filesystem::path& path, const OpenOptions& options) {
  const Format format = format_of_file(path);
  check_options(options, format);
  if (format == Format::unroll) return content_of_unroll(path);
  const ModelFile file = open_model_file(path, options);
  Content to{file.format, detail::json_of(detail::model_description(file.model)), {}, file.details, file.metadata};
  for (const ParameterBlock& block : file.model.parameters().table().blocks())
    to.shapes[block.name] = detail::shape_of(block);
  return to;
}

std::string as_json(const Content& content) {
  Json all{{"format", name_of(content.format)},
           {"model", content.model},
           {"parameters", content.parameters()},
           {"details", detail::json_of(content.details)},
           {"metadata", content.metadata}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string as_text(const Content& content) {
  std::string all = text("format      ", name_of(content.format), "\n"), equations;
  DataTable table{{"layer", "name", "options", "parameters"}, {}};
  const auto add_chain = [&](const Json& chain, const std::string& before) {
    all += text("features    ", chain.contains("features") ? shown(chain.at("features")) : "?", " per step\n");
    if (chain.contains("layers")) add_layers(chain.at("layers"), before, content.by_layer(), table, equations);
  };
  if (content.model.contains("encoder")) {
    add_chain(content.model.at("encoder"), "encoder.");
    auto counts = content.by_layer();
    for (const char* part : {"embedding", "bridge", "decoder", "output"}) counts["decoder 0"] += counts[part];
    add_layers(Json::array({content.model.at("decoder")}), "decoder ", counts, table, equations);
  } else {
    add_chain(content.model, "");
  }
  all += text("parameters  ", content.parameters(), "\n\n", to_text(table));
  if (!equations.empty()) all += "\n" + equations;
  std::string rest;
  const Json details = detail::json_of(content.details);
  for (const auto& item : details.items()) rest += text("  ", item.key(), ": ", shown(item.value()), "\n");
  if (!rest.empty()) all += "\ndetails\n" + rest;
  rest.clear();
  for (const auto& item : content.metadata) rest += text("  ", item.first, ": ", beginning_of(item.second), "\n");
  if (!rest.empty()) all += "\nmetadata\n" + rest;
  return all;
}

}  // namespace

std::string description_of(const std::filesystem::path& path, const OpenOptions& options, bool json) {
  const Content content = content_of(path, options);
  try {
    return json ? as_json(content) : as_text(content);
  } catch (const nlohmann::json::exception& error) {
    throw FileError(text(path.string(), ": the description of the model is not valid: ", detail::json_reason(error)));
  }
}

}  // namespace model_program
