#pragma once
// Sequence-to-sequence model: an encoder reads a sequence, a decoder generates tokens.
//
// This header has the model and its passes over given tokens, for training. Generation is done by Seq2SeqDecoder
// (infer/seq2seq_decoder.hpp), whose interface takes no targets, so decoding cannot leak them.

#include <optional>
#include <span>

#include "unroll/core/non_temporary.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/engine/over_time.hpp"
#include "unroll/models/description.hpp"
#include "unroll/models/seq2seq_description.hpp"
#include "unroll/simd/bfloat16/pack_for.hpp"

namespace unroll {

/// Encoder-decoder model. `Encoder` is a Sequential or Stack with one output per step; its outputs are the memory of
/// the attention. `C` is the decoder's cell: BahdanauGru, LuongLstm or a user-defined one. A cell without attention
/// (Gru) depends on the source only by its initial state.
///
/// All parameters are in one vector: encoder, embedding.weight [embedding x vocabulary], bridge, decoder, output.weight
/// [vocabulary x decoder's output] unless tied, output.bias. The attentional state of a cell that declares one
/// (LuongGru) is initially zero; the others are initialised by the bridge.
template <class Encoder, Cell C>
class Seq2Seq : public detail::Seq2SeqDescription<Encoder, C> {
  using Base = detail::Seq2SeqDescription<Encoder, C>;
  using Base::embedding_at_, Base::decoder_at_, Base::output_at_, Base::embedding_, Base::output_;
  using Base::encoder_, Base::cell_, Base::options_, Base::bridge_, Base::bridged_layer_, Base::parameters_;

 public:
  using Base::attends, Base::vocabulary;
  using Scalar = typename C::Scalar;

  /// Prepared parameters, see Chain::Weights. They refer to the model's parameters.
  struct Weights {
    const Scalar* theta = nullptr;
    typename Encoder::Weights encoder;
    typename EmbeddingLayer<Scalar>::Weights embedding;
    typename C::Weights decoder;
    typename AnyLayer<Scalar>::Weights output;
    Precision products = Precision::float32;  ///< see Chain::Weights
  };

  /// Values stored by a pass, see Chain::Tape.
  struct Tape {
    typename Encoder::Tape encoder;
    typename detail::StateBridge<Scalar>::Tape bridge;
    typename EmbeddingLayer<Scalar>::Tape embedding;
    unroll::Tape<C> decoder;
    typename AnyLayer<Scalar>::Tape output;
    const Timeline* targets = nullptr;
    Timeline own_targets;                       // holds a temporary argument
    Buffer<Scalar> tokens;                      // one row of token numbers, the input of the embedding
    std::optional<ConstView<Scalar>> embedded;  // output of the embedding
    AttentionMemory<Scalar> memory{nothing<Scalar>()};
    ModelState<Scalar> final_state, d_final;  // of the encoder
    State<Scalar> initial, d_initial;         // of the decoder
    Keeping keeping;
    ThreadPool* threads = nullptr;
    Buffer<Scalar> d_embedded, d_output, d_memory;
    std::optional<Parameters<Scalar>> d_encoder;
    bool kept = false;
  };

  /// Throws ShapeError or ValueError if sizes do not match.
  Seq2Seq(Encoder encoder, const Seq2SeqOptions& options) : Base(std::move(encoder), options) {}

  void prepare(Weights& weights) const {
    const auto pack = detail::pack_for<Scalar>(weights.products);
    weights.theta = parameters_.values().data();
    encoder_.prepare(weights.theta, weights.encoder);
    embedding_.prepare(weights.theta + embedding_at_, weights.embedding);
    cell_.prepare(weights.theta + decoder_at_, weights.decoder);
    output_.prepare(weights.theta + output_at_, weights.output);
  }
  void prepare_back(Weights& weights) const {
    const auto pack = detail::pack_for<Scalar>(weights.products);
    encoder_.prepare_back(weights.theta, weights.encoder);
    cell_.prepare_back(weights.theta + decoder_at_, weights.decoder);
    output_.prepare_back(weights.theta + output_at_, weights.output);
  }

  // ---- parts of a pass, called separately by a decoder

  /// Encoder pass over the sources [features x columns of their timeline]. Sets the tape's memory and the initial
  /// states of the decoder.
  void encode(detail::NonTemporary<Weights> kept, detail::PassInput<Scalar> x, detail::PassTimeline sources, Tape& tape,
              const Pass& pass = {}) const {
    const Weights& weights = kept;
    const Index batch = sources.get().batch();
    tape.kept = false;
    tape.keeping = pass.keeping;
    tape.threads = pass.threads;
    const auto out = encoder_.forward(weights.encoder, std::move(x), std::move(sources), tape.encoder, pass);
    tape.memory.timeline = &encoder_.output_timeline(tape.encoder);
    new (&tape.memory.values) ConstView<Scalar>(out);
    tape.memory.causal = options_.causal;
    encoder_.final_state(tape.encoder, tape.final_state);
    tape.initial.resize(std::size_t(C::states));
    for (int s = 0; s < C::states; ++s) tape.initial[std::size_t(s)].setZero(cell_.state_rows(s), batch);
    if (bridged_layer_) bridge_.forward(weights.theta, tape.final_state[*bridged_layer_], tape.initial, tape.bridge);
  }

  /// Embedded tokens [embedding x tokens], valid until the next call. Throws ValueError for an invalid token.
  ConstView<Scalar> embed(const Weights& weights, std::span<const Index> tokens, Tape& tape) const {
    auto row = tape.tokens.shape(1, Index(tokens.size()));
    for (std::size_t c = 0; c < tokens.size(); ++c) {
      detail::check_index("seq2seq", "token", tokens[c], vocabulary());
      row(0, Index(c)) = Scalar(tokens[c]);
    }
    return embed_row(weights, std::as_const(tape.tokens).view(), tape);
  }

  /// Scores of all tokens before the softmax [vocabulary x columns] for outputs of the decoder; valid until the next
  /// call.
  ConstView<Scalar> score(const Weights& weights, const ConstView<Scalar>& output, Tape& tape) const {
    return output_.forward(weights.output, {output, nullptr}, {}, {}, tape.output).values;
  }

  /// Columns of scores in memory at a time during training.
  Index piece_columns() const { return detail::cached_columns<Scalar>(vocabulary()); }

  // ---- passes over given tokens

  /// First half of a training pass: runs the encoder, then the decoder over `tokens`, one per column of `targets`: each
  /// is the token before the one to predict. Both timelines have the same samples. Throws ShapeError if sizes do not
  /// match.
  void begin_learning(detail::NonTemporary<Weights> kept, detail::PassInput<Scalar> x, detail::PassTimeline sources,
                      std::span<const Index> tokens, detail::PassTimeline targets, Tape& tape,
                      const Pass& pass = {}) const {
    const Weights& weights = kept;
    detail::check_as_many("seq2seq", "targets", "sequences as sources", targets.get().batch(), sources.get().batch());
    detail::check_as_many("seq2seq", "tokens", "entries as target columns", Index(tokens.size()),
                          targets.get().columns());
    const FlushToZero flush;
    encode(weights, std::move(x), std::move(sources), tape, pass);
    tape.targets = &std::move(targets).settle(tape.own_targets);
    tape.embedded.emplace(embed(weights, tokens, tape));
    over_time(weights, tape).forward(inputs(*tape.embedded, tape, pass), tape.initial, pass.keeping);
    tape.kept = true;
  }

  /// Outputs of the decoder for the columns of the targets [rows x columns]; score() maps them to scores of the next
  /// token.
  ConstView<Scalar> decoded(const Weights& weights, Tape& tape) const {
    require<ValueError>(tape.kept, no_pass);
    return over_time(weights, tape).output();
  }

  /// Calls f(first, scores) for consecutive blocks of target columns; `first` is the number of the first column.
  template <class F>
  void each_score(const Weights& weights, Tape& tape, F&& f) const {
    const auto output = decoded(weights, tape);
    for (Index first = 0; first < output.cols(); first += piece_columns())
      f(first, score(weights, piece(output, first), tape));
  }

  /// Second half of a training pass. `loss(first, scores)` receives the arguments of each_score and returns the
  /// gradient of the scores, a view that must stay valid until the next call. Adds to `gradient`. Weights must also be
  /// prepared for the backward pass.
  template <class F>
  void learn(const Weights& weights, Tape& tape, Parameters<Scalar>& gradient, F&& loss) const {
    require<ValueError>(tape.kept && tape.keeping.keep != Keep::nothing, no_pass);
    detail::check_as_many("seq2seq", "gradient", "entries as parameters", gradient.size(), parameters_.size());
    tape.kept = false;
    const FlushToZero flush;
    Scalar* const to = gradient.values().data();
    const auto output = over_time(weights, tape).output();
    auto d_output = tape.d_output.shape(output.rows(), output.cols());
    for (Index first = 0; first < output.cols(); first += piece_columns()) {
      const auto some = piece(output, first);
      const ConstView<Scalar> d_scores = loss(first, score(weights, some, tape));
      output_.backward(weights.output, {some, nullptr}, {}, d_scores, {}, tape.output, to + output_at_,
                       detail::from_column(d_output, first, some.cols()), nullptr);
    }
    pull_decoder(weights, tape, to);
    pull_embedding(weights, tape, gradient);
    pull_encoder(weights, tape, to);
  }

  /// Description of the first non-finite value of the last pass; empty if there is none. Only after a pass with
  /// Keep::everything.
  std::string locate_non_finite(const Weights& weights, Tape& tape) const {
    require<ValueError>(tape.kept, no_pass);
    for (Index k = 0; k < parameters_.size(); ++k)
      if (!is_finite(parameters_.values()[k])) return "parameter '" + parameters_.table().holding(k).name + "'";
    if (std::string found = encoder_.locate_non_finite(tape.encoder); !found.empty()) return "encoder: " + found;
    const auto output = over_time(weights, tape).output();
    const Index column = detail::first_non_finite_column(output);
    if (column < 0) return {};
    return text("decoder: its output at sample ", tape.targets->place_of(column), ", step ",
                tape.targets->step_of(column));
  }

  /// Value of a named equation of the decoder at every target step of the last pass. For ctx = attend(...), the name
  /// ctx.weights gives the attention weights [longest source x columns].
  MatrixX<Scalar> trace(const Weights& weights, Tape& tape, std::string_view equation) const {
    require<ValueError>(tape.kept, no_pass);
    MatrixX<Scalar> values;
    cell_.trace(equation, weights.decoder, over_time(weights, tape).all_columns(), tape.decoder.work, values);
    return values;
  }

 private:
  static constexpr const char* no_pass =
      "seq2seq: the tape has no unused pass over targets; run one first, without Keep::nothing";

  // ---- passes

  OverTime<C> over_time(const Weights& weights, Tape& tape) const {
    return {cell_, weights.decoder, *tape.targets, Direction::forward, tape.decoder, tape.threads};
  }
  static Inputs<Scalar> inputs(const ConstView<Scalar>& embedded, const Tape& tape, const Pass& pass = {}) {
    constexpr std::uint64_t decoder_layer = 1 << 20;  // no layer of the encoder has this number
    return {{&embedded, 1},
            {},
            attends ? &tape.memory : nullptr,
            {pass.training, pass.seed, pass.update, decoder_layer, false}};
  }

  ConstView<Scalar> piece(const ConstView<Scalar>& whole, Index first) const {
    return detail::from_column(whole, first, std::min(piece_columns(), whole.cols() - first));
  }

  ConstView<Scalar> embed_row(const Weights& weights, const ConstView<Scalar>& tokens, Tape& tape) const {
    return embedding_.forward(weights.embedding, {tokens, nullptr}, {}, {}, tape.embedding).values;
  }

  void pull_decoder(const Weights& weights, Tape& tape, Scalar* gradient) const {
    const ConstView<Scalar>& embedded = *tape.embedded;
    auto d_embedded = tape.d_embedded.shape(embedded.rows(), embedded.cols());
    MemoryGradient<Scalar> d_memory;
    const auto& values = tape.memory.values;
    if (attends) new (&d_memory.values) View<Scalar>(tape.d_memory.shape(values.rows(), values.cols()));
    tape.d_initial.resize(std::size_t(C::states));
    over_time(weights, tape)
        .backward(inputs(embedded, tape), std::as_const(tape.d_output).view(), {}, gradient + decoder_at_,
                  {{&d_embedded, 1}, {}, d_memory}, tape.d_initial);
  }

  /// Processes blocks of columns small enough for the layer to add them directly to the gradient, without intermediate
  /// sums.
  void pull_embedding(const Weights& weights, Tape& tape, Parameters<Scalar>& gradient) const {
    constexpr Index some = 1024;
    const ConstView<Scalar> tokens = std::as_const(tape.tokens).view();
    const ConstView<Scalar> d_embedded = std::as_const(tape.d_embedded).view();
    for (Index first = 0; first < tokens.cols(); first += some) {
      const auto part = detail::from_column(tokens, first, std::min(some, tokens.cols() - first));
      if (tokens.cols() > some) embed_row(weights, part, tape);  // the layer's tape must match the block
      embedding_.backward(weights.embedding, {part, nullptr}, {}, detail::from_column(d_embedded, first, part.cols()),
                          {}, tape.embedding, gradient.values().data() + embedding_at_,
                          View<Scalar>(nullptr, 0, 0, Eigen::OuterStride<>(0)), nullptr);
      gradient.touch(embedding_at_, embedding_.touched(tape.embedding));
    }
  }

  void pull_encoder(const Weights& weights, Tape& tape, Scalar* gradient) const {
    if (!tape.d_encoder) tape.d_encoder.emplace(encoder_.parameters().zeros_like());
    tape.d_encoder->reset();
    tape.d_final.resize(encoder_.depth());
    if (bridged_layer_) {
      State<Scalar>& d_final = tape.d_final[*bridged_layer_];
      d_final.resize(tape.final_state[*bridged_layer_].size());
      bridge_.backward(weights.theta, tape.initial, tape.d_initial, tape.bridge, gradient, d_final);
    }
    encoder_.backward(tape.encoder, attends ? std::as_const(tape.d_memory).view() : nothing<Scalar>(), *tape.d_encoder,
                      nullptr, tape.d_final);
    for (const detail::Segment& part : tape.d_encoder->segments())
      Eigen::Map<VectorX<Scalar>>(gradient + part.first, part.size) +=
          tape.d_encoder->values().segment(part.first, part.size);
  }
};

}  // namespace unroll
