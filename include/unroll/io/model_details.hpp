#pragma once
// Preprocessing, names and provenance of a trained model, stored with it.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "unroll/data/standardizer.hpp"
#include "unroll/io/import/detail/json_node.hpp"
#include "unroll/io/model_file.hpp"

namespace unroll {

/// Facts about a trained model that its layers do not contain. Members without a value are not stored.
///
///     ModelDetails details{.sample_rate = 50, .outputs = {"walk", "run"}, .training = {{"data", "subjects 1 to 20"}}};
///     details.standardize(standardizer);
///     save(model, "model.safetensors", details);
struct ModelDetails {
  std::optional<double> sample_rate = {};            ///< steps per second
  std::optional<Index> window = {};                  ///< steps per sequence in training
  std::vector<std::string> inputs = {};              ///< name of each feature
  std::vector<std::string> outputs = {};             ///< class or quantity of each output
  std::vector<std::string> tokens = {};              ///< text of each token number of the inputs
  VectorX<double> mean = {}, deviation = {};         ///< of the features, which are standardized with them
  std::map<std::string, std::string> training = {};  ///< settings, data and results of the training, by name
  /// States before the first step of every sequence: for each layer, a vector for each of its states. Empty: all 0.
  std::vector<std::vector<VectorX<double>>> initial_states = {};

  /// Stores the standardization of the inputs.
  template <class S>
  void standardize(const Standardizer<S>& standardizer) {
    mean = standardizer.mean();
    deviation = standardizer.deviation();
  }
  /// Standardization of the inputs; none if they are used as they are.
  template <class S>
  std::optional<Standardizer<S>> standardizer() const {
    if (mean.size() == 0) return std::nullopt;
    return Standardizer<S>(mean, deviation);
  }
  /// Initial states of `batch` sequences, as the passes of a model take them. Throws ValueError for a number beyond S.
  template <class S>
  ModelState<S> initial_state(Index batch) const {
    ModelState<S> all(initial_states.size());
    for (std::size_t k = 0; k < all.size(); ++k)
      for (const VectorX<double>& state : initial_states[k]) {
        all[k].push_back(state.template cast<S>().replicate(1, batch));
        require<ValueError>(all[k].back().allFinite(), "model details: initial states of layer ", k, " must fit in ",
                            detail::name_of_scalar<S>);
      }
    return all;
  }
};

namespace detail {

/// Calls f(name, member) for each member.
template <class Details, class F>
void each_detail(Details& details, F&& f) {
  f("inputs", details.inputs);
  f("outputs", details.outputs);
  f("tokens", details.tokens);
  f("mean", details.mean);
  f("deviation", details.deviation);
  f("window", details.window);
  f("sample_rate", details.sample_rate);
  f("training", details.training);
  f("initial_states", details.initial_states);
}

/// Number of tokens of the embedding with which a model or its encoder begins; 0 if it begins with another layer.
template <class Model>
Index input_tokens(const Model& model) {
  Index tokens = 0;
  if constexpr (requires { model.encoder(); })
    tokens = input_tokens(model.encoder());
  else if constexpr (requires { model.each_layer([](const auto&, auto) {}); })
    model.each_layer([&](const auto& layer, std::size_t k) {
      if constexpr (requires { layer.options(); })
        if (k == 0 && layer.name() == "embedding") tokens = option_or<Index>(layer.options(), "size", 0);
    });
  return tokens;
}

/// Throws ValueError for details that do not match the sizes of a model. `tokens`: of the inputs; 0: any number.
inline void check_sizes(const ModelDetails& details, Index features, Index outputs, Index tokens) {
  const auto as_many = [](const char* name, Index count, Index expected) {
    require<ValueError>(count == 0 || count == expected, "model details: entries of '", name, "' must be ", expected,
                        ", got ", count);
  };
  as_many("inputs", Index(details.inputs.size()), features);
  as_many("outputs", Index(details.outputs.size()), outputs);
  if (tokens > 0) as_many("tokens", Index(details.tokens.size()), tokens);
  as_many("mean", details.mean.size(), features);
  as_many("deviation", details.deviation.size(), details.mean.size());
  require<ValueError>((details.mean.size() == 0) == (details.deviation.size() == 0),
                      "model details: 'mean' and 'deviation' must be given together");
  (void)details.standardizer<double>();  // checks the values
  if (details.window) check_between("model details", "window", *details.window, 1, most_of_count);
  if (details.sample_rate) check_positive("model details", "sample_rate", *details.sample_rate);
}

inline DescriptionJson json_of(const ModelDetails& details) {
  DescriptionJson json = DescriptionJson::object();
  each_detail(details, [&]<class T>(const char* name, const T& value) {
    if constexpr (requires { value.has_value(); }) {
      if (value) json[name] = *value;
    } else if constexpr (std::is_same_v<T, VectorX<double>>) {
      if (value.size() > 0) json[name] = std::vector<double>(value.begin(), value.end());
    } else if constexpr (std::is_same_v<T, std::vector<std::vector<VectorX<double>>>>) {
      for (const auto& layer : value) {
        auto states = DescriptionJson::array();
        for (const auto& state : layer) states.push_back(std::vector<double>(state.begin(), state.end()));
        json[name].push_back(std::move(states));
      }
    } else if (!value.empty()) {
      json[name] = value;
    }
  });
  return json;
}

inline void read_detail(const JsonNode& from, std::string& to) { to = from.word(); }
inline void read_detail(const JsonNode& from, VectorX<double>& to) {
  const std::size_t count = from.size(0, std::numeric_limits<std::size_t>::max());
  to.resize(Index(count));
  for (std::size_t k = 0; k < count; ++k) to[Index(k)] = from.entry(k).number();
}
inline void read_detail(const JsonNode& from, std::optional<Index>& to) { to = from.count(); }
inline void read_detail(const JsonNode& from, std::optional<double>& to) { to = from.number(); }
template <class T>
void read_detail(const JsonNode& from, std::vector<T>& to) {
  to.resize(from.size(0, std::numeric_limits<std::size_t>::max()));
  for (std::size_t k = 0; k < to.size(); ++k) read_detail(from.entry(k), to[k]);
}
inline void read_detail(const JsonNode& from, std::map<std::string, std::string>& to) {
  from.expect(from.json().is_object(), "an object");
  for (const auto& item : from.json().items()) {
    from.expect(item.value().is_string(), "an object of strings");
    to[item.key()] = item.value().template get<std::string>();
  }
}

/// Throws ValueError for initial states that are not those of the layers of a model.
template <class Model>
void check_initial_states(const ModelDetails& details, const Model& model) {
  if (details.initial_states.empty()) return;
  if constexpr (requires { model.each_layer([](const auto&, auto) {}); }) {
    require<ValueError>(details.initial_states.size() == model.depth(),
                        "model details: entries of 'initial_states' must be ", model.depth(),
                        ", as many as layers, got ", details.initial_states.size());
    model.each_layer([&](const auto& layer, std::size_t k) {
      const auto& states = details.initial_states[k];
      const std::vector<Index> rows = layer.state_rows();
      require<ValueError>(states.empty() || states.size() == rows.size(), "model details: initial states of layer ", k,
                          " must be ", rows.size(), ", got ", states.size());
      for (std::size_t s = 0; s < states.size(); ++s)
        require<ValueError>(states[s].size() == rows[s] && states[s].allFinite(), "model details: initial state ", s,
                            " of layer ", k, " must be ", rows[s], " finite numbers, got ", states[s].size());
    });
  } else {
    throw ValueError("model details: an encoder-decoder model must have no 'initial_states'");
  }
}

/// Throws ValueError for details that do not match a model.
template <class Model>
void check_details(const ModelDetails& details, const Model& model) {
  Index outputs = 0;
  if constexpr (requires { model.outputs(); })
    outputs = model.outputs();
  else
    outputs = model.vocabulary();
  check_sizes(details, model.features(), outputs, input_tokens(model));
  check_initial_states(details, model);
}

}  // namespace detail

/// Details in the metadata of a model file, which `load` and `open_model` return; empty if the file has none. Throws
/// FileError for an entry of another type and for an unknown one.
inline ModelDetails details_of(const std::map<std::string, std::string>& metadata,
                               const std::string& file = "model file") {
  ModelDetails details;
  const auto found = metadata.find("details");
  if (found == metadata.end()) return details;
  const auto json = detail::parse_json(found->second, file);
  const detail::JsonNode all(json, file, "details");
  all.expect(json.is_object(), "an object");
  std::size_t known = 0;
  detail::each_detail(details, [&](const char* name, auto& value) {
    if (!json.contains(name)) return;
    detail::read_detail(all.at(name), value);
    ++known;
  });
  all.expect(known == json.size(), "an object with the names of ModelDetails only");
  return details;
}

/// The same, compared with the model. Throws FileError also for details that do not match it.
template <class Model>
ModelDetails details_of(const Model& model, const std::map<std::string, std::string>& metadata,
                        const std::string& file = "model file") {
  ModelDetails details = details_of(metadata, file);
  try {
    detail::check_details(details, model);
  } catch (const ValueError& error) {
    throw FileError(text(file, ": ", error.what()));
  }
  return details;
}

/// Writes a model file with details. Throws as `save`, and ValueError for details that do not match the model.
template <class Model>
void save(const Model& model, const std::filesystem::path& path, const ModelDetails& details,
          std::map<std::string, std::string> metadata = {}) {
  detail::check_details(details, model);
  require<ValueError>(!metadata.contains("details"),
                      "model file: the name 'details' in the metadata is reserved; use another");
  metadata["details"] = detail::dumped(detail::json_of(details), "details");
  save(model, path, std::move(metadata));
}

}  // namespace unroll
