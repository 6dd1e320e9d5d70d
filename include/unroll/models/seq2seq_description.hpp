#pragma once
// Structure of a sequence-to-sequence model: encoder, bridge and decoder, and one vector of all parameters.

#include <limits>
#include <optional>

#include "unroll/cell/concept.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/layers/any_layer.hpp"
#include "unroll/layers/detail/cell_initializers.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/layers/tied_dense.hpp"
#include "unroll/models/bridge.hpp"
#include "unroll/models/chain.hpp"

namespace unroll {

struct Seq2SeqOptions {
  Index vocabulary = 0;                                   ///< number of output tokens, including begin and end marks
  Index embedding = 0;                                    ///< dimension of an embedded token
  Index units = 0;                                        ///< of the decoder
  std::vector<std::pair<std::string, Index>> sizes = {};  ///< of symbols with a separate size, see CellSizes
  bool biased = true;  ///< of the decoder's cell; false: all its biases are 0 and no parameters
  Bridge bridge = Bridge::project;
  bool tied = false;    ///< scores are products with the embedded tokens (Press & Wolf 2017, arXiv:1608.05859)
  bool causal = false;  ///< step t of the decoder attends only to the first t + 1 steps of its source
  Initializers initializers = {};
  bool sparse = false;  ///< a training step leaves vectors unchanged whose tokens were not decoder inputs, see
                        ///< Embedding; no effect if tied
};

namespace detail {

/// Sizes of the decoder's cell. `memory`: rows of the encoder's outputs if the cell reads them, else 0.
inline CellSizes decoder_sizes(const Seq2SeqOptions& options, Index memory) {
  return {.inputs = {options.embedding},
          .units = options.units,
          .constants = {},
          .sizes = options.sizes,
          .memory = memory,
          .biased = options.biased};
}

template <class Encoder, Cell C>
class Seq2SeqDescription {
 public:
  using Scalar = typename C::Scalar;
  using Options = Seq2SeqOptions;
  static constexpr bool attends = [] {
    if constexpr (requires { C::reads_memory; })
      return C::reads_memory;
    else
      return false;
  }();

  /// Index of the state that holds the output of the attention, declared by the cell, see LuongGru; -1: none.
  static constexpr int attentional_state = [] {
    if constexpr (requires { C::attentional_state; })
      return C::attentional_state;
    else
      return -1;
  }();
  static std::string_view cell_name() {
    if constexpr (requires { C::name; })
      return C::name;
    else
      return "a decoder";
  }

  const Encoder& encoder() const { return encoder_; }
  const C& cell() const { return cell_; }
  const Options& options() const { return options_; }
  /// Type of the decoder, for files and messages.
  std::string decoder_name() const {
    const std::string name(cell_name());
    return options_.causal ? name + ", causal" : name;
  }
  /// Encoder and decoder with all their options.
  LayerOptions description() const {
    LayerOptions decoder{{"cell", cell_name()},
                         {"vocabulary", options_.vocabulary},
                         {"embedding", options_.embedding},
                         {"bridge", name_of(options_.bridge)},
                         {"tied", options_.tied},
                         {"causal", options_.causal}};
    add_cell(decoder, cell_, options_);
    return {
        {"model", "encoder and decoder"}, {"encoder", chain_description(encoder_)}, {"decoder", std::move(decoder)}};
  }
  Index features() const { return encoder_.features(); }  ///< per step of the source
  Index vocabulary() const { return options_.vocabulary; }

  Parameters<Scalar>& parameters() { return parameters_; }
  const Parameters<Scalar>& parameters() const { return parameters_; }

  /// Initialises all parameters from one seed. Embedded tokens are normal with deviation 1, as in PyTorch.
  void initialise(std::uint64_t seed) {
    encoder_.initialise(seed);
    parameters_.values().head(encoder_.parameters().size()) = encoder_.parameters().values();
    const auto& blocks = parameters_.table().blocks();
    for (std::size_t k = encoder_.parameters().table().blocks().size(); k < blocks.size(); ++k)
      initializer_of(blocks[k]).fill(parameters_.block(blocks[k]), Random(seed, Purpose::initialise, std::uint64_t(k)));
    set_given(cell_, parameters_.values().data() + decoder_at_);
  }

 protected:
  /// Throws ShapeError or ValueError if sizes do not match.
  Seq2SeqDescription(Encoder encoder, const Options& options)
      : encoder_(std::move(encoder)),
        options_(options),
        embedding_({.size = options.vocabulary, .dimension = options.embedding, .sparse = options.sparse}),
        output_(made_output(options)) {
    detail::check_least("seq2seq", "vocabulary", options.vocabulary, 1);
    detail::check_least("seq2seq", "embedding", options.embedding, 1);
    detail::check_exact<Scalar>("seq2seq", "vocabulary", options.vocabulary);
    require<ShapeError>(encoder_.per_step(),
                        "seq2seq: encoder must give an output for every step, got one for each sequence; leave out "
                        "pooling and LastStep");
    require<ValueError>(
        encoder_.statistics() == 0,
        "seq2seq: the encoder has a batch norm, whose running statistics are not updated here; use LayerNorm");
    cell_ = made_cell();
    require<ShapeError>(!options.tied || cell_.output_rows() == options.embedding,
                        "seq2seq: rows of the decoder's output must be ", options.embedding,
                        ", as in the embedding, with tied weights, got ", cell_.output_rows());
    place_parameters();
  }

  Encoder encoder_;  // structure only: its parameters are the first ones of `parameters_`
  C cell_;
  Options options_;
  EmbeddingLayer<Scalar> embedding_;
  AnyLayer<Scalar> output_;  // from outputs of the decoder to scores of all tokens
  StateBridge<Scalar> bridge_;
  std::optional<std::size_t> bridged_layer_;  // of the encoder
  Index embedding_at_ = 0, decoder_at_ = 0, output_at_ = 0;
  Parameters<Scalar> parameters_;

 private:
  // ---- structure

  static AnyLayer<Scalar> made_output(const Options& options) {
    if (options.tied) return TiedDense{};
    return Dense{.units = options.vocabulary};
  }
  C made_cell() const { return make_cell<C>("decoder", decoder_sizes(options_, attends ? encoder_.outputs() : 0)); }

  void place_parameters() {
    ParameterTable table;
    table.append(encoder_.parameters().table(), "encoder.");
    for (const ParameterBlock& block : encoder_.parameters().table().blocks())
      if (block.sparse) table.make_dense("encoder." + block.name);  // otherwise both tables would track touched columns
    (void)embedding_.connect({.features = 1});
    embedding_at_ = table.append(embedding_.parameters(), "embedding.");
    place_bridge(table);
    decoder_at_ = table.append(cell_.parameters(), "decoder.");
    place_output(table);
    parameters_ = Parameters<Scalar>(std::move(table));
  }

  void place_output(ParameterTable& table) {
    if (options_.tied) {
      table.make_dense("embedding.weight");
      const ParameterBlock& weight = table.at("embedding.weight");
      output_.tie({weight, weight.offset - table.size(), "the embedding"});
    }
    (void)output_.connect({.features = cell_.output_rows()});
    output_at_ = table.append(output_.parameters(), "output.");
  }

  void place_bridge(ParameterTable& table) {
    if (options_.bridge == Bridge::zero) return;
    std::vector<Index> from;
    encoder_.each_layer([&](const auto& layer, std::size_t k) {
      if (!layer.state_rows().empty()) bridged_layer_ = k, from = layer.state_rows();
    });
    if (options_.bridge == Bridge::copy && bridged_layer_)
      require<ShapeError>(encoder_.shape(*bridged_layer_ + 1).features == from.front(),
                          "bridge: rows of the first state of the encoder's last recurrent layer must be ",
                          encoder_.shape(*bridged_layer_ + 1).features, ", as in its output, got ", from.front(),
                          "; Bridge::project joins states of two directions");
    std::vector<BridgedState> to;
    for (int s = 0; s < C::states; ++s)
      if (s != attentional_state) to.push_back({.state = s, .rows = cell_.state_rows(s)});
    bridge_ = StateBridge<Scalar>(options_.bridge, std::move(from), std::move(to), table);
  }
  Initializer initializer_of(const ParameterBlock& block) const {
    if (block.name == "embedding.weight") return embedding_.role_initializers().of(block.role);
    for (const auto& [name, own] : cell_initializers(cell_))
      if (block.name == "decoder." + name) return own;
    if constexpr (requires { cell_.column_initializers(); })
      for (const auto& [name, own] : cell_.column_initializers())
        if (block.name == "decoder." + name) return own;
    return options_.initializers.of(block.role);
  }
};

}  // namespace detail
}  // namespace unroll
