#include "model_file.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "../support/fingerprint.hpp"
#include "../support/names.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/io/json.hpp"

namespace har {

using namespace unroll;

namespace {

std::string word_in(const ModelDetails& details, const std::string& name) {
  const auto found = details.training.find(name);
  return found == details.training.end() ? std::string() : found->second;
}

std::set<std::string> names_in(const ModelDetails& details, const std::string& name) {
  const auto json = nlohmann::json::parse(word_in(details, name), nullptr, false);
  std::set<std::string> names;
  if (json.is_array())
    for (const auto& each : json)
      if (each.is_string()) names.insert(each.get<std::string>());
  return names;
}

/// Number of steps if all sequences have the same; otherwise none.
std::optional<Index> window_of(const LazyDataset<float>& data) {
  for (Index s = 1; s < data.size(); ++s)
    if (data.length(s) != data.length(0)) return std::nullopt;
  return data.length(0);
}

}  // namespace

std::string TrainedModel::data() const { return word_in(details, "data"); }
std::set<std::string> TrainedModel::people() const { return names_in(details, "people"); }
std::set<std::string> TrainedModel::recordings() const { return names_in(details, "recordings"); }
std::set<std::string> TrainedModel::sequences() const { return names_in(details, "sequences"); }

TrainedModel read_trained(const std::string& file) {
  const SafeTensors stored = read_safetensors(file);
  const ModelDetails details = unroll::details_of(stored.metadata, file);
  const std::string network_options = word_in(details, "network");
  require<FileError>(word_in(details, "program") == "har" && !network_options.empty(), file,
                     ": must be a model that har has trained; the program unroll-model runs other models");
  Options options;
  take_network(unroll::detail::parse_json(network_options, file), file, options);
  require<FileError>(details.mean.size() > 0 && details.outputs.size() >= 2, file,
                     ": must have the standardization of the channels and at least 2 classes");
  for (const auto& [name, value, words] :
       {std::tuple("cell", options.cell, std::vector<std::string>{"gru", "lstm", "elman"}),
        std::tuple("direction", options.direction, std::vector<std::string>{"forward", "backward", "bidirectional"}),
        std::tuple("pool", options.pool, std::vector<std::string>{"mean", "last", "max"})})
    require<FileError>(std::ranges::find(words, value) != words.end(), file, ": ", name, " must be ",
                       example::any_of(words), ", got ", value);
  require<FileError>(
      options.layers >= 1 && options.layers <= 8 && options.setting.units >= 1 && options.setting.units <= 4096, file,
      ": layers must be 1 to 8 and units 1 to 4096, got ", options.layers, " and ", options.setting.units);
  Network network = make_network(options, details.mean.size(), std::ssize(details.outputs));
  load(network, file);
  return {file, options, std::move(network), details};
}

Provenance provenance_of(const Data& data) {
  Provenance from{data.name, data_fingerprint(data), {}, {}, data.hashes};
  for (const Index person : data.people) from.people.insert(text(person));
  return from;
}

ModelDetails details_of(const Provenance& provenance, const Options& options, std::uint64_t seed,
                        const std::vector<std::string>& classes, const TrainedModel* before) {
  std::set<std::string> people = provenance.people, recordings = provenance.recordings,
                        sequences = provenance.sequences;
  ModelDetails details{.outputs = classes,
                       .training = {{"program", "har"},
                                    {"data", provenance.data},
                                    {"fingerprint of the data", provenance.fingerprint},
                                    {"seed", text(seed)},
                                    {"network", network_json(options).dump()},
                                    {"options", options_json(options).dump()}}};
  if (before != nullptr) {
    people.merge(before->people()), recordings.merge(before->recordings()), sequences.merge(before->sequences());
    if (before->sequences().empty()) sequences.clear();  // unknown
    if (before->data() != provenance.data) details.training["data"] = before->data() + ", then " + provenance.data;
    details.training["continued from"] = word_in(before->details, "fingerprint of the data");
  }
  const auto add = [&](const char* name, const std::set<std::string>& names) {
    if (!names.empty()) details.training[name] = example::json_list({names.begin(), names.end()});
  };
  add("people", people), add("recordings", recordings), add("sequences", sequences);
  return details;
}

ModelDetails details_of(const Data& data, const Options& options, std::uint64_t seed, const TrainedModel* before) {
  ModelDetails details = details_of(provenance_of(data), options, seed, data.classes, before);
  details.mean = data.mean, details.deviation = data.deviation;
  details.inputs = data.channels, details.sample_rate = data.sample_rate, details.window = window_of(data.train);
  return details;
}

void save_and_check(const Network& network, const std::filesystem::path& file, const Options& options,
                    const ModelDetails& details) {
  save(network, file, details);
  Network again = make_network(options, network.features(), network.outputs());
  load(again, file);
  require<FileError>(network.parameters().values() == again.parameters().values(), file.string(),
                     ": the saved model must have the same parameters after loading");
}

void check_fits(const TrainedModel& model, const std::vector<std::string>& classes, Index channels,
                std::optional<double> sample_rate) {
  require<ValueError>(
      classes == model.classes(), model.file, ": the classes of the data must be ",
      [&] { return example::quoted_list(model.classes()); }, ", as those of the model, got ",
      [&] { return example::quoted_list(classes); });
  require<ValueError>(channels == model.network.features(), model.file, ": the data must have ",
                      model.network.features(), " channels, as the model, got ", channels);
  const auto& rate = model.details.sample_rate;
  require<ValueError>(!rate || !sample_rate || *rate == *sample_rate, model.file, ": the data must have ",
                      rate.value_or(0), " steps per second, as the model, got ", sample_rate.value_or(0));
}

}  // namespace har
