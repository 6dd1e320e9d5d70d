#pragma once
// Models from model files, without their layers in the program.
//
//     auto [model, metadata] = open_model<float>("model.safetensors");                          // a Stack
//     auto opened = open_model<float>("model.safetensors", LayerRegistry<float>().add<Gru>());  // compiles faster

#include <array>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/model_file.hpp"
#include "unroll/io/open/library_cells.hpp"
#include "unroll/models/seq2seq.hpp"
#include "unroll/models/stack.hpp"

namespace unroll {

/// Model of a file, and the metadata passed to `save`.
template <class Model>
struct OpenedModel {
  Model model;
  std::map<std::string, std::string> metadata;
};

namespace detail {

/// Number of parameters of a chain of layers, which are connected, and the shape of its output. Throws ShapeError or
/// ValueError with the name of the layer that does not fit, FileError if a file has fewer numbers.
template <class S>
double parameters_of(Index features, std::vector<AnyLayer<S>>& layers, Shape& shape, const SafeTensors& file) {
  check_between<ShapeError>("model", "features per step", features, 1, most_features);
  shape = {features, true};
  double numbers = 0;
  for (std::size_t k = 0; k < layers.size(); ++k)
    detail::within("layer ", k, layers[k], [&] {
      if (const auto owner = layers[k].tied_to()) {
        const bool earlier = *owner >= 0 && std::size_t(*owner) < k;
        const ParameterBlock* const weight =
            earlier ? layers[std::size_t(*owner)].parameters().find("weight") : nullptr;
        require<ValueError>(weight != nullptr,
                            "embedding must be the number of an earlier layer with a matrix 'weight', got ", *owner);
        layers[k].tie({*weight, 0, text("layer ", *owner)});
      }
      if (layers[k].name() == "embedding") {  // it allocates memory for its tokens when it is connected
        const LayerOptions options = layers[k].options();
        file.require_numbers(numbers + double(option_or<Index>(options, "size", 0)) *
                                           double(option_or<Index>(options, "dimension", 0)));
      }
      shape = checked(layers[k].connect(shape));
      numbers += double(layers[k].parameters().size());
      file.require_numbers(numbers);
    });
  return numbers;
}

/// Number of parameters of the decoder of an encoder with these layers.
template <Cell C, class S>
double decoder_parameters_of(const Seq2SeqOptions& options, const std::vector<AnyLayer<S>>& encoder, Index outputs) {
  using Decoder = Seq2Seq<Stack<S>, C>;
  for (const auto& [name, size] : {std::pair("vocabulary", options.vocabulary), {"embedding", options.embedding}})
    check_between<ShapeError>("seq2seq", name, size, 1, most_features);
  const C cell(decoder_sizes(options, Decoder::attends ? outputs : 0));
  double bridged = 0, states = 0;
  for (const auto& layer : encoder)
    if (const auto rows = layer.state_rows(); !rows.empty()) bridged = std::accumulate(rows.begin(), rows.end(), 0.0);
  for (int s = 0; s < C::states; ++s)
    if (s != Decoder::attentional_state) states += double(cell.state_rows(s));
  return double(options.vocabulary) * double(options.embedding + (options.tied ? 0 : cell.output_rows())) +
         double(cell.parameters().size()) + (options.bridge == Bridge::project ? bridged * states : 0);
}

/// Description in a file. Throws FileError for a file without one and for another kind of model.
inline nlohmann::json stored_description(const SafeTensors& file, std::string_view kind, std::string_view other) {
  const std::string& version = metadata_of(file, "unroll");
  require<FileError>(version != "1", file.file, ": the version of the model file must be ", model_file_version,
                     ", which describes the layers, got 1; construct the model and use load");
  require<FileError>(version == model_file_version, file.file, ": the version of a model file must be ",
                     model_file_version, ", got ", in_quotes(version));
  auto json = parse_json<nlohmann::json>(metadata_of(file, "model"), file.file);
  const std::string& found = JsonNode(json, file.file, "model").at("model").word();
  require<FileError>(found == kind, file.file, ": the kind of the model must be '", kind, "', got ", in_quotes(found),
                     "; use ", other);
  return json;
}

/// Layers of a chain, with the number of input features.
template <class S>
struct StoredChain {
  Index features;
  std::vector<AnyLayer<S>> layers;

  StoredChain(const StoredOptions& from, const LayerRegistry<S>& registry) : features(from.integer("features")) {
    for (const StoredOptions& layer : from.parts("layers")) layers.push_back(registry.make(layer));
  }
};

/// Calls `make`. Throws FileError in place of the errors of a model with invalid options or sizes.
template <class F>
auto from_file(const SafeTensors& file, F&& make) try {
  return make();
} catch (const FileError&) {
  throw;
} catch (const Error& error) {
  throw FileError(text(file.file, ": the description of the model is not valid: ", error.what()));
}

/// Reads the parameters into `model` and adds the metadata of the file.
template <class Model>
OpenedModel<Model> opened(Model model, const SafeTensors& file) {
  from_tensors(model, file);
  return {std::move(model), user_metadata(file)};
}

template <class S>
Stack<S> stored_chain(const nlohmann::json& json, const SafeTensors& file, const LayerRegistry<S>& registry) {
  StoredChain<S> chain(StoredOptions(JsonNode(json, file.file, "model")), registry);
  Shape output;
  (void)parameters_of(chain.features, chain.layers, output, file);
  return Stack<S>(chain.features, std::move(chain.layers));
}

template <Cell C, class S>
Seq2Seq<Stack<S>, C> stored_seq2seq(const nlohmann::json& json, const SafeTensors& file,
                                    const LayerRegistry<S>& registry) {
  using Model = Seq2Seq<Stack<S>, C>;
  const StoredOptions all(JsonNode(json, file.file, "model")), decoder = all.part("decoder");
  decoder.expect(decoder.word("cell") == Model::cell_name(), "cell", in_quotes(Model::cell_name()));
  StoredChain<S> chain(all.part("encoder"), registry);
  const Seq2SeqOptions options{
      .vocabulary = decoder.integer("vocabulary"),
      .embedding = decoder.integer("embedding"),
      .units = decoder.integer("units"),
      .sizes = decoder.sizes("sizes"),
      .biased = decoder.flag("biased", true),
      .bridge = stored_value(decoder, "bridge", std::array{Bridge::zero, Bridge::copy, Bridge::project}),
      .tied = decoder.flag("tied"),
      .causal = decoder.flag("causal")};
  Shape encoded;
  const double numbers = parameters_of(chain.features, chain.layers, encoded, file);
  file.require_numbers(numbers + decoder_parameters_of<C>(options, chain.layers, encoded.features));
  return {Stack<S>(chain.features, std::move(chain.layers)), options};
}

}  // namespace detail

/// Model of the layers in a file, with its parameters and metadata. `registry` contains the cells and all layers of the
/// user in the file. Throws FileError for a layer that is not registered, a description that is not valid, tensors that
/// are missing or superfluous, and files of version 1, which have no description; ShapeError for a tensor of another
/// shape. Sizes are compared with the tensors before memory is allocated for them.
template <class S>
OpenedModel<Stack<S>> open_model(const SafeTensors& file, const LayerRegistry<S>& registry = library_registry<S>()) {
  const auto json = detail::stored_description(file, "chain", "open_seq2seq");
  return detail::opened(detail::from_file(file, [&] { return detail::stored_chain(json, file, registry); }), file);
}
template <class S>
OpenedModel<Stack<S>> open_model(const std::filesystem::path& path,
                                 const LayerRegistry<S>& registry = library_registry<S>()) {
  return open_model(read_safetensors(path), registry);
}

/// Encoder-decoder model of a file. `C` is the cell of the decoder, such as BahdanauGru<float>; the layers of the
/// encoder are those of the file. Throws as open_model.
template <Cell C>
OpenedModel<Seq2Seq<Stack<typename C::Scalar>, C>> open_seq2seq(
    const SafeTensors& file,
    const LayerRegistry<typename C::Scalar>& registry = library_registry<typename C::Scalar>()) {
  const auto json = detail::stored_description(file, "encoder and decoder", "open_model");
  return detail::opened(detail::from_file(file, [&] { return detail::stored_seq2seq<C>(json, file, registry); }), file);
}
template <Cell C>
auto open_seq2seq(const std::filesystem::path& path,
                  const LayerRegistry<typename C::Scalar>& registry = library_registry<typename C::Scalar>()) {
  return open_seq2seq<C>(read_safetensors(path), registry);
}

}  // namespace unroll
