#pragma once

#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "unroll/models/chain.hpp"

namespace unroll {

/// Decoder of a language model, for greedy(), sample() and beam_search() (concept Decoder). The model reads one token
/// per step and returns a score for each token of the vocabulary. The decoder continues the prompts passed to `read`.
///
///     LanguageDecoder decoder(model, {vocabulary.unknown(), vocabulary.start()});
///     decoder.read({prompt});  // begins with vocabulary.start() where the model has learned sentences
///     const auto written = sample(decoder, {.limits = {.end = vocabulary.end(), .longest = 40}, .temperature = 0.8});
///
/// Holds weights that were prepared at construction. After further training, construct another decoder.
template <class Model>
class LanguageDecoder {
 public:
  using Scalar = typename Model::Scalar;

  /// Prepares the weights of `kept`, which must outlive the decoder. `never`: tokens that must not be generated;
  /// negative ones are ignored. `products`: see StepOptions. Throws ShapeError for a model that reads anything but one
  /// number per step or has one output per sequence, ValueError for tokens outside the vocabulary.
  explicit LanguageDecoder(detail::NonTemporary<Model> kept, std::vector<Index> never = {},
                           Precision products = Precision::float32)
      : model_(kept), never_(std::move(never)), tape_(std::make_unique<typename Model::Tape>()) {
    require<ShapeError>(model_.features() == 1 && model_.per_step(),
                        "language decoder: the model must have 1 feature and an output at every step, got ",
                        model_.features(),
                        model_.per_step() ? " features" : " features and one output for each sequence");
    for (const Index token : never_)
      require<ValueError>(token < vocabulary(), "language decoder: a token of never must be below ", vocabulary(),
                          ", got ", token);
    weights_.products = products;
    model_.prepare(weights_);
  }

  /// Sets the prompts. Throws ValueError for an empty prompt and for numbers outside the vocabulary.
  void read(const std::vector<std::vector<Index>>& prompts) {
    std::vector<Index> lengths;
    for (const auto& prompt : prompts) {
      require<ValueError>(!prompt.empty(), "language decoder: prompt ", lengths.size(),
                          " must have at least 1 token, got 0");
      lengths.push_back(Index(prompt.size()));
    }
    const Timeline timeline = Timeline::from_lengths(lengths);
    MatrixX<Scalar> x(1, timeline.columns());
    for (Index c = 0; c < x.cols(); ++c)
      x(0, c) = Scalar(prompts[std::size_t(timeline.sample_of(c))][std::size_t(timeline.step_of(c))]);
    begin(x, timeline);
  }

  Index vocabulary() const { return model_.outputs(); }
  Index sources() const { return first_.cols(); }

  /// Scores of the first token after each prompt. Throws ValueError before `read` was called.
  ConstView<Scalar> start() {
    require<ValueError>(sources() > 0, "language decoder: no prompt was read; call read(...) first");
    states_ = first_states_;
    hypotheses_ = sources();
    return view(std::as_const(first_));
  }

  /// Scores of the next token after appending tokens[k] to hypothesis parents[k]. Throws ShapeError for spans of
  /// different lengths, ValueError for an unknown parent or a number outside the vocabulary.
  ConstView<Scalar> step(std::span<const Index> parents, std::span<const Index> tokens) {
    require<ShapeError>(parents.size() == tokens.size(),
                        "language decoder: tokens must have as many entries as parents, ", parents.size(), ", got ",
                        tokens.size());
    for (const Index parent : parents)
      require<ValueError>(parent >= 0 && parent < hypotheses_, "language decoder: parent must be 0 to ",
                          hypotheses_ - 1, ", got ", parent);
    x_.resize(1, Index(tokens.size()));
    for (Index k = 0; k < x_.cols(); ++k) x_(0, k) = Scalar(tokens[std::size_t(k)]);
    model_.check_input(view(std::as_const(x_)));  // refuses tokens before anything changes
    for (State<Scalar>& layer : states_)
      for (MatrixX<Scalar>& state : layer) reorder(state, parents);
    hypotheses_ = x_.cols();
    one_step_.assign_lengths(std::vector<Index>(tokens.size(), 1));
    const auto scores =
        model_.forward(weights_, view(std::as_const(x_)), one_step_, *tape_, {.keeping = {Keep::nothing}}, states_);
    scores_ = scores;
    model_.final_state(*tape_, states_);
    forbid(scores_);
    return view(std::as_const(scores_));
  }

 private:
  /// Reads the prompts. Scores are computed for the last token of each prompt only.
  void begin(const MatrixX<Scalar>& x, const Timeline& timeline) {
    model_.begin_learning(weights_, view(x), timeline, *tape_, {.keeping = {Keep::nothing}});
    model_.final_state(*tape_, first_states_);
    const auto all = tape_->in.back().values;
    MatrixX<Scalar> last(all.rows(), timeline.batch());
    for (Index b = 0; b < timeline.batch(); ++b) {
      const Index rank = timeline.rank(b);
      last.col(b) = all.col(timeline.offset(timeline.length(rank) - 1) + rank);
    }
    first_ = model_.finish(*tape_, view(std::as_const(last)));
    hypotheses_ = 0;
    forbid(first_);
  }

  void reorder(MatrixX<Scalar>& state, std::span<const Index> parents) {
    reordered_.resize(state.rows(), Index(parents.size()));
    for (std::size_t k = 0; k < parents.size(); ++k) reordered_.col(Index(k)) = state.col(parents[k]);
    state.swap(reordered_);
  }

  void forbid(MatrixX<Scalar>& scores) const {
    for (const Index token : never_)
      if (token >= 0) scores.row(token).setConstant(-std::numeric_limits<Scalar>::infinity());
  }

  const Model& model_;
  std::vector<Index> never_;
  typename Model::Weights weights_;
  std::unique_ptr<typename Model::Tape> tape_;
  ModelState<Scalar> first_states_, states_;
  Timeline one_step_;
  Index hypotheses_ = 0;
  MatrixX<Scalar> first_, scores_, x_, reordered_;
};

template <class Model>
LanguageDecoder(const Model&, std::vector<Index> = {}) -> LanguageDecoder<Model>;
template <class Model>
LanguageDecoder(const Model&, std::vector<Index>, Precision) -> LanguageDecoder<Model>;

}  // namespace unroll
