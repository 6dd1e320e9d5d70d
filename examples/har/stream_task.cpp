#include "stream_task.hpp"

#include <chrono>
#include <mutex>

#include "unroll/data/split.hpp"
#include "unroll/data/standardizer.hpp"
#include "unroll/train/evaluate.hpp"

namespace har {

using namespace unroll;

Index window_of(const Options& options) { return options.window > 0 ? options.window : 128; }

namespace {

/// Whole recordings (`window` 0), or windows, of which the last one of a recording may be shorter.
Dataset<float> sequences_of(const std::vector<Stream>& streams, Index window, Index classes) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Labels> labels;
  for (const Stream& stream : streams) {
    const Index steps = stream.labels.size(), each = window == 0 ? steps : window;
    for (Index first = 0; first < steps; first += each) {
      const Index count = std::min(each, steps - first);
      sequences.push_back(stream.channels.middleCols(first, count));
      labels.push_back(stream.labels.segment(first, count));
    }
  }
  return Dataset<float>::step_labelled(std::move(sequences), std::move(labels), classes);
}

/// Data set with the most frequent label of each sequence.
Dataset<float> by_majority(const Dataset<float>& data) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> labels;
  for (Index s = 0; s < data.size(); ++s) {
    VectorX<Index> counts = VectorX<Index>::Zero(data.classes());
    for (const Index label : data.labels(s))
      if (label >= 0) ++counts[label];
    Index most = 0;
    labels.push_back(counts.maxCoeff(&most) > 0 ? most : -1);
    sequences.push_back(data.sequence(s));
  }
  return Dataset<float>::labelled(std::move(sequences), labels, data.classes());
}

/// Data shared by all runs.
class Task {
 public:
  Task(const Options& options, const StreamParts& parts)
      : options_(options),
        parts_(parts),
        train_(sequences_of(parts.train, options.carry ? 0 : window_of(options), std::ssize(parts.classes))),
        test_(sequences_of(parts.test, options.carry ? 0 : window_of(options), std::ssize(parts.classes))) {
    const Standardizer<float> standardizer(train_);
    standardizer.apply(train_);
    standardizer.apply(test_);
    const VectorX<double> weights = balanced_class_weights(train_);
    for (Index k = 0; k < weights.size(); ++k)
      if (weights[k] >= weights[rare_]) rare_ = k;
    if (options.class_weights == "balanced") weights_ = weights;
  }

  Index rare() const { return rare_; }
  double majority() const { return chance_levels(test_).majority; }

  StreamRun network(const std::string& direction, std::uint64_t seed) const {
    Options options = options_;
    options.direction = direction;
    Network network = make_network(options, train_.features(), train_.classes());
    const auto start = std::chrono::steady_clock::now();
    const FitResult fit = train(network, options, train_, seed);
    const auto trained = std::chrono::steady_clock::now();
    StreamRun run = score(predict(network, test_, {.threads = 1}));
    run.model = options.cell + (direction == "forward" ? "" : ", " + direction);
    run.seed = seed;
    run.history = fit.history;
    run.seconds = std::chrono::duration<double>(trained - start).count();
    return run;
  }

  StreamRun baseline(std::uint64_t seed) const {
    Dataset<float> train_windows = windows(parts_.train), test_windows = windows(parts_.test);
    const Standardizer<float> standardizer(train_windows);
    standardizer.apply(train_windows);
    standardizer.apply(test_windows);
    Options options = options_;
    options.setting = {.batch = 30, .rate = 0.01};
    options.epochs = 60, options.optimizer = "adam", options.carry = false;
    Network network = make_baseline(train_windows.features(), train_windows.classes());
    const auto start = std::chrono::steady_clock::now();
    const FitResult fit = train(network, options, train_windows, seed);
    const auto trained = std::chrono::steady_clock::now();
    StreamRun run = score(predict(network, test_windows, {.threads = 1}), true);
    run.model = "logistic regression";
    run.seed = seed;
    run.history = fit.history;
    run.seconds = std::chrono::duration<double>(trained - start).count();
    return run;
  }

 private:
  Dataset<float> windows(const std::vector<Stream>& streams) const {
    return summaries(by_majority(sequences_of(streams, window_of(options_), train_.classes())));
  }

  FitResult train(Network& network, const Options& options, const Dataset<float>& data, std::uint64_t seed) const {
    network.initialise(seed);
    return fit_with_options(network, ClassLoss({.class_weights = weights_}), options, data,
                            {.epochs = options.epochs,
                             .batches = {.size = options.setting.batch},
                             .seed = seed,
                             .clip_norm = options.clip,
                             .truncation = {.update_every = options.carry ? window_of(options) : 0},
                             .threads = 1,
                             .progress = Progress::quiet});
  }

  /// Result for the outputs of all test sequences in order, with one column per step or, if `held`, one for all steps
  /// of a window.
  StreamRun score(const std::vector<MatrixX<float>>& outputs, bool held = false) const {
    StreamRun run;
    ConfusionMatrix confusion(train_.classes());
    Roc roc;
    std::vector<double> probability;
    auto next = outputs.begin();
    for (const Stream& stream : parts_.test) {
      const Index each = held || !options_.carry ? window_of(options_) : stream.labels.size();
      for (Index first = 0; first < stream.labels.size(); first += each, ++next) {
        const Labels labels = stream.labels.segment(first, std::min(each, stream.labels.size() - first));
        const MatrixX<float> scores = held ? next->replicate(1, labels.size()).eval() : *next;
        confusion.add(scores, labels);
        const VectorX<double> odds = odds_of_rare(scores);
        roc.add<double>(odds, labels.unaryExpr([&](Index label) { return label < 0 ? label : Index(label == rare_); }));
        if (&stream == &parts_.test.front())
          for (const double each_odds : odds) probability.push_back(1 / (1 + std::exp(-each_odds)));
      }
    }
    run.accuracy = confusion.accuracy();
    run.balanced = confusion.balanced_accuracy();
    run.rare = confusion.of(rare_);
    run.area = roc.area();
    run.curve = roc.curve();
    run.probability = Eigen::Map<const VectorX<double>>(probability.data(), std::ssize(probability));
    run.confusion = confusion.counts();
    return run;
  }

  /// log(p / (1 - p)) of each column, where p is the softmax probability of the rarest class.
  VectorX<double> odds_of_rare(const MatrixX<float>& scores) const {
    VectorX<double> odds(scores.cols());
    for (Index c = 0; c < scores.cols(); ++c) {
      const double own = double(scores(rare_, c));
      double others = 0;
      for (Index k = 0; k < scores.rows(); ++k)
        if (k != rare_) others += std::exp(double(scores(k, c)) - own);
      odds[c] = -std::log(others);
    }
    return odds;
  }

  const Options& options_;
  const StreamParts& parts_;
  Dataset<float> train_, test_;
  VectorX<double> weights_;
  Index rare_ = 0;
};

}  // namespace

StreamResults run_streams(const Options& options, const StreamParts& parts,
                          const std::function<void(const StreamRun&)>& on_run) {
  const Task task(options, parts);
  StreamResults results{task.rare(), task.majority(), {}};
  const Index models = 1 + std::ssize(options.directions);
  results.runs.resize(std::size_t(models * options.seeds));
  std::mutex one_at_a_time;
  ThreadPool(options.threads).run(std::ssize(results.runs), [&](Index k) {
    const Index model = k / options.seeds;
    const std::uint64_t seed = options.first_seed + std::uint64_t(k % options.seeds);
    StreamRun run = model == 0 ? task.baseline(seed) : task.network(options.directions[std::size_t(model - 1)], seed);
    const std::lock_guard lock(one_at_a_time);
    on_run(run);
    results.runs[std::size_t(k)] = std::move(run);
  });
  return results;
}

}  // namespace har
