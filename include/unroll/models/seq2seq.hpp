#pragma once
// An encoder reads a sequence, a decoder writes tokens.
//
// This is the model and its passes over tokens that are given, which is what training needs. Whoever wants to know what
// the model writes by itself asks a Seq2SeqDecoder (infer/seq2seq_decoder.hpp), which has no parameter that could take
// targets.

#include <optional>
#include <span>

#include "unroll/core/kept.hpp"
#include "unroll/engine/over_time.hpp"
#include "unroll/models/description.hpp"
#include "unroll/models/seq2seq_description.hpp"
#include "unroll/simd/column_sums.hpp"

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
  using Base::embedding_at_, Base::decoder_at_, Base::output_at_, Base::bias_at_, Base::embedding, Base::output_weight;
  using Base::encoder_, Base::cell_, Base::options_, Base::bridge_, Base::bridged_layer_, Base::parameters_;

 public:
  using Base::attends, Base::vocabulary;
  using Scalar = typename C::Scalar;

  /// The parameters in the form that passes read, see Chain::Weights. They refer to the model's parameters.
  struct Weights {
    const Scalar* theta = nullptr;
    typename Encoder::Weights encoder;
    typename C::Weights decoder;
    PackedMatrix<Scalar> output, output_back;
  };

  /// What a pass keeps, see Chain::Tape.
  struct Tape {
    typename Encoder::Tape encoder;
    unroll::Tape<C> decoder;
    typename detail::StateBridge<Scalar>::Tape bridge;
    const Timeline* targets = nullptr;
    Timeline own_targets;  // where they were a temporary
    std::vector<Index> tokens;
    AttentionMemory<Scalar> memory{nothing<Scalar>()};
    ModelState<Scalar> final_state, d_final;  // of the encoder
    State<Scalar> initial, d_initial;         // of the decoder
    Keeping keeping;
    Buffer<Scalar> embedded, d_embedded, scores, d_output, d_memory;
    std::optional<Parameters<Scalar>> d_encoder;
    bool kept = false;
  };

  /// Throws ShapeError or ValueError for sizes that do not fit.
  Seq2Seq(Encoder encoder, const Seq2SeqOptions& options) : Base(std::move(encoder), options) {}

  void prepare(Weights& weights) const {
    weights.theta = parameters_.values().data();
    encoder_.prepare(weights.theta, weights.encoder);
    cell_.prepare(weights.theta + decoder_at_, weights.decoder);
    if (options_.tied)
      weights.output.pack_transposed(embedding(weights.theta));
    else
      weights.output.pack(output_weight(weights.theta));
  }
  void prepare_back(Weights& weights) const {
    encoder_.prepare_back(weights.theta, weights.encoder);
    cell_.prepare_back(weights.theta + decoder_at_, weights.decoder);
    if (options_.tied)
      weights.output_back.pack(embedding(weights.theta));
    else
      weights.output_back.pack_transposed(output_weight(weights.theta));
  }

  // ---- parts of a pass, which a decoder takes one by one

  /// Reads the sources [features x columns of their timeline]: fills the tape's memory and the decoder's first states.
  void encode(Lasting<Weights> kept, PassInput<Scalar> x, PassTimeline sources, Tape& tape,
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

  /// [embedding x tokens]. Throws ValueError for a number that is no token.
  ConstView<Scalar> embed(const Weights& weights, std::span<const Index> tokens, Buffer<Scalar>& to) const {
    auto embedded = to.shape(options_.embedding, Index(tokens.size()));
    for (std::size_t c = 0; c < tokens.size(); ++c) {
      require<ValueError>(tokens[c] >= 0 && tokens[c] < vocabulary(), "seq2seq: expects tokens from 0 to ",
                          vocabulary() - 1, ", got ", tokens[c]);
      embedded.col(Index(c)) = embedding(weights.theta).col(tokens[c]);
    }
    return std::as_const(to).view();
  }

  /// Scores of all tokens [vocabulary x columns] before the softmax, from what the decoder gives.
  ConstView<Scalar> score(const Weights& weights, const ConstView<Scalar>& output, Buffer<Scalar>& to) const {
    auto scores = to.shape(vocabulary(), output.cols());
    weights.output.multiply(output.data(), output.outerStride(), output.cols(), scores.data(), scores.outerStride());
    const Eigen::Map<const Vector<Scalar>> bias(weights.theta + bias_at_, vocabulary());
    for (Index c = 0; c < scores.cols(); ++c) scores.col(c) += bias;
    return std::as_const(to).view();
  }

  // ---- over tokens that are given

  /// Encodes, and runs the decoder over `tokens`, one for each column of `targets`: what stands before each token that
  /// is to be told. Sample b of both timelines is the same.
  void begin_learning(Lasting<Weights> kept, PassInput<Scalar> x, PassTimeline sources, std::span<const Index> tokens,
                      PassTimeline targets, Tape& tape, const Pass& pass = {}) const {
    const Weights& weights = kept;
    require<ShapeError>(sources.get().batch() == targets.get().batch(), "seq2seq: got ", sources.get().batch(),
                        " sources and ", targets.get().batch(), " targets");
    require<ShapeError>(Index(tokens.size()) == targets.get().columns(), "seq2seq: the targets have ",
                        targets.get().columns(), " columns, got ", tokens.size(), " tokens");
    const FlushToZero flush;
    encode(weights, std::move(x), std::move(sources), tape, pass);
    tape.targets = &std::move(targets).settle(tape.own_targets);
    tape.tokens.assign(tokens.begin(), tokens.end());
    const auto embedded = embed(weights, tokens, tape.embedded);
    over_time(weights, tape).forward(inputs(embedded, tape), tape.initial, pass.keeping);
    tape.kept = true;
  }

  /// f(first, scores) for some columns of the targets after the other, the first one's number among all.
  template <class F>
  void each_score(const Weights& weights, Tape& tape, F&& f) const {
    require<ValueError>(tape.kept, no_pass);
    const auto output = over_time(weights, tape).output();
    for (Index first = 0; first < output.cols(); first += piece_columns())
      f(first, score(weights, piece(output, first), tape.scores));
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
      const ConstView<Scalar> d_scores = loss(first, score(weights, some, tape.scores));
      pull_scores(weights, some, d_scores, to, detail::from_column(d_output, first, some.cols()));
    }
    pull_decoder(weights, tape, to);
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
  Matrix<Scalar> trace(const Weights& weights, Tape& tape, std::string_view equation) const {
    require<ValueError>(tape.kept, no_pass);
    Matrix<Scalar> values;
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

  Index piece_columns() const { return detail::cached_columns<Scalar>(vocabulary()); }
  ConstView<Scalar> piece(const ConstView<Scalar>& whole, Index first) const {
    return detail::from_column(whole, first, std::min(piece_columns(), whole.cols() - first));
  }

  void pull_scores(const Weights& weights, const ConstView<Scalar>& output, const ConstView<Scalar>& d_scores,
                   Scalar* gradient, View<Scalar> d_output) const {
    weights.output_back.multiply(d_scores.data(), d_scores.outerStride(), d_scores.cols(), d_output.data(),
                                 d_output.outerStride());
    if (options_.tied)
      add_outer_products(output.data(), output.outerStride(), output.rows(), d_scores.data(), d_scores.outerStride(),
                         d_scores.rows(), d_scores.cols(), gradient + embedding_at_, options_.embedding);
    else
      add_outer_products(d_scores.data(), d_scores.outerStride(), d_scores.rows(), output.data(), output.outerStride(),
                         output.rows(), output.cols(), gradient + output_at_, vocabulary());
    detail::add_columns(d_scores, gradient + bias_at_);
  }

  void pull_decoder(const Weights& weights, Tape& tape, Scalar* gradient) const {
    const ConstView<Scalar> embedded = std::as_const(tape.embedded).view();
    auto d_embedded = tape.d_embedded.shape(embedded.rows(), embedded.cols());
    MemoryGradient<Scalar> d_memory;
    const auto& values = tape.memory.values;
    if (attends) new (&d_memory.values) View<Scalar>(tape.d_memory.shape(values.rows(), values.cols()));
    tape.d_initial.resize(std::size_t(C::states));
    over_time(weights, tape)
        .backward(inputs(embedded, tape), std::as_const(tape.d_output).view(), {}, gradient + decoder_at_,
                  {{&d_embedded, 1}, {}, d_memory}, tape.d_initial);
    for (std::size_t c = 0; c < tape.tokens.size(); ++c)
      Eigen::Map<Vector<Scalar>>(gradient + embedding_at_ + tape.tokens[c] * options_.embedding, options_.embedding) +=
          d_embedded.col(Index(c));
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
    for (const Segment& part : tape.d_encoder->segments())
      Eigen::Map<Vector<Scalar>>(gradient + part.first, part.size) +=
          tape.d_encoder->values().segment(part.first, part.size);
  }
};

}  // namespace unroll
