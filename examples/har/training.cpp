#include "training.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "../support/fingerprint.hpp"

#include "unroll/data/standardizer.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/optim/rmsprop.hpp"
#include "unroll/optim/sgd.hpp"
#include "unroll/train/fit.hpp"

namespace har {

using namespace unroll;

namespace {

Index shared_sequences(const Dataset<float>& train, const Dataset<float>& test) {
  const auto fingerprint = [](const MatrixX<float>& x) { return example::Fingerprint().add(x).number(); };
  std::set<std::uint64_t> known;
  for (Index s = 0; s < train.size(); ++s) known.insert(fingerprint(train.sequence(s)));
  Index shared = 0;
  for (Index s = 0; s < test.size(); ++s) shared += known.contains(fingerprint(test.sequence(s)));
  return shared;
}

}  // namespace

std::string data_fingerprint(const Data& data) {
  example::Fingerprint all;
  for (const Dataset<float>* part : {&data.train, &data.test})
    for (Index s = 0; s < part->size(); ++s) {
      const Index label = part->labels(s)[0];
      all.add(part->sequence(s)).add(&label, sizeof label);
    }
  all.add(data.people.data(), data.people.size() * sizeof(Index));  // the validation split depends on them
  return text(data.name, " ", all.text());
}

Data prepare(Recordings recordings) {
  if (const Index shared = shared_sequences(recordings.train, recordings.test); shared > 0) {
    recordings.other_people = false;
    recordings.remarks.push_back(
        text(shared, " of the ", recordings.test.size(), " test sequences are also training sequences"));
  }
  Data data{std::move(recordings.name),
            std::move(recordings.classes),
            std::move(recordings.train),
            std::move(recordings.test),
            {},
            {},
            std::move(recordings.remarks),
            std::move(recordings.people),
            recordings.other_people};
  const Standardizer<float> standardizer(data.train);
  standardizer.apply(data.train);
  standardizer.apply(data.test);
  data.mean = standardizer.mean();
  data.deviation = standardizer.deviation();
  return data;
}

Split validation_split(const Data& data, double share, std::uint64_t seed) {
  const std::set<Index> people(data.people.begin(), data.people.end());
  if (people.size() < 2) return stratified_split(data.train, share, seed);
  const std::vector<Index> all(people.begin(), people.end());
  std::set<Index> held_out;
  double windows = 0;
  for (const Index k : permutation(std::ssize(all), Random(seed, Purpose::split))) {
    const Index person = all[std::size_t(k)];
    const double more = double(std::ranges::count(data.people, person));
    const double target = share * double(data.people.size());
    if (!held_out.empty() && windows + more / 2 > target) break;
    held_out.insert(person), windows += more;
    if (held_out.size() + 1 == all.size()) break;
  }
  Split split;
  for (Index s = 0; s < data.train.size(); ++s)
    (held_out.contains(data.people[std::size_t(s)]) ? split.held_out : split.kept).push_back(s);
  return split;
}

FitResult fit_with_options(Network& network, const ClassLoss& loss, const Options& options, const Dataset<float>& data,
                           const FitOptions<float>& fit_options) {
  const double rate = options.setting.rate;
  const auto fit_with = [&](auto optimizer) { return fit(network, loss, optimizer, data, fit_options); };
  if (options.optimizer == "sgd") return fit_with(SGD<float>({.learning_rate = rate, .momentum = options.momentum}));
  if (options.optimizer == "rmsprop") return fit_with(RMSprop<float>({.learning_rate = rate}));
  return fit_with(Adam<float>({.learning_rate = rate}));
}

namespace {

/// Data set with the label of each sequence at every step.
Dataset<float> at_every_step(const Dataset<float>& data) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Labels> labels;
  for (Index s = 0; s < data.size(); ++s) {
    sequences.push_back(data.sequence(s));
    labels.push_back(Labels::Constant(data.length(s), data.labels(s)[0]));
  }
  return Dataset<float>::step_labelled(std::move(sequences), std::move(labels), data.classes());
}

Dataset<float> as_scored(const Dataset<float>& data, const Options& options) {
  return options.every_step ? at_every_step(data) : data;
}

ClassLoss loss_of(const Options& options, const Data& data) {
  return ClassLoss({.sigmoid = options.outputs == "sigmoid", .classes = Index(data.classes.size())});
}

/// Training data, and validation or test data to monitor.
struct Parts {
  Dataset<float> training, monitored;
};
Parts divide(const Data& data, const Options& options, std::uint64_t seed) {
  if (options.validation == 0) return {as_scored(data.train, options), as_scored(data.test, options)};
  const Split split = validation_split(data, options.validation, seed);
  return {as_scored(data.train.subset(split.kept), options), as_scored(data.train.subset(split.held_out), options)};
}

void score(const Network& network, const Data& data, const Threads& threads, Run& run) {
  std::vector<Index> best;
  for (Index k = 1; k <= std::min<Index>(3, data.test.classes()); ++k) best.push_back(k);
  TopK top(best);
  const auto scores = outputs(network, data, threads);
  for (Index s = 0; s < data.test.size(); ++s) {
    top.add(scores[std::size_t(s)], data.test.labels(s));
    run.confusion.add(scores[std::size_t(s)], data.test.labels(s));
  }
  run.top = top.hits();
}

}  // namespace

double loss_before_training(Network& network, const Options& options, const Data& data, std::uint64_t seed,
                            const Threads& threads) {
  network.initialise(seed);
  return evaluate(network, as_scored(data.test, options), loss_of(options, data), {.threads = threads}).loss.value();
}

Run train(Network& network, const Options& options, const Data& data, std::uint64_t seed, const Threads& threads,
          const OnEpoch& on_epoch) {
  const ClassLoss loss = loss_of(options, data);
  const Parts parts = divide(data, options, seed);
  Run run{seed, ConfusionMatrix(data.train.classes())};
  run.loss_before = loss_before_training(network, options, data, seed, threads);
  const auto begin = std::chrono::steady_clock::now();
  run.fit = fit_with_options(
      network, loss, options, parts.training,
      {
          .epochs = options.epochs,
          .batches = {.size = options.setting.batch},
          .seed = seed,
          .validation = &parts.monitored,
          .clip_norm = options.clip,
          .early_stopping = options.patience > 0 ? std::optional(EarlyStopping{.patience = options.patience,
                                                                               .min_delta = options.least_gain})
                                                 : std::nullopt,
          .threads = threads,
          .on_epoch = [&](const Epoch& epoch) { return on_epoch ? on_epoch(epoch) : void(), true; },
          .progress = Progress::quiet,
      });
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  run.loss = evaluate(network, as_scored(data.test, options), loss, {.threads = threads}).loss;
  score(network, data, threads, run);
  return run;
}

std::vector<MatrixX<float>> outputs(const Network& network, const Data& data, const Threads& threads) {
  auto scores = predict(network, data.test, {.threads = threads});
  for (auto& each : scores) each = each.rightCols(1).eval();
  return scores;
}

Dataset<float> summaries(const Dataset<float>& data) {
  std::vector<MatrixX<float>> all;
  std::vector<Index> labels;
  for (Index s = 0; s < data.size(); ++s) {
    const MatrixX<float>& x = data.sequence(s);
    const VectorX<float> mean = x.rowwise().mean();
    MatrixX<float> summary(2 * x.rows(), 1);
    summary << mean, (x.colwise() - mean).rowwise().squaredNorm().unaryExpr([](float square) {
      return std::sqrt(square);
    }) / std::sqrt(float(x.cols()));
    all.push_back(std::move(summary));
    labels.push_back(data.labels(s)[0]);
  }
  return Dataset<float>::labelled(std::move(all), labels, data.classes());
}

Run train_baseline(const Data& data, std::uint64_t seed, const Threads& threads) {
  Data small{data.name, data.classes, summaries(data.train), summaries(data.test), {}, {}, {}};
  const Standardizer<float> standardizer(small.train);
  standardizer.apply(small.train);
  standardizer.apply(small.test);
  Options options;
  options.pool = "last", options.epochs = 60, options.setting = {.batch = 30, .rate = 0.01};
  Network network = make_baseline(small.train.features(), Index(data.classes.size()));
  return train(network, options, small, seed, threads);
}

}  // namespace har
