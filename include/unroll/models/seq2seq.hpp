#pragma once
// An encoder reads a sequence, a decoder writes tokens.
//
// This is the model and its passes over tokens that are given, which is what training needs. What the model
// writes by itself comes from a Seq2SeqDecoder (infer/seq2seq_decoder.hpp), which has no parameter that could take
// targets.

#include <optional>
#include <span>

#include "unroll/core/kept.hpp"
#include "unroll/engine/over_time.hpp"
#include "unroll/models/description.hpp"
#include "unroll/models/seq2seq_description.hpp"

namespace unroll {

/// `Encoder` is a Sequential or Stack that gives an output for every step; what it gives is the memory of a decoder
/// that attends. `C` is the decoder's cell: BahdanauGru, LuongLstm, a cell of one's own; one that does not attend (Gru)
/// knows the source by its first state only.
///
/// Parameters are one vector: encoder, embedding.weight [embedding x vocabulary], bridge, decoder, output.weight
/// [vocabulary x decoder's output] unless tied, output.bias. A state named `a`, Luong's attentional state, starts at
/// zero, the others come over the bridge.
template <class Encoder, Cell C>
class Seq2Seq : public detail::Seq2SeqDescription<Encoder, C> {
  using Base = detail::Seq2SeqDescription<Encoder, C>;
  using Base::embedding_at_, Base::decoder_at_, Base::output_at_, Base::embedding_, Base::output_;
  using Base::encoder_, Base::cell_, Base::options_, Base::bridge_, Base::bridged_layer_, Base::parameters_;

 public:
  using Base::attends, Base::vocabulary;
  using Scalar = typename C::Scalar;

  /// The parameters in the form that passes read, see Chain::Weights. They refer to the model's parameters.
  struct Weights {
    const Scalar* theta = nullptr;
    typename Encoder::Weights encoder;
    typename EmbeddingLayer<Scalar>::Weights embedding;
    typename C::Weights decoder;
    typename AnyLayer<Scalar>::Weights output;
  };

  /// What a pass keeps, see Chain::Tape.
  struct Tape {
    typename Encoder::Tape encoder;
    typename detail::StateBridge<Scalar>::Tape bridge;
    typename EmbeddingLayer<Scalar>::Tape embedding;
    unroll::Tape<C> decoder;
    typename AnyLayer<Scalar>::Tape output;
    const Timeline* targets = nullptr;
    Timeline own_targets;                       // where they were a temporary
    Buffer<Scalar> tokens;                      // a row of their numbers, which the embedding reads
    std::optional<ConstView<Scalar>> embedded;  // what it gave
    AttentionMemory<Scalar> memory{nothing<Scalar>()};
    ModelState<Scalar> final_state, d_final;  // of the encoder
    State<Scalar> initial, d_initial;         // of the decoder
    Keeping keeping;
    Buffer<Scalar> d_embedded, d_output, d_memory;
    std::optional<Parameters<Scalar>> d_encoder;
    bool kept = false;
  };

  /// Throws ShapeError or ValueError for sizes that do not fit.
  Seq2Seq(Encoder encoder, const Seq2SeqOptions& options) : Base(std::move(encoder), options) {}

  void prepare(Weights& weights) const {
    weights.theta = parameters_.values().data();
    encoder_.prepare(weights.theta, weights.encoder);
    embedding_.prepare(weights.theta + embedding_at_, weights.embedding);
    cell_.prepare(weights.theta + decoder_at_, weights.decoder);
    output_.prepare(weights.theta + output_at_, weights.output);
  }
  void prepare_back(Weights& weights) const {
    encoder_.prepare_back(weights.theta, weights.encoder);
    cell_.prepare_back(weights.theta + decoder_at_, weights.decoder);
    output_.prepare_back(weights.theta + output_at_, weights.output);
  }

  // ---- parts of a pass, which a decoder takes one by one

  /// Reads the sources [features x columns of their timeline]: fills the tape's memory and the decoder's first states.
  void encode(detail::Lasting<Weights> kept, detail::PassInput<Scalar> x, detail::PassTimeline sources, Tape& tape,
              const Pass& pass = {}) const {
    const Weights& weights = kept;
    const Index batch = sources.get().batch();
    tape.kept = false;
    tape.keeping = pass.keeping;
    const auto out = encoder_.forward(weights.encoder, std::move(x), std::move(sources), tape.encoder, pass);
    tape.memory.timeline = &encoder_.output_timeline(tape.encoder);
    new (&tape.memory.values) ConstView<Scalar>(out);
    tape.memory.causal = options_.causal;
    encoder_.final_state(tape.encoder, tape.final_state);
    tape.initial.resize(std::size_t(C::states));
    for (int s = 0; s < C::states; ++s) tape.initial[std::size_t(s)].setZero(cell_.state_rows(s), batch);
    if (bridged_layer_) bridge_.forward(weights.theta, tape.final_state[*bridged_layer_], tape.initial, tape.bridge);
  }

  /// [embedding x tokens], until the next call. Throws ValueError for a number that is no token.
  ConstView<Scalar> embed(const Weights& weights, std::span<const Index> tokens, Tape& tape) const {
    auto row = tape.tokens.shape(1, Index(tokens.size()));
    for (std::size_t c = 0; c < tokens.size(); ++c) {
      require<ValueError>(tokens[c] >= 0 && tokens[c] < vocabulary(), "seq2seq: expects tokens from 0 to ",
                          vocabulary() - 1, ", got ", tokens[c]);
      row(0, Index(c)) = Scalar(tokens[c]);
    }
    return embed_row(weights, std::as_const(tape.tokens).view(), tape);
  }

  /// Scores of all tokens [vocabulary x columns] before the softmax, from what the decoder gives; until the next call.
  ConstView<Scalar> score(const Weights& weights, const ConstView<Scalar>& output, Tape& tape) const {
    return output_.forward(weights.output, {output, nullptr}, {}, {}, tape.output).values;
  }

  /// Columns whose scores are in memory together while a model learns.
  Index piece_columns() const { return detail::cached_columns<Scalar>(vocabulary()); }

  // ---- over tokens that are given

  /// Encodes, and runs the decoder over `tokens`, one for each column of `targets`: what stands before each token that
  /// is to be told. Sample b of both timelines is the same.
  void begin_learning(detail::Lasting<Weights> kept, detail::PassInput<Scalar> x, detail::PassTimeline sources,
                      std::span<const Index> tokens, detail::PassTimeline targets, Tape& tape,
                      const Pass& pass = {}) const {
    const Weights& weights = kept;
    require<ShapeError>(sources.get().batch() == targets.get().batch(), "seq2seq: got ", sources.get().batch(),
                        " sources and ", targets.get().batch(), " targets");
    require<ShapeError>(Index(tokens.size()) == targets.get().columns(), "seq2seq: the targets have ",
                        targets.get().columns(), " columns, got ", tokens.size(), " tokens");
    const FlushToZero flush;
    encode(weights, std::move(x), std::move(sources), tape, pass);
    tape.targets = &std::move(targets).settle(tape.own_targets);
    tape.embedded.emplace(embed(weights, tokens, tape));
    over_time(weights, tape).forward(inputs(*tape.embedded, tape), tape.initial, pass.keeping);
    tape.kept = true;
  }

  /// What the decoder gave for each column of the targets [rows x columns], from which score() tells the next token.
  ConstView<Scalar> decoded(const Weights& weights, Tape& tape) const {
    require<ValueError>(tape.kept, no_pass);
    return over_time(weights, tape).output();
  }

  /// f(first, scores) for some columns of the targets after the other, the first one's number among all.
  template <class F>
  void each_score(const Weights& weights, Tape& tape, F&& f) const {
    const auto output = decoded(weights, tape);
    for (Index first = 0; first < output.cols(); first += piece_columns())
      f(first, score(weights, piece(output, first), tape));
  }

  /// `loss(first, scores)` is told what each_score tells and returns the gradient of the scores (a view that stays
  /// until the next call). Adds to `gradient`. Weights must be prepared for the way back too.
  template <class F>
  void learn(const Weights& weights, Tape& tape, Parameters<Scalar>& gradient, F&& loss) const {
    require<ValueError>(tape.kept && tape.keeping.keep != Keep::nothing, no_pass);
    require<ShapeError>(gradient.size() == parameters_.size(), "seq2seq: has ", parameters_.size(),
                        " parameters, the gradient ", gradient.size(), " entries");
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

  /// Where the last pass met its first value that is not finite, in words; empty if there is none.
  /// Only after a pass that kept everything.
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

  /// The value of a named equation of the decoder at every step of the targets, as the last pass computed it; the
  /// weights of ctx = attend(...) under the name ctx.weights [longest source x columns].
  MatrixX<Scalar> trace(const Weights& weights, Tape& tape, std::string_view equation) const {
    require<ValueError>(tape.kept, no_pass);
    MatrixX<Scalar> values;
    cell_.trace(equation, weights.decoder, over_time(weights, tape).all_columns(), tape.decoder.work, values);
    return values;
  }

 private:
  static constexpr const char* no_pass = "seq2seq: there was no pass over targets on this tape, or it is used up";

  // ---- passes

  OverTime<C> over_time(const Weights& weights, Tape& tape) const {
    return {cell_, weights.decoder, *tape.targets, Direction::forward, tape.decoder};
  }
  static Inputs<Scalar> inputs(const ConstView<Scalar>& embedded, const Tape& tape) {
    return {{&embedded, 1}, {}, attends ? &tape.memory : nullptr};
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

  /// Some columns at a time, few enough for the layer to add each to the gradient: of more it forms sums first.
  void pull_embedding(const Weights& weights, Tape& tape, Parameters<Scalar>& gradient) const {
    constexpr Index some = 1024;
    const ConstView<Scalar> tokens = std::as_const(tape.tokens).view();
    const ConstView<Scalar> d_embedded = std::as_const(tape.d_embedded).view();
    for (Index first = 0; first < tokens.cols(); first += some) {
      const auto part = detail::from_column(tokens, first, std::min(some, tokens.cols() - first));
      if (tokens.cols() > some) embed_row(weights, part, tape);  // the layer's tape is then of this part
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
