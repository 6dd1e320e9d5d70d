#include "model_file.hpp"

#include <charconv>

#include "unroll/io/formats/safetensors.hpp"

namespace hcp {

using namespace unroll;

namespace {

constexpr const char* normalization = "each sequence: one mean and one deviation over all its steps and regions";

class FactReader {
 public:
  FactReader(const Facts& facts, const std::string& file) : facts_(facts), file_(file) {}

  const std::string& word(const std::string& name) const {
    const auto found = facts_.find(name);
    require<FileError>(found != facts_.end(), file_, ": must be a model of hcp; the entry '", name,
                       "' of its training is missing");
    return found->second;
  }
  template <class Number>
  Number number(const std::string& name, Number low, Number high) const {
    const std::string& given = word(name);
    Number value{};
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
    require<FileError>(error == std::errc{} && end == given.data() + given.size() && low <= value && value <= high,
                       file_, ": the entry '", name, "' of its training must be a number from ", low, " to ", high,
                       ", got ", [&] { return detail::in_quotes(given); });
    return value;
  }

 private:
  const Facts& facts_;
  const std::string& file_;
};

}  // namespace

ModelFile read_model(const std::filesystem::path& path) {
  const SafeTensors tensors = read_safetensors(path);
  const std::string file = path.string();
  const ModelDetails details = details_of(tensors.metadata, file);
  const FactReader facts(details.training, file);
  require<FileError>(facts.word("program") == "hcp", file, ": must be a model of hcp, got one of ",
                     [&] { return detail::in_quotes(facts.word("program")); });
  ModelFile all;
  all.options = {facts.word("model"), facts.number<Index>("units", 1, 4096), facts.number<Index>("layers", 1, 8),
                 facts.number<double>("dropout", 0, 0.999)};
  all.regions = facts.number<Index>("regions", 1, 10000000);
  all.steps = details.window.value_or(0);
  all.classes = details.outputs.empty() ? details.tokens : details.outputs;
  require<FileError>(all.classes.size() >= 2, file, ": must have the names of at least 2 classes, got ",
                     all.classes.size());
  // A lower bound of the parameters: input weights of the first layer and state weights of each layer.
  const double units = double(all.options.units);
  tensors.require_numbers(units * (double(all.regions) + double(all.options.layers) * units));
  if (const auto entry = tensors.metadata.find("trained_on"); entry != tensors.metadata.end())
    all.trained_on = trained_on_of_json(entry->second, file);
  all.model = make_model(all.options, all.regions, Index(all.classes.size()));
  all.model->load(path);
  return all;
}

void write_model(const std::filesystem::path& file, const Model& model, const ModelOptions& options, Index steps,
                 const std::vector<std::string>& classes, const TrainedOn& trained_on, const Facts& facts,
                 const MatrixX<float>& example) {
  ModelDetails details{.sample_rate = 1, .training = facts};
  if (steps > 0) details.window = steps;
  details.training["program"] = "hcp";
  details.training["model"] = options.kind;
  details.training["units"] = text(options.units), details.training["layers"] = text(options.layers);
  details.training["dropout"] = text(options.dropout), details.training["regions"] = text(example.rows());
  details.training["normalization"] = normalization;
  model.save(file, std::move(details), classes, {{"trained_on", to_json(trained_on)}});
  const auto clips = labelled({example}, {0}, Index(classes.size()));
  require<FileError>(model.predict(clips) == read_model(file).model->predict(clips), file.string(),
                     ": the saved model must give the same outputs after loading");
}

}  // namespace hcp
