#include "training.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "../support/fingerprint.hpp"
#include "../support/trained.hpp"
#include "unroll/io/model_file.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/optim/rmsprop.hpp"
#include "unroll/optim/sgd.hpp"
#include "unroll/train/fit.hpp"

namespace har {

using namespace unroll;

namespace {

/// Hashes and classes of all sequences.
template <class Training>
std::pair<std::set<std::string>, std::set<Index>> contents_of(const Training& data) {
  std::pair<std::set<std::string>, std::set<Index>> all;
  unroll::detail::each_sample(data, [&](const Dataset<float>& part, Index s) {
    all.first.insert(sequence_hash(part.sequence(s)));
    all.second.insert(part.labels(s)[0]);
  });
  return all;
}

template <class Sequences>
void add(const Sequences& sequences, example::Fingerprint& all) {
  unroll::detail::each_sample(sequences, [&](const Dataset<float>& part, Index s) {
    const Index label = part.labels(s)[0];
    all.add(part.sequence(s)).add(&label, sizeof label);
  });
}

}  // namespace

std::string sequence_hash(const MatrixX<float>& sequence) { return example::Fingerprint().add(sequence).text(); }

std::string data_fingerprint(const Data& data) {
  example::Fingerprint all;
  add(data.train, all), add(data.test, all);
  if (data.validation) add(*data.validation, all);
  all.add(data.people.data(), data.people.size() * sizeof(Index));  // the validation split depends on them
  return text(data.name, " ", all.text());
}

std::string test_fingerprint(const Data& data) {
  example::Fingerprint all;
  add(data.test, all);
  return all.text();
}

template <class Training>
Data prepare(RecordingsOf<Training> recordings, const std::optional<Standardizer<float>>& standardizer) {
  auto [hashes, classes] = contents_of(recordings.train);
  require<FileError>(
      classes.size() >= 2, recordings.name, ": the training data must have sequences of at least 2 classes, got only ",
      [&, &only = classes] { return unroll::detail::in_quotes(recordings.classes[std::size_t(*only.begin())]); });
  Index shared = 0;
  for (Index s = 0; s < recordings.test.size(); ++s)
    shared += hashes.contains(sequence_hash(recordings.test.sequence(s)));
  if (shared > 0) {
    recordings.other_people = false;
    recordings.remarks.push_back(
        text(shared, " of the ", recordings.test.size(), " test sequences are also training sequences"));
  }
  const Standardizer<float> own = standardizer ? *standardizer : Standardizer<float>(recordings.train);
  own.apply(recordings.train);
  own.apply(recordings.test);
  Data data{std::move(recordings.name),
            std::move(recordings.classes),
            LazyDataset<float>(std::move(recordings.train)),
            std::move(recordings.test),
            {},
            {},
            std::move(recordings.remarks),
            std::move(recordings.people),
            recordings.other_people,
            std::move(recordings.test_people),
            std::move(recordings.channels),
            recordings.sample_rate,
            std::move(recordings.validation),
            std::move(hashes)};
  if (data.validation) own.apply(*data.validation);
  data.mean = own.mean();
  data.deviation = own.deviation();
  return data;
}
template Data prepare(Recordings, const std::optional<Standardizer<float>>&);
template Data prepare(LazyRecordings, const std::optional<Standardizer<float>>&);

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

namespace {

/// Fits with the optimizer of options.optimizer, with checkpoints.
FitResult fit_with_options(Network& network, const Fit& fit, const FitOptions<float, LazyDataset<float>>& options,
                           const example::RunControl& control) {
  const double rate = fit.options.setting.rate;
  const auto fit_with = [&](auto optimizer) {
    return example::train(network, fit.loss, optimizer, fit.training, options, control);
  };
  if (fit.options.optimizer == "sgd")
    return fit_with(SGD<float>({.learning_rate = rate, .momentum = fit.options.momentum}));
  if (fit.options.optimizer == "rmsprop") return fit_with(RMSprop<float>({.learning_rate = rate}));
  return fit_with(Adam<float>({.learning_rate = rate}));
}

FitOptions<float, LazyDataset<float>> fit_options(const Fit& fit) {
  const Options& o = fit.options;
  constexpr Index never = Index(1) << 40;
  return {.epochs = o.epochs,
          .batches = {.size = o.setting.batch},
          .seed = fit.seed,
          .validation = fit.validation != nullptr ? fit.validation : fit.shown,
          .clip_norm = o.clip,
          .early_stopping = fit.validation != nullptr
                                ? std::optional(EarlyStopping{.patience = o.patience > 0 ? o.patience : never,
                                                              .min_delta = o.least_gain,
                                                              .monitor = o.monitored()})
                                : std::nullopt,
          .truncation = {.update_every = fit.truncation},
          .threads = fit.threads,
          .products = example::precision_of(o.products)};
}

}  // namespace

RunRecord train(Network& network, const Fit& fit, const RunFiles& files, const OnEpoch& on_epoch) {
  if (auto record = read_record(files.record(), files.of)) {
    require<ValueError>(fit.longer || record->epochs <= fit.options.epochs, "--epochs must be at least ",
                        record->epochs, ", the epochs of the run that is continued, got ", fit.options.epochs);
    if (record->epochs >= fit.options.epochs || (!record->diverged.empty() && fit.diverges)) {
      if (record->diverged.empty()) load(network, files.network());
      record->loaded = true;
      return *record;
    }
  }
  example::stop_if_requested();
  RunRecord record{.epochs = fit.options.epochs};
  try {
    auto options = fit_options(fit);
    options.on_epoch = [&](const Epoch& epoch) { return on_epoch ? on_epoch(epoch, network) : void(), true; };
    FitResult result =
        fit_with_options(network, fit, options,
                         {.checkpoint = files.checkpoint(), .seconds = files.checkpoint_seconds, .quiet = files.quiet});
    record.best_epoch = result.best_epoch;
    record.stopped_early = result.stopped_early;
    record.history = std::move(result.history);
  } catch (const NonFiniteError& error) {
    if (!fit.diverges) throw;
    record.diverged = error.what();
  }
  if (record.diverged.empty()) save(network, files.network());
  write_text(files.record(), record_text(record, files.of));
  return record;
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

}  // namespace

Dataset<float> as_scored(const Dataset<float>& data, const Options& options) {
  return options.every_step ? at_every_step(data) : data;
}

LazyDataset<float> as_scored(const LazyDataset<float>& data, const Options& options) {
  return options.every_step ? data.mapped(at_every_step) : data;
}

ClassLoss loss_of(const Options& options, Index classes) {
  return ClassLoss({.sigmoid = options.outputs == "sigmoid", .classes = classes});
}

Parts divide(const Data& data, const Options& options, std::uint64_t seed) {
  if (data.validation)
    return {as_scored(data.train, options), LazyDataset<float>(as_scored(*data.validation, options))};
  if (!options.validates()) return {as_scored(data.train, options), std::nullopt};
  const Split split = validation_split(data, options.validation_share(), seed);
  return {as_scored(data.train.subset(split.kept), options), as_scored(data.train.subset(split.held_out), options)};
}

std::vector<MatrixX<float>> outputs(const Network& network, const Dataset<float>& sequences, const Threads& threads) {
  auto scores = predict(network, sequences, {.threads = threads});
  for (auto& each : scores) each = each.rightCols(1).eval();
  return scores;
}

template <class Sequences>
Scores score(const Network& network, const Sequences& sequences, const Options& options, const Threads& threads) {
  std::vector<Index> best;
  for (Index k = 1; k <= std::min<Index>(3, network.outputs()); ++k) best.push_back(k);
  TopK top(best);
  ConfusionMatrix confusion(network.outputs());
  std::vector<Labels> labels;
  std::vector<Index> predicted(std::size_t(sequences.size()));
  unroll::detail::each_sample(sequences, [&](const Dataset<float>& part, Index s) {
    labels.push_back(Labels::Constant(1, part.labels(s)[0]));  // the same at every step
  });
  Evaluator<Network>().each_output(network, sequences, all_samples(sequences.size()), {.threads = threads},
                                   [&](Index s, const auto& output) {
                                     const MatrixX<float> last = output.rightCols(1);
                                     top.add(last, labels[std::size_t(s)]);
                                     confusion.add(last, labels[std::size_t(s)]);
                                     predicted[std::size_t(s)] = unroll::detail::predicted_class(last.col(0));
                                   });
  Scores all{.confusion = confusion.counts(), .predicted = std::move(predicted)};
  for (const Hits& hits : top.hits()) all.top.push_back(hits.value());
  const bool by_step = sequences.kind() == TargetKind::step_labels;
  const ClassLoss loss = loss_of(options, network.outputs());
  all.loss =
      evaluate(network, by_step ? sequences : as_scored(sequences, options), loss, {.threads = threads}).loss.value();
  return all;
}
template Scores score(const Network&, const Dataset<float>&, const Options&, const Threads&);
template Scores score(const Network&, const LazyDataset<float>&, const Options&, const Threads&);

MatrixX<double> probabilities(const MatrixX<float>& outputs, const Options& options) {
  MatrixX<double> all = outputs.cast<double>();
  if (options.outputs == "sigmoid") return all.unaryExpr([](double x) { return 1 / (1 + std::exp(-x)); });
  for (auto column : all.colwise()) {
    column = (column.array() - column.maxCoeff()).exp().matrix().eval();
    column /= column.sum();
  }
  return all;
}

template <class Sequences>
Dataset<float> summaries(const Sequences& data) {
  std::vector<MatrixX<float>> all;
  std::vector<Index> labels;
  unroll::detail::each_sample(data, [&](const Dataset<float>& part, Index s) {
    const MatrixX<float>& x = part.sequence(s);
    const VectorX<float> mean = x.rowwise().mean();
    MatrixX<float> summary(2 * x.rows(), 1);
    summary << mean, (x.colwise() - mean).rowwise().squaredNorm().unaryExpr([](float square) {
      return std::sqrt(square);
    }) / std::sqrt(float(x.cols()));
    all.push_back(std::move(summary));
    labels.push_back(part.labels(s)[0]);
  });
  return Dataset<float>::labelled(std::move(all), labels, data.classes());
}
template Dataset<float> summaries(const Dataset<float>&);
template Dataset<float> summaries(const LazyDataset<float>&);

Run train_baseline(const Data& data, std::uint64_t seed, const Threads& threads) {
  Dataset<float> training = summaries(data.train), test = summaries(data.test);
  const Standardizer<float> standardizer(training);
  standardizer.apply(training);
  standardizer.apply(test);
  const Index classes = std::ssize(data.classes);
  Network network = make_baseline(training.features(), classes);
  network.initialise(seed);
  Adam<float> adam({.learning_rate = 0.01});
  Run run;
  run.seed = seed;
  run.record.history = fit(network, loss_of({}, classes), adam, training,
                           {.epochs = 60,
                            .batches = {.size = 30},
                            .seed = seed,
                            .clip_norm = 1,
                            .threads = threads,
                            .progress = Progress::quiet})
                           .history;
  run.training = score(network, training, {}, threads);
  run.test = score(network, test, {}, threads);
  return run;
}

}  // namespace har
