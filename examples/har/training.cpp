#include "training.hpp"

#include <chrono>

#include "unroll/io/dataset.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/optim/rmsprop.hpp"
#include "unroll/optim/sgd.hpp"
#include "unroll/train/fit.hpp"
#include "unroll/train/standardizer.hpp"

namespace har {

using namespace unroll;

Data read_data(const Options& options) {
  auto train = read_ts<float>(options.train);
  require<FileError>(train.classes.size() >= 2, options.train, ": expected class labels of 2 classes or more, found ",
                     train.classes.size());
  auto test = read_ts<float>(options.test, {.classes = train.classes});
  require<FileError>(!test.labels.empty(), options.test, ": expected class labels, found none");
  Data data{train.name, train.classes, to_dataset(std::move(train)), to_dataset(std::move(test)), {}, {}};
  require<FileError>(data.test.features() == data.train.features(), options.test, ": expected ", data.train.features(),
                     " channels, as in ", options.train, ", found ", data.test.features());
  const Standardizer<float> standardizer(data.train);
  standardizer.apply(data.train);
  standardizer.apply(data.test);
  data.mean = standardizer.mean();
  data.deviation = standardizer.deviation();
  return data;
}

namespace {

template <class Optimizer>
FitResult fit_with(Optimizer optimizer, Network& network, const Data& data, const FitOptions<float>& options) {
  return fit(network, SoftmaxCrossEntropy<float>(), optimizer, data.train, options);
}

FitResult fit_as_asked(Network& network, const Options& options, const Data& data,
                       const FitOptions<float>& fit_options) {
  if (options.optimizer == "sgd")
    return fit_with(SGD<float>({.learning_rate = options.rate, .momentum = 0.9}), network, data, fit_options);
  if (options.optimizer == "rmsprop")
    return fit_with(RMSprop<float>({.learning_rate = options.rate}), network, data, fit_options);
  return fit_with(Adam<float>({.learning_rate = options.rate}), network, data, fit_options);
}

void score(const Network& network, const Data& data, Run& run) {
  std::vector<Index> best;
  for (Index k = 1; k <= std::min<Index>(3, data.test.classes()); ++k) best.push_back(k);
  TopK top(best);
  const auto scores = outputs(network, data);
  for (Index s = 0; s < data.test.size(); ++s) {
    top.add(scores[std::size_t(s)], data.test.labels(s));
    run.confusion.add(scores[std::size_t(s)], data.test.labels(s));
  }
  run.top = top.hits();
}

}  // namespace

double loss_before_training(Network& network, const Data& data, std::uint64_t seed) {
  network.initialise(seed);
  return evaluate(network, data.test, SoftmaxCrossEntropy<float>()).loss.value();
}

Run train(Network& network, const Options& options, const Data& data, std::uint64_t seed,
          const std::function<void(const Epoch&)>& on_epoch) {
  const SoftmaxCrossEntropy<float> loss;
  Run run{seed, ConfusionMatrix(data.train.classes())};
  run.loss_before = loss_before_training(network, data, seed);
  const auto begin = std::chrono::steady_clock::now();
  run.fit = fit_as_asked(
      network, options, data,
      {
          .epochs = options.epochs,
          .batches = {.size = options.batch},
          .seed = seed,
          .validation = options.validation > 0 ? nullptr : &data.test,
          .validation_fraction = options.validation,
          .clip_norm = options.clip,
          .early_stopping =
              options.patience > 0 ? std::optional(EarlyStopping{.patience = options.patience}) : std::nullopt,
          .on_epoch = [&](const Epoch& epoch) { return on_epoch(epoch), true; },
          .progress = Progress::quiet,
      });
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  run.loss = evaluate(network, data.test, loss).loss;
  score(network, data, run);
  return run;
}

std::vector<Matrix<float>> outputs(const Network& network, const Data& data) { return predict(network, data.test); }

}  // namespace har
