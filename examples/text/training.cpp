#include "training.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "../support/trained.hpp"
#include "any_optimizer.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"

namespace lm {

using namespace unroll;

namespace {

using Loss = SoftmaxCrossEntropy<float>;

/// Update/weight ratios of the last update of each epoch.
class UpdateRatios {
 public:
  UpdateRatios(const Network& network, RunState& state)
      : network_(network), state_(state), initial_(network.parameters().values()) {}

  void after(const BatchEnd& end) {
    if (end.batch + 1 == end.batches) add();
    if (end.batch + 2 == end.batches) before_last_ = network_.parameters().values();
  }

 private:
  void add() {
    Parameters<float> before = network_.parameters();
    // Otherwise the state was saved just before this batch: at the end of an epoch, or when the run was interrupted.
    before.values() = before_last_.size() > 0        ? before_last_
                      : state_.parameters.size() > 0 ? state_.parameters
                                                     : initial_;
    before_last_.resize(0);
    const auto ratios = update_ratios(before, network_.parameters());
    const Index old = state_.ratios.size();
    state_.ratios.conservativeResize(old + Index(ratios.size()));
    for (std::size_t k = 0; k < ratios.size(); ++k) state_.ratios[old + Index(k)] = ratios[k].ratio;
  }

  const Network& network_;
  RunState& state_;
  VectorX<float> initial_, before_last_;
};

/// Options of fit without those of the kind of data.
template <class Data>
FitOptions<float, Data> fit_options(const Options& options, const Run& run, RunState& state, UpdateRatios& ratios) {
  FitOptions<float, Data> fit{.epochs = options.epochs, .seed = run.seed, .clip_norm = options.clip};
  fit.truncation = {.update_every = options.update_every, .back = options.back};
  fit.threads = Threads{options.running.threads};
  fit.products = example::precision_of(options.products);
  if (options.plateau > 0)
    fit.plateau = {.initial = options.rate, .factor = options.decay, .patience = options.plateau};
  else
    fit.learning_rate.rate = [&options](long done) {
      const Index late = Index(done) - (options.epochs - options.decay_epochs) + 1;
      return options.rate * std::pow(options.decay, double(std::max<Index>(late, 0)));
    };
  if (options.patience > 0) fit.early_stopping = EarlyStopping{.patience = options.patience};
  fit.on_batch = [&](const BatchEnd& end) {
    if (end.epoch == 0 && end.batch == 0) state.first_loss = end.report.loss.value();
    ratios.after(end);
    return true;
  };
  fit.on_epoch = [&](const unroll::Epoch&) { return run.on_epoch(state), true; };
  return fit;
}

template <class Data>
void fit(Model& model, const Data& data, const Data& validation, const Options& options, const Run& run,
         RunState& state) {
  AnyOptimizer optimizer(options);
  UpdateRatios ratios(model.network, state);
  auto all = fit_options<Data>(options, run, state, ratios);
  all.validation = &validation;
  if constexpr (std::is_same_v<Data, LazyDataset<float>>) all.batches = {.size = options.batch, .by_length = true};
  const bool quiet = options.running.quiet || options.running.json;
  example::train(model.network, Loss(), optimizer, data, all,
                 {run.checkpoint, options.running.checkpoint_seconds, quiet}, state);
}

}  // namespace

Validation validate(const Network& network, const Part& part, const Vocabulary& vocabulary, const Options& options,
                    const Threads& threads) {
  Evaluator<Network> evaluator;
  std::vector<State<float>> states;
  Validation all;
  double unknown = 0;  // tokens
  each_piece(part, vocabulary, options, [&](const Dataset<float>& data, std::span<const Index> samples) {
    const Evaluation piece =
        evaluator(network, data, samples, Loss(), {.threads = threads}, options.streams() ? &states : nullptr);
    all.evaluation.loss += piece.loss, all.evaluation.hits += piece.hits;
    all.pieces.push_back(piece.loss);
    for (const Index sample : samples) unknown += double((data.labels(sample).array() == vocabulary.unknown()).count());
  });
  all.unknown = unknown / double(all.evaluation.loss.scored);
  return all;
}

RunState train(Model& model, const Corpus& corpus, const Options& options, const Run& run) {
  RunState state;
  state.details = unroll::detail::dumped(unroll::detail::json_of(details_of(model)), "details");
  if (options.streams()) {
    const auto training = training_streams(corpus.train, corpus.vocabulary, options);
    state.tokens = training.tokens();
    fit(model, training, validation_stream(corpus.validation, corpus.vocabulary), options, run, state);
  } else {
    const auto training = units_of(corpus.train, corpus.vocabulary, options);
    for (Index k = 0; k < training.size(); ++k) state.tokens += training.length(k);
    fit(model, training, units_of(corpus.validation, corpus.vocabulary, options), options, run, state);
  }
  return state;
}

namespace {

/// The first sequences of the training data, at most options.overfit.
Dataset<float> first_sequences(const Corpus& corpus, const Options& options) {
  const auto first = [&](Index size) { return std::min(options.overfit, size); };
  if (options.streams()) {
    const auto streams = training_streams(corpus.train, corpus.vocabulary, options);
    return streams.data().subset(all_samples(first(streams.data().size())));
  }
  std::vector<std::vector<Index>> units;
  for (Index k = 0; k < first(corpus.train.size()); ++k) units.push_back(corpus.train.unit(k));
  return sentence_data<float>(units, corpus.vocabulary, options.longest);
}

}  // namespace

OverfitResult overfit_check(const Options& options, const Corpus& corpus, std::uint64_t seed) {
  Options without = options;
  without.dropout = 0;
  Network network = make_network(without, corpus.vocabulary.size());
  network.initialise(seed);
  const Dataset<float> data = first_sequences(corpus, options);
  const Index count = data.size();
  Batch<float> batch;
  batch.gather(data, all_samples(count));
  const auto loss = [&](const auto& output, MatrixX<float>& d_output) {
    const Index columns = batch.target_columns();
    return Loss()(output, batch.labels(0, columns), d_output, batch.columns(0, columns)).value();
  };
  AnyOptimizer optimizer(options);
  const double floor = double(count) * std::log(double(count)) / double(batch.target_columns());
  return overfit(network, batch.x(), batch.timeline(), loss, optimizer, {.updates = 1000, .target = floor + 0.1});
}

}  // namespace lm
