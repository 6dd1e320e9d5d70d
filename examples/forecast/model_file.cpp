#include "model_file.hpp"

#include <algorithm>

#include "../support/fingerprint.hpp"
#include "unroll/io/formats/safetensors.hpp"
#include "unroll/io/json.hpp"
#include "unroll/io/model_details.hpp"

namespace forecast {

using namespace unroll;

namespace {

const std::string& fact(const ModelDetails& details, const std::string& name, const std::string& file) {
  const auto found = details.training.find(name);
  require<FileError>(found != details.training.end(), file, ": must be a model of forecast; the entry '", name,
                     "' of its training is missing");
  return found->second;
}

std::vector<Seen> seen_of(const std::string& words, const std::string& file) try {
  std::vector<Seen> all;
  for (const auto& one : unroll::detail::parse_json<nlohmann::json>(words, file))
    all.push_back({one.at("steps").get<Index>(), one.at("fingerprint").get<std::string>()});
  return all;
} catch (const nlohmann::json::exception&) {
  throw FileError(file + ": must be a model of forecast, with steps and fingerprint of each training series");
}

/// Least number of parameters of the network.
double least_numbers(const Plan& plan) {
  const auto channels = double(plan.channels.size()), units = double(plan.units);
  return plan.model == "linear" ? channels * double(plan.window) * double(plan.outputs())
                                : units * (channels + double(plan.layers) * units + double(plan.outputs()));
}

/// Names of the outputs: "co2 +3, quantile 0.9".
std::vector<std::string> output_names(const Plan& plan) {
  std::vector<std::string> names;
  for (Index row = 0; row < plan.outputs(); ++row) {
    const Index number = row / plan.output_quantiles(), target = number / plan.output_steps();
    names.push_back(
        plan.regression() ? "value" : text(plan.channels[std::size_t(target)], " +", number % plan.output_steps() + 1));
    if (plan.output_quantiles() > 1)
      names.back() += text(", quantile ", plan.quantiles[std::size_t(row % plan.output_quantiles())]);
  }
  return names;
}

VectorX<double> vector_of(const std::vector<double>& values) {
  return Eigen::Map<const VectorX<double>>(values.data(), Index(values.size()));
}

}  // namespace

ModelFile read_model(const std::filesystem::path& path) {
  const SafeTensors tensors = read_safetensors(path);
  const std::string file = path.string();
  const ModelDetails details = details_of(tensors.metadata, file);
  require<FileError>(fact(details, "program", file) == "forecast", file, ": must be a model of forecast, got one of ",
                     [&] { return unroll::detail::in_quotes(fact(details, "program", file)); });
  const Plan plan = plan_of(fact(details, "plan", file), file);
  tensors.require_numbers(least_numbers(plan));
  ModelFile all{plan, make_network(plan), seen_of(fact(details, "training series", file), file)};
  from_tensors(all.network, tensors);
  return all;
}

void write_model(const std::filesystem::path& file, const ModelFile& model, std::map<std::string, std::string> facts) {
  nlohmann::ordered_json seen = nlohmann::ordered_json::array();
  for (const Seen& one : model.seen) seen.push_back({{"steps", one.steps}, {"fingerprint", one.fingerprint}});
  facts["program"] = "forecast", facts["plan"] = json_of(model.plan).dump(), facts["training series"] = seen.dump();
  ModelDetails details{.inputs = model.plan.channels,
                       .outputs = output_names(model.plan),
                       .mean = vector_of(model.plan.input_mean),
                       .deviation = vector_of(model.plan.input_deviation),
                       .training = std::move(facts)};
  if (!model.plan.regression()) details.window = model.plan.window;
  save(model.network, file, details);
}

std::string fingerprint(const Network& network) {
  return example::Fingerprint().add(network.parameters().values()).text();
}

std::vector<Seen> seen_in(const Data& data) {
  std::vector<Seen> all;
  for (std::size_t k = 0; k < data.borders.size(); ++k)
    if (const Index steps = data.borders[k].validation; steps > 0)
      all.push_back({steps, fingerprint(data.set.series[k], steps)});
  return all;
}

Index seen_steps(const std::vector<Seen>& seen, const Series& series) {
  Index most = 0;
  for (const Seen& one : seen)
    if (one.steps > most && one.steps <= series.values.cols() && one.fingerprint == fingerprint(series, one.steps))
      most = one.steps;
  return most;
}

nlohmann::ordered_json network_options(const Plan& plan) {
  nlohmann::ordered_json all;
  const auto json = json_of(plan);
  for (const char* name :
       {"horizon", "window", "season", "mode", "transform", "quantiles", "model", "cell", "units", "layers", "dropout"})
    all[name] = json.at(name);
  return all;
}

}  // namespace forecast
