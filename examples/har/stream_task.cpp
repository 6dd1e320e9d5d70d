#include "stream_task.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <mutex>
#include <optional>

#include "../support/fingerprint.hpp"
#include "../support/program.hpp"
#include "unroll/data/split.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/train/evaluate.hpp"
#include "unroll/train/fit.hpp"

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

/// log(p / (1 - p)) of each column, where p is the softmax probability of class `rare`.
VectorX<double> odds_of(const MatrixX<float>& scores, Index rare) {
  VectorX<double> odds(scores.cols());
  for (Index c = 0; c < scores.cols(); ++c) {
    const double own = double(scores(rare, c));
    double others = 0;
    for (Index k = 0; k < scores.rows(); ++k)
      if (k != rare) others += std::exp(double(scores(k, c)) - own);
    odds[c] = -std::log(others);
  }
  return odds;
}

/// Outputs of windows, one column per step or, if `held`, one for all steps of a window, joined to recordings.
std::vector<MatrixX<float>> joined(const std::vector<MatrixX<float>>& windows, const std::vector<Stream>& streams,
                                   Index window, bool held) {
  std::vector<MatrixX<float>> all;
  auto next = windows.begin();
  for (const Stream& stream : streams) {
    const Index steps = stream.labels.size(), each = window == 0 ? steps : window;
    all.emplace_back(windows.front().rows(), steps);
    for (Index first = 0; first < steps; first += each, ++next) {
      const Index count = std::min(each, steps - first);
      all.back().middleCols(first, count) = held ? next->replicate(1, count).eval() : *next;
    }
  }
  return all;
}

/// First parts of recordings, and the last `share` of each.
std::pair<std::vector<Stream>, std::vector<Stream>> held_out(const std::vector<Stream>& streams, double share) {
  if (share == 0) return {streams, {}};
  StreamParts parts = divide_in_time({}, {}, streams, share);
  return {std::move(parts.train), std::move(parts.test)};
}

/// Data shared by all runs.
class Task {
 public:
  Task(const Options& options, const StreamParts& parts, const TrainedModel* before)
      : options_(options),
        parts_(parts),
        before_(before),
        window_(options.carry ? 0 : window_of(options)),
        classes_(std::ssize(parts.classes)),
        standardizer_(before != nullptr ? before->standardizer()
                                        : Standardizer<float>(sequences_of(parts.train, 0, classes_))),
        test_(standardized(parts.test, standardizer_)),
        fingerprint_(stream_fingerprint(parts)) {
    auto [kept, validation] = held_out(standardized(parts.train, standardizer_), options.validation_share());
    train_.emplace(LazyDataset<float>(sequences_of(kept, window_, classes_)));
    if (!validation.empty()) validation_.emplace(sequences_of(validation, window_, classes_));
    const VectorX<double> weights = balanced_class_weights(*train_);
    for (Index k = 0; k < weights.size(); ++k)
      if (weights[k] >= weights[rare_]) rare_ = k;
    if (options.class_weights == "balanced") weights_ = weights;
  }

  Index rare() const { return rare_; }
  double majority() const { return chance_levels(sequences_of(parts_.test, 0, classes_)).majority; }

  RunFiles files(const std::string& direction, std::uint64_t seed, const std::filesystem::path& folder) const {
    auto identity = options_json(options_of(direction));
    for (const char* name : {"epochs", "seeds", "load", "data", "train", "test"}) identity.erase(name);
    return {.folder = folder,
            .name = text(direction, "-seed", seed),
            .of = text(fingerprint_, "; seed ", seed, "; ", identity.dump()),
            .checkpoint_seconds = options_.running.checkpoint_seconds};
  }

  StreamRun network(const std::string& direction, std::uint64_t seed, const RunFiles& files) const {
    const Options options = options_of(direction);
    Network network = make_network(options, train_->features(), classes_);
    if (before_ == nullptr)
      network.initialise(seed);
    else
      network.parameters().values() = before_->network.parameters().values();
    const ClassLoss loss({.class_weights = weights_});
    StreamRun run;
    run.record = train(network,
                       {.options = options,
                        .loss = loss,
                        .training = *train_,
                        .validation = validation_ ? &*validation_ : nullptr,
                        .seed = seed,
                        .truncation = options.carry ? window_of(options) : 0},
                       files);
    static_cast<StreamScores&>(run) = score_streams(test_, stream_outputs(network, options, test_, 1), classes_, rare_);
    run.model = options.cell + (direction == "forward" ? "" : ", " + direction);
    run.direction = direction;
    run.seed = seed;
    return run;
  }

  StreamRun baseline(std::uint64_t seed) const {
    Dataset<float> training = windows(parts_.train), test = windows(parts_.test);
    const Standardizer<float> standardizer(training);
    standardizer.apply(training);
    standardizer.apply(test);
    Network network = make_baseline(training.features(), classes_);
    network.initialise(seed);
    Adam<float> adam({.learning_rate = 0.01});
    StreamRun run;
    run.record.history = fit(network, ClassLoss({.class_weights = weights_}), adam, training,
                             {.epochs = 60,
                              .batches = {.size = 30},
                              .seed = seed,
                              .clip_norm = options_.clip,
                              .threads = 1,
                              .progress = Progress::quiet})
                             .history;
    const auto held = joined(predict(network, test, {.threads = 1}), parts_.test, window_of(options_), true);
    static_cast<StreamScores&>(run) = score_streams(parts_.test, held, classes_, rare_);
    run.model = "logistic regression";
    run.seed = seed;
    return run;
  }

  /// Writes the file of a finished run's network with its details.
  void save(const StreamRun& run, const RunFiles& files, const std::filesystem::path& file) const {
    const Options options = options_of(run.direction);
    Network network = make_network(options, train_->features(), classes_);
    load(network, files.network());
    Provenance from{parts_.name, fingerprint_};
    for (const Stream& stream : parts_.train) {
      if (!stream.name.empty()) from.recordings.insert(stream.name);
      if (!stream.person.empty()) from.people.insert(stream.person);
    }
    ModelDetails details = har::details_of(from, options, run.seed, parts_.classes, before_);
    details.standardize(standardizer_);
    details.inputs = parts_.channels, details.sample_rate = parts_.sample_rate, details.window = window_of(options);
    save_and_check(network, file, options, details);
  }

 private:
  Options options_of(const std::string& direction) const {
    Options options = options_;
    options.direction = direction;
    return options;
  }
  Dataset<float> windows(const std::vector<Stream>& streams) const {
    return summaries(by_majority(sequences_of(streams, window_of(options_), classes_)));
  }

  const Options& options_;
  const StreamParts& parts_;
  const TrainedModel* before_;
  Index window_, classes_;  // window_: steps; 0: whole recordings
  Standardizer<float> standardizer_;
  std::vector<Stream> test_;
  std::string fingerprint_;
  std::optional<LazyDataset<float>> train_, validation_;
  VectorX<double> weights_;
  Index rare_ = 0;
};

/// The best run of a network by validation data; the first without them.
const StreamRun& best_of(const std::vector<StreamRun>& runs, const Options& options) {
  const StreamRun* best = nullptr;
  const auto value = [&](const StreamRun& run) {
    return unroll::detail::monitored(run.record.history[std::size_t(run.record.best_epoch - 1)], options.monitored());
  };
  for (const StreamRun& run : runs) {
    if (run.direction.empty()) continue;
    if (best == nullptr) best = &run;
    if (run.record.best_epoch == 0 || best->record.best_epoch == 0) continue;
    const bool larger = unroll::detail::is_accuracy(options.monitored());
    if (larger ? value(run) > value(*best) : value(run) < value(*best)) best = &run;
  }
  return *best;
}

}  // namespace

StreamScores score_streams(const std::vector<Stream>& streams, const std::vector<MatrixX<float>>& outputs,
                           Index classes, Index rare) {
  StreamScores scores;
  ConfusionMatrix confusion(classes);
  Roc roc;
  for (std::size_t k = 0; k < streams.size(); ++k) {
    const Labels& labels = streams[k].labels;
    ConfusionMatrix own(classes);
    own.add(outputs[k], labels);
    scores.of_recordings.push_back(own.counts());
    confusion.add(outputs[k], labels);
    const VectorX<double> odds = odds_of(outputs[k], rare);
    roc.add<double>(odds, labels.unaryExpr([&](Index label) { return label < 0 ? label : Index(label == rare); }));
    if (k == 0) scores.probability = odds.unaryExpr([](double each) { return 1 / (1 + std::exp(-each)); });
  }
  scores.accuracy = confusion.accuracy();
  scores.balanced = confusion.balanced_accuracy();
  scores.rare = confusion.of(rare);
  scores.area = roc.area();
  scores.curve = roc.curve();
  scores.confusion = confusion.counts();
  return scores;
}

std::vector<MatrixX<float>> stream_outputs(const Network& network, const Options& options,
                                           const std::vector<Stream>& streams, const Threads& threads) {
  const Index window = options.carry ? 0 : window_of(options);
  const auto windows = predict(network, sequences_of(streams, window, network.outputs()), {.threads = threads});
  return joined(windows, streams, window, false);
}

std::vector<Stream> standardized(const std::vector<Stream>& streams, const Standardizer<float>& standardizer) {
  std::vector<MatrixX<float>> channels;
  for (const Stream& stream : streams) channels.push_back(stream.channels);
  auto data = Dataset<float>::unlabelled(std::move(channels));
  standardizer.apply(data);
  std::vector<Stream> all;
  for (std::size_t k = 0; k < streams.size(); ++k)
    all.push_back({data.sequence(Index(k)), streams[k].labels, streams[k].name, streams[k].person});
  return all;
}

namespace {

void add(const std::vector<Stream>& streams, example::Fingerprint& all) {
  for (const Stream& stream : streams) all.add(stream.channels).add(stream.labels);
}

}  // namespace

std::string stream_fingerprint(const StreamParts& parts) {
  example::Fingerprint all;
  add(parts.train, all), add(parts.test, all);
  return text(parts.name, " ", all.text());
}

std::string test_fingerprint(const StreamParts& parts) {
  example::Fingerprint all;
  add(parts.test, all);
  return all.text();
}

StreamResults run_streams(const Options& options, const StreamParts& parts, const std::filesystem::path& folder,
                          bool resumes, const TrainedModel* before, const std::filesystem::path& file,
                          const std::function<void(const StreamRun&)>& on_run) {
  const Task task(options, parts, before);
  StreamResults results{task.rare(), task.majority()};
  const auto seeds = options.seeds.all();
  const Index models = 1 + std::ssize(options.directions), each = std::ssize(seeds);
  results.runs.resize(std::size_t(models * each));
  const auto files_of = [&](const std::string& direction, std::uint64_t seed) {
    return task.files(direction, seed, folder);
  };
  if (!resumes)
    for (const std::string& direction : options.directions)
      for (const std::uint64_t seed : seeds) {
        std::filesystem::remove(files_of(direction, seed).record());
        std::filesystem::remove(files_of(direction, seed).checkpoint());
      }
  std::mutex one_at_a_time;
  ThreadPool(options.running.threads).run(std::ssize(results.runs), [&](Index k) {
    example::stop_if_requested();
    const Index model = k / each;
    const std::uint64_t seed = seeds[std::size_t(k % each)];
    StreamRun run;
    if (model == 0) {
      run = task.baseline(seed);
    } else {
      const std::string& direction = options.directions[std::size_t(model - 1)];
      run = task.network(direction, seed, files_of(direction, seed));
    }
    const std::lock_guard lock(one_at_a_time);
    on_run(run);
    results.runs[std::size_t(k)] = std::move(run);
  });
  const StreamRun& best = best_of(results.runs, options);
  task.save(best, files_of(best.direction, best.seed), file);
  results.saved = text(best.model, ", seed ", best.seed), results.direction = best.direction;
  return results;
}

}  // namespace har
