#include "model_file.hpp"

#include "unroll/io/model_file.hpp"

namespace lm {

using namespace unroll;

void save(const Model& model, const std::filesystem::path& file) {
  std::map<std::string, std::string> metadata{{"settings", identity_of(model.options)}};
  model.vocabulary.save(metadata);
  unroll::save(model.network, file, std::move(metadata));
}

Model load(const std::filesystem::path& path) {
  const SafeTensors file = read_safetensors(path);
  const auto settings = file.metadata.find("settings");
  require<FileError>(settings != file.metadata.end(), file.file,
                     ": must be a model of this program; metadata entry 'settings' is missing");
  Options options;
  settings_of(options).take_json(settings->second, file.file);
  Vocabulary vocabulary = Vocabulary::load(file.metadata, file.file);
  // A lower bound of the parameters: embedding, input weights of the first layer, state weights of each layer.
  const double units = double(options.units), embedding = double(options.embedding);
  file.require_numbers(double(vocabulary.size()) * embedding + embedding * units +
                       double(options.layers) * units * units);
  Network network = make_network(options, vocabulary.size());
  from_tensors(network, file);
  return {std::move(options), std::move(vocabulary), std::move(network)};
}

}  // namespace lm
