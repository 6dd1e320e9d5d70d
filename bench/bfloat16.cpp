// Training with products of bfloat16 factors, and in float: loss of every epoch and the final measure on
// held out data. Prints one JSON line per run.
//
//     ./bfloat16 [TASK] [seeds]     run in the root of the project; TASK: har or text; default: both, 5 seeds

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/data/standardizer.hpp"
#include "unroll/io/dataset.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/layers/pooling/global_pooling.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"
#include "unroll/models/stack.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/train/fit.hpp"

namespace {

using namespace unroll;

struct Task {
  const char* name;
  Dataset<float> training, test;
  Stack<float> model;
  FitOptions<float> options;
  double rate;
};

Task har() {
  const auto file = read_ts("examples/har/data/BasicMotions_TRAIN.ts");
  auto training = to_dataset(file);
  auto test = to_dataset(read_ts("examples/har/data/BasicMotions_TEST.ts", {.classes = file.classes}));
  const Standardizer scale(training);
  scale.apply(training), scale.apply(test);
  Stack<float> model(training.features(),
                     {Recurrent<Gru>{.units = 64}, MeanOverTime{}, Dense{.units = training.classes()}});
  return {"har", training, test, std::move(model), {.epochs = 30, .batches = {.size = 10}, .clip_norm = 1}, 0.005};
}

/// Windows of `steps` characters; each is labelled with the next one.
Dataset<float> windows(const std::string& text, const std::array<Index, 256>& number, Index classes) {
  constexpr Index steps = 64;
  std::vector<MatrixX<float>> sequences;
  std::vector<Labels> labels;
  const auto at = [&](Index k) { return number[static_cast<unsigned char>(text[std::size_t(k)])]; };
  for (Index first = 0; first + steps < Index(text.size()); first += steps) {
    sequences.push_back(MatrixX<float>::NullaryExpr(1, steps, [&](Index, Index t) { return float(at(first + t)); }));
    labels.push_back(Labels::NullaryExpr(steps, [&](Index t) { return at(first + t + 1); }));
  }
  return Dataset<float>::step_labelled(sequences, labels, classes);
}

std::string beginning_of(const char* name, std::size_t most) {
  std::ifstream file(name);
  return std::string(std::istreambuf_iterator<char>(file), {}).substr(0, most);
}

Task text_task() {
  const std::string training = beginning_of("examples/text/data/wordnet_sentences_train.txt", 200'000);
  const std::string test = beginning_of("examples/text/data/wordnet_sentences_valid.txt", 40'000);
  std::array<Index, 256> number{};
  Index classes = 1;
  for (const char c : training + test)
    if (Index& known = number[static_cast<unsigned char>(c)]; known == 0) known = classes++;
  Stack<float> model(
      1, {Embedding{.size = classes, .dimension = 32}, Recurrent<Lstm>{.units = 96}, Dense{.units = classes}});
  return {"text",
          windows(training, number, classes),
          windows(test, number, classes),
          std::move(model),
          {.epochs = 5, .batches = {.size = 32}, .clip_norm = 5},
          0.004};
}

void run(Task& task, std::uint64_t seed, Precision products) {
  const SoftmaxCrossEntropy<float> loss;
  Adam<float> adam({.learning_rate = task.rate});
  task.model.initialise(seed);
  task.options.seed = seed, task.options.products = products, task.options.progress = Progress::quiet;
  const FitResult result = fit(task.model, loss, adam, task.training, task.options);
  const Evaluation own = evaluate(task.model, task.test, loss, {.products = products});
  const Evaluation in_float = evaluate(task.model, task.test, loss);
  std::printf(
      "{\"task\": \"%s\", \"products\": \"%s\", \"seed\": %d, \"accuracy\": %.2f, \"perplexity\": %.4f, "
      "\"accuracy_in_float\": %.2f, \"perplexity_in_float\": %.4f, \"losses\": [",
      task.name, products == Precision::bfloat16 ? "bfloat16" : "float32", int(seed), 100 * own.hits.value(),
      std::exp(own.loss.value()), 100 * in_float.hits.value(), std::exp(in_float.loss.value()));
  const char* separator = "";
  for (const Epoch& epoch : result.history) std::printf("%s%.4f", separator, epoch.loss), separator = ", ";
  std::printf("]}\n");
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  const std::string chosen = count > 1 ? arguments[1] : "";
  const int seeds = count > 2 ? std::atoi(arguments[2]) : 5;
  for (auto* make : {&har, &text_task}) {
    Task task = make();
    if (!chosen.empty() && chosen != task.name) continue;
    for (int seed = 1; seed <= seeds; ++seed)
      for (const Precision products : {Precision::float32, Precision::bfloat16})
        run(task, std::uint64_t(seed), products);
  }
}
