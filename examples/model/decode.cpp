#include "decode.hpp"

#include <algorithm>
#include <utility>

#include "registry.hpp"
#include "unroll/attention/bahdanau.hpp"
#include "unroll/attention/luong.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/infer/beam.hpp"
#include "unroll/infer/greedy.hpp"
#include "unroll/infer/seq2seq_decoder.hpp"
#include "unroll/io/model_details.hpp"
#include "unroll/io/open_model.hpp"

namespace model_program {

using namespace unroll;

namespace {

/// Calls f(std::type_identity<C>{}) for each cell of decoders until it returns true; returns whether it did.
template <class... Cells, class F>
bool any_of_cells(F&& f) {
  return (f(std::type_identity<Cells>{}) || ...);
}
template <class F>
bool any_cell(F&& f) {
  using namespace symbols;
  return any_of_cells<BahdanauGru<float, additive>, BahdanauGru<float, additive_biased>, BahdanauGru<float, general>,
                      BahdanauGru<float, dot>, BahdanauGru<float, scaled_dot>, BahdanauLstm<float, additive>,
                      LuongGru<float, general>, LuongGru<float, concat>, LuongGru<float, dot>,
                      LuongLstm<float, general>, LuongLstm<float, dot>, Gru<float>, Lstm<float>>(f);
}

template <class Model>
Decoded decoded_by(const Model& model, const Sequences& sequences, const DecodeOptions& options) {
  Seq2SeqDecoder decoder(model, options.begin);
  decoder.read(sequences.values, sequences.timeline);
  const Limits limits{.end = options.end, .longest = options.longest};
  std::vector<Hypothesis<float>> best;
  if (options.beams == 0)
    best = greedy(decoder, {.limits = limits});
  else
    for (auto& all : beam_search(decoder, {.limits = limits, .beams = options.beams}))
      best.push_back(std::move(all[0]));
  const auto longest = std::size_t(options.longest);
  std::vector<std::int64_t> tokens(best.size() * longest, -1);
  Decoded to;
  for (std::size_t b = 0; b < best.size(); ++b) {
    std::ranges::copy(best[b].tokens, tokens.begin() + std::ptrdiff_t(b * longest));
    to.ended += best[b].ended;
  }
  to.tokens = Tensor::of(tokens, {Index(best.size()), options.longest});
  return to;
}

}  // namespace

bool is_encoder_decoder(const std::filesystem::path& path) {
  if (format_of_file(path) != Format::unroll) return false;
  const SafeTensors file = read_safetensors(path);
  if (file.metadata.at("unroll") != model_file_version) return false;
  const auto json = detail::parse_json<nlohmann::json>(detail::metadata_of(file, "model"), file.file);
  return json.is_object() && json.value("model", nlohmann::json()) == "encoder and decoder";
}

Decoded decoded(const std::filesystem::path& path, Sequences sequences, bool raw, const DecodeOptions& options) {
  const SafeTensors file = read_safetensors(path);
  const auto json = detail::stored_description(file, "encoder and decoder", "open_model");
  const StoredOptions decoder = StoredOptions(detail::JsonNode(json, file.file, "model")).part("decoder");
  const std::string name = decoder.word("cell");
  const auto equations = decoder.has("equations") ? decoder.words("equations") : std::vector<std::string>();
  Decoded to;
  const bool found = any_cell([&]<class C>(std::type_identity<C>) {
    if (name != C::name || equations != detail::lines_of(describe(C(), Notation::source))) return false;
    const auto opened = open_seq2seq<C>(file, registry());
    const ModelDetails details = details_of(opened.model, opened.metadata, file.file);
    arrange(sequences, opened.model.encoder().inputs(), opened.model.features());
    if (!raw)
      if (const auto standardizer = details.standardizer<float>()) standardizer->apply(sequences.values);
    to = decoded_by(opened.model, sequences, options);
    return true;
  });
  require<FileError>(
      found, file.file, ": the cell of the decoder must be one of this program, got ",
      [&] { return detail::in_quotes(name); }, "; decode with open_seq2seq in a program that has it");
  return to;
}

}  // namespace model_program
