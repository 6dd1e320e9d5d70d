#include "training.hpp"

#include <chrono>
#include <cmath>

#include "any_optimizer.hpp"
#include "unroll/data/batches.hpp"
#include "unroll/io/checkpoint.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"
#include "unroll/train/training_step.hpp"

namespace lm {

using namespace unroll;

namespace {

using Loss = SoftmaxCrossEntropy<float>;
using States = std::vector<State<float>>;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

VectorX<float> flat(const States& states) {
  Index size = 0;
  for (const auto& layer : states)
    for (const auto& state : layer) size += state.size();
  VectorX<float> all(size);
  Index at = 0;
  for (const auto& layer : states)
    for (const auto& state : layer) {
      all.segment(at, state.size()) = state.reshaped();
      at += state.size();
    }
  return all;
}

/// Inverse of flat; empty if `all` is.
States states_of(const Network& network, const VectorX<float>& all, Index streams) {
  if (all.size() == 0) return {};
  States states(network.depth());
  Index at = 0;
  network.each_layer([&](const auto& layer, std::size_t k) {
    for (const Index rows : layer.state_rows()) {
      require<FileError>(at + rows * streams <= all.size(), "checkpoint: the states must be those of this network");
      states[k].push_back(all.segment(at, rows * streams).reshaped(rows, streams));
      at += rows * streams;
    }
  });
  return states;
}

/// The vocabulary as in the metadata of a model file.
std::string text_of(const Vocabulary& vocabulary) {
  std::map<std::string, std::string> metadata;
  vocabulary.save(metadata);
  return metadata["vocabulary"];
}

/// Training loop, which can be resumed at any batch. Unlike `fit`, it measures the ratios of the last update of an
/// epoch and trains on streams or sentences.
class Training {
 public:
  Training(Model& model, const Corpus& corpus, const Options& options, const Threads& threads,
           const std::filesystem::path& folder)
      : model_(model),
        options_(options),
        threads_(threads),
        file_(folder / "checkpoint.safetensors"),
        training_(Sequences::for_training(corpus.train, corpus.vocabulary, options)),
        validation_(Sequences::for_validation(corpus.validation, corpus.vocabulary, options)),
        optimizer_(options),
        step_(model.network, Loss(), optimizer_,
              {.clip_norm = options.clip,
               .truncation = {.update_every = options.update_every, .back = options.back},
               .seed = std::uint64_t(options.seed),
               .threads = threads}) {
    if (options.resume && std::filesystem::exists(file_))
      resume();
    else
      begin();
    for (Index k = 0; k < training_.data().size(); ++k) state_.tokens += training_.data().length(k);
  }

  RunState run(const std::function<void(RunState&)>& on_epoch) {
    auto& done = state_.training;
    while (done.stopped == 0 && done.epochs < options_.epochs) {
      epoch();
      on_epoch(state_);
      checkpoint();
    }
    if (options_.stop_after > 0 && done.best.size() > 0) model_.network.parameters().values() = done.best;
    return std::move(state_);
  }

 private:
  // ---- start and resumption

  /// New plateau schedule: checkpoints store its state, but not its options.
  Plateau plateau() const {
    if (options_.patience == 0) return Plateau();
    return Plateau({.initial = options_.rate, .factor = options_.decay, .patience = options_.patience});
  }

  void begin() {
    model_.network.initialise(std::uint64_t(options_.seed));
    state_.identity = identity_of(options_);
    state_.vocabulary = text_of(model_.vocabulary);
    state_.training.seed = options_.seed;
    state_.training.samples = training_.data().size();
    state_.training.parameter_names = model_.network.parameters().table().names();
    state_.training.plateau = plateau();
  }

  void resume() {
    require_same_run();
    state_.training.plateau = plateau();
    read_checkpoint(file_, state_, optimizer_);
    auto& done = state_.training;
    require<ValueError>(state_.vocabulary == text_of(model_.vocabulary), file_.string(),
                        ": the vocabulary must be that of the interrupted run; the text has changed");
    require<ValueError>(done.samples == training_.data().size(), file_.string(), ": the text must have ", done.samples,
                        " training sequences, as in the interrupted run, got ", training_.data().size());
    auto& parameters = model_.network.parameters().values();
    require<ShapeError>(done.parameters.size() == parameters.size(), file_.string(), ": must have ", parameters.size(),
                        " parameters, as this network, got ", done.parameters.size());
    parameters = done.parameters;
    step_.updates() = done.updates;
    carried_ = states_of(model_.network, state_.carried, options_.batch);
  }

  /// Checked before the rest is read, because the contents depend on the settings: another optimizer has other state.
  void require_same_run() const {
    const SafeTensors file = read_safetensors(file_);
    const auto identity = file.metadata.find("training.identity");
    require<FileError>(identity != file.metadata.end(), file.file, ": must be a checkpoint of this program");
    Options before;
    const Settings old_settings = settings_of(before);
    old_settings.take_json(identity->second, file.file);
    const std::string mine = identity_of(options_);
    for (const Setting& was : old_settings.all()) {
      Options changed = options_;
      settings_of(changed).take(was.name, was.text(), "");
      require<ValueError>(identity_of(changed) == mine, "--", was.name, " must be ", was.text(),
                          ", as in the interrupted run of ", file.file);
    }
  }

  // ---- epochs

  double rate() const {
    const auto& done = state_.training;
    if (options_.patience > 0) return done.plateau.rate();
    const Index late = Index(done.epochs) - (options_.epochs - options_.decay_epochs) + 1;
    return options_.rate * std::pow(options_.decay, double(std::max<Index>(late, 0)));
  }

  void epoch() {
    auto& done = state_.training;
    optimizer_.learning_rate() = rate();
    const Index count = plan();
    begin_ = saved_ = Clock::now();
    for (; state_.batch < count; ++state_.batch, checkpoint_in_time()) {
      std::optional<Parameters<float>> before;
      if (state_.batch + 1 == count) before = model_.network.parameters();
      learn();
      if (before) add_ratios(*before);
    }
    check_finite(text("epoch ", done.epochs + 1), model_.network.parameters());
    unroll::Epoch row{.epoch = double(done.epochs + 1), .loss = state_.loss.value()};
    row.learning_rate = optimizer_.learning_rate();
    row.gradient_norm = state_.gradient_norm;
    row.seconds = state_.seconds + seconds_since(begin_);
    const Evaluation validation = validate(model_.network, validation_, model_.vocabulary, threads_).evaluation;
    row.validation_loss = validation.loss.value();
    row.validation_accuracy = validation.hits.value();
    conclude(row);
  }

  /// Plans the batches of an epoch and returns their number.
  Index plan() {
    if (const auto* streams = training_.streams()) return streams->windows();
    const auto& data = training_.data();
    batches_.plan(
        all_samples(data.size()), [&](Index s) { return data.length(s); }, {.size = options_.batch, .by_length = true},
        std::uint64_t(options_.seed), Index(state_.training.epochs));
    return batches_.count();
  }

  void learn() try {
    const auto* streams = training_.streams();
    const Index b = Index(state_.batch);
    batch_.gather(training_.data(), streams != nullptr ? streams->window(b) : batches_.batch(b), 0, &threads_);
    const StepReport report = step_.step(batch_, streams != nullptr ? &carried_ : nullptr);
    if (state_.training.epochs == 0 && b == 0) state_.first_loss = report.loss.value();
    state_.loss += report.loss;
    state_.gradient_norm = std::max(state_.gradient_norm, report.gradient_norm);
  } catch (const NonFiniteError& error) {
    throw NonFiniteError(text("epoch ", state_.training.epochs + 1, ", batch ", state_.batch + 1, ": ", error.what()));
  }

  void add_ratios(const Parameters<float>& before) {
    const auto ratios = update_ratios(before, model_.network.parameters());
    const Index old = state_.ratios.size();
    state_.ratios.conservativeResize(old + Index(ratios.size()));
    for (std::size_t k = 0; k < ratios.size(); ++k) state_.ratios[old + Index(k)] = ratios[k].ratio;
  }

  void conclude(const unroll::Epoch& row) {
    auto& done = state_.training;
    ++done.epochs;
    done.history.push_back(row);
    state_.batch = 0, state_.loss = {}, state_.gradient_norm = 0, state_.seconds = 0;
    carried_.clear();
    if (options_.patience > 0) done.plateau.update(row.validation_loss);
    if (done.best_epoch == 0 || row.validation_loss < done.best_value) {
      done.best_value = row.validation_loss, done.best_epoch = done.epochs, done.waited = 0;
      if (options_.stop_after > 0) done.best = model_.network.parameters().values();
    } else if (++done.waited >= options_.stop_after && options_.stop_after > 0) {
      done.stopped = 1;
    }
  }

  // ---- checkpoints

  void checkpoint_in_time() {
    if (seconds_since(saved_) < options_.checkpoint_seconds) return;
    state_.seconds += seconds_since(begin_);
    begin_ = Clock::now();
    checkpoint();
  }

  void checkpoint() {
    state_.training.updates = step_.updates();
    state_.training.parameters = model_.network.parameters().values();
    state_.carried = flat(carried_);
    write_checkpoint(file_, state_, optimizer_);
    saved_ = Clock::now();
  }

  Model& model_;
  const Options& options_;
  const Threads& threads_;
  std::filesystem::path file_;
  Sequences training_, validation_;
  AnyOptimizer optimizer_;
  TrainingStep<Network, Loss, AnyOptimizer> step_;
  RunState state_;
  States carried_;
  Batches batches_;
  ShardedBatch<float> batch_;
  Clock::time_point begin_, saved_;
};

}  // namespace

Validation validate(const Network& network, const Sequences& sequences, const Vocabulary& vocabulary,
                    const Threads& threads) {
  Evaluator<Network> evaluator;
  const EvaluateOptions options{.threads = threads};
  const double unknown = share_of_label(sequences.data(), vocabulary.unknown());
  if (sequences.streams() != nullptr)
    return {evaluate(evaluator, network, *sequences.streams(), Loss(), options), unknown};
  return {evaluator(network, sequences.data(), all_samples(sequences.data().size()), Loss(), options), unknown};
}

RunState train(Model& model, const Corpus& corpus, const Options& options, const Threads& threads,
               const std::filesystem::path& folder, const std::function<void(RunState&)>& on_epoch) {
  return Training(model, corpus, options, threads, folder).run(on_epoch);
}

OverfitResult overfit_check(const Options& options, const Corpus& corpus) {
  Options without = options;
  without.dropout = 0;
  Network network = make_network(without, corpus.vocabulary.size());
  network.initialise(std::uint64_t(options.seed));
  const Sequences all = Sequences::for_training(corpus.train, corpus.vocabulary, options);
  const Index count = std::min(options.overfit, all.data().size());
  Batch<float> batch;
  batch.gather(all.data(), all_samples(count));
  const auto loss = [&](const auto& output, MatrixX<float>& d_output) {
    const Index columns = batch.target_columns();
    return Loss()(output, batch.labels(0, columns), d_output, batch.columns(0, columns)).value();
  };
  AnyOptimizer optimizer(options);
  const double floor = double(count) * std::log(double(count)) / double(batch.target_columns());
  return overfit(network, batch.x(), batch.timeline(), loss, optimizer, {.updates = 1000, .target = floor + 0.1});
}

}  // namespace lm
