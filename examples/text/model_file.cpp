#include "model_file.hpp"

#include <nlohmann/json.hpp>

#include "unroll/io/json.hpp"

namespace lm {

using namespace unroll;

namespace {

/// Settings in the names of this version, from those of the version without ModelDetails.
Settings present_settings(const std::string& json, const std::string& file) {
  const auto all = unroll::detail::parse_json<nlohmann::json>(json, file);
  require<FileError>(all.is_object(), file, ": the settings must be a JSON object");
  Settings settings;
  for (const auto& [name, value] : all.items())
    settings[name] = value.is_string() ? value.get<std::string>() : value.dump();
  const auto rename = [&](const char* before, const char* now) {
    if (const auto found = settings.find(before); found != settings.end() && !found->second.empty())
      settings[now] = found->second;
    settings.erase(before);
  };
  rename("patience", "plateau"), rename("stop-after", "patience");
  rename("held-out", "validation"), rename("valid", "validation");
  settings["case"] = settings["lower"] == "true" ? "lower" : "keep";
  settings.erase("lower");
  return settings;
}

/// Tokens and training in the metadata of a model file or checkpoint.
struct Description {
  Settings training;
  Vocabulary vocabulary;
};

Description description_in(const SafeTensors& file) {
  const auto entry = [&](const std::string& name) -> const std::string* {
    const auto found = file.metadata.find(name);
    return found == file.metadata.end() ? nullptr : &found->second;
  };
  if (const std::string* settings = entry("settings"))
    return {present_settings(*settings, file.file), Vocabulary::load(file.metadata, file.file)};
  const std::string *stored = entry("details"), *checkpoint = entry("training.details");
  if (stored == nullptr) stored = checkpoint;
  const ModelDetails details =
      stored == nullptr ? ModelDetails{} : unroll::details_of({{"details", *stored}}, file.file);
  require<FileError>(details.training.contains("tokens") && details.training.contains("cell"), file.file,
                     ": must be a model or checkpoint of this program; the settings of its training are missing");
  return {details.training, Vocabulary::of(details.tokens, file.file)};
}

/// Sets the parameters from a checkpoint.
void set_parameters(Network& network, const SafeTensors& file) {
  const Tensor& stored = file.at("training.parameters");
  auto& values = network.parameters().values();
  require<ShapeError>(stored.shape == std::vector{values.size()}, file.file, ": must have ", values.size(),
                      " parameters, as the network of its settings, got ", [&] { return unroll::text(stored.size()); });
  const auto numbers = stored.to<float>();
  values = Eigen::Map<const VectorX<float>>(numbers.data(), values.size());
}

}  // namespace

ModelDetails details_of(const Model& model) {
  return {.tokens = model.vocabulary.tokens(), .training = model.training};
}

void save(const Model& model, const std::filesystem::path& file) {
  unroll::save(model.network, file, details_of(model));
}

Model load(const std::filesystem::path& path) {
  const SafeTensors file = read_safetensors(path);
  Description description = description_in(file);
  Options options = options_of(description.training, file.file);
  // A lower bound of the parameters: embedding, input weights of the first layer, state weights of each layer.
  const double units = double(options.units), embedding = double(options.embedding);
  file.require_numbers(double(description.vocabulary.size()) * embedding + embedding * units +
                       double(options.layers) * units * units);
  Network network = make_network(options, description.vocabulary.size());
  if (file.metadata.contains("training.details"))
    set_parameters(network, file);
  else
    from_tensors(network, file);
  return {std::move(options), std::move(description.vocabulary), std::move(network), std::move(description.training)};
}

}  // namespace lm
