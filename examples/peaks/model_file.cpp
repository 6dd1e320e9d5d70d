#include "model_file.hpp"

#include <charconv>

#include "../support/names.hpp"
#include "unroll/io/formats/safetensors.hpp"
#include "unroll/io/json.hpp"
#include "unroll/io/model_details.hpp"

namespace peaks {

using namespace unroll;

namespace {

using Facts = std::map<std::string, std::string>;

/// Inputs with their units.
std::vector<std::string> names_of(const std::string& channels) {
  if (channels == "kernel") return {"kernel", "kernel squared", "Xmax (0.5 mm)", "Ymax (0.5 mm)"};
  if (channels == "poca") return {"poca_KDE_A", "poca_KDE_B", "poca_KDE_A_xMax", "poca_KDE_A_yMax"};
  if (channels == "toy") return {"density A", "density B", "x (mm / 6)", "y (mm / 6)"};
  return {"X 0", "X 1", "X 2", "X 3"};
}

const std::string& fact(const Facts& facts, const std::string& name, const std::string& file) {
  const auto found = facts.find(name);
  require<FileError>(found != facts.end(), file, ": must be a model of peaks; the entry '", name,
                     "' of its training is missing");
  return found->second;
}

Index whole_fact(const Facts& facts, const std::string& name, Index most, const std::string& file) {
  const std::string& word = fact(facts, name, file);
  Index value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  require<FileError>(error == std::errc{} && end == word.data() + word.size() && 1 <= value && value <= most, file,
                     ": the entry '", name, "' of its training must be a whole number from 1 to ", most, ", got ",
                     [&] { return detail::in_quotes(word); });
  return value;
}

constexpr const char* trained_events = "hashes of the events";

std::set<std::string> hashes_in(const std::string& list, const std::string& file) try {
  return unroll::detail::parse_json(list, file).get<std::set<std::string>>();
} catch (const std::exception&) {  // from parse_json, or a value of another type
  throw FileError(text(file, ": the entry '", trained_events, "' of its training must be a list of texts"));
}

}  // namespace

ModelFile read_model(const std::filesystem::path& path) {
  const SafeTensors tensors = read_safetensors(path);
  const std::string file = path.string();
  const Facts facts = details_of(tensors.metadata, file).training;
  require<FileError>(fact(facts, "program", file) == "peaks", file, ": must be a model of peaks, got one of ",
                     [&] { return detail::in_quotes(fact(facts, "program", file)); });
  const ModelOptions options{fact(facts, "model", file), whole_fact(facts, "units", 4096, file),
                             whole_fact(facts, "layers", 32, file), fact(facts, "batch normalisation", file) == "yes"};
  tensors.require_numbers(double(options.units));
  ModelFile all{options, make_network(options), fact(facts, "channels", file), whole_fact(facts, "bins", 100000, file)};
  if (facts.contains(trained_events)) all.trained_on = hashes_in(fact(facts, trained_events, file), file);
  from_tensors(all.network, tensors);
  return all;
}

void write_model(const std::filesystem::path& file, const Network& network, const ModelOptions& options,
                 const Events& events, std::map<std::string, std::string> facts,
                 const std::optional<std::set<std::string>>& trained_on) {
  facts["program"] = "peaks";
  facts["model"] = options.kind, facts["units"] = text(options.units), facts["layers"] = text(options.layers);
  facts["batch normalisation"] = options.batch_norm ? "yes" : "no";
  facts["channels"] = events.channels, facts["bins"] = text(events.bins());
  facts["bin width (mm)"] = text(events.bin_width()), facts["first position (mm)"] = text(z_first);
  facts["data"] = events.source, facts["data fingerprint"] = fingerprint(events);
  facts["training events"] = text(events.data.size());
  if (trained_on) facts[trained_events] = example::json_list({trained_on->begin(), trained_on->end()});
  const ModelDetails details{.window = events.bins(),
                             .inputs = names_of(events.channels),
                             .outputs = {"vertices"},
                             .training = std::move(facts)};
  save(network, file, details);
}

void check_fits(const ModelFile& model, const Events& events) {
  require<ShapeError>(events.bins() == model.bins && events.channels == model.channels, events.source, ": must have ",
                      model.bins, " bins and the inputs ", model.channels, ", as the training events, got ",
                      events.bins(), " and ", events.channels);
}

}  // namespace peaks
