// Leak test of models with known behaviour: honest ones, and ones that were built to leak.

#include <unroll/cells/gru.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/leak/leak_test.hpp>
#include <unroll/train/train.hpp>

#include "support/catch.hpp"

namespace test_leak {

using namespace unroll;

namespace {

using Data = Dataset<float>;
using Outputs = std::vector<MatrixX<float>>;
constexpr Index classes = 4;

struct Study {
  Data data;
  std::vector<Index> people;
};

/// Two sequences of each class for each person. The feature of the class is larger by `signal` at every step; sequences
/// of class k are longer by `longer` * k steps.
Study study(Index people, std::uint64_t seed, float signal = 3, Index longer = 0) {
  Outputs inputs;
  std::vector<Labels> labels;
  std::vector<Index> groups;
  for (Index s = 0; s < 2 * classes * people; ++s) {
    const Index k = s % classes, steps = 8 + longer * k;
    const Random random(seed, Purpose::data, 0, std::uint64_t(s));
    MatrixX<float> x(classes, steps);
    for (Index i = 0; i < x.size(); ++i) x.data()[i] = float(random.normal(std::uint64_t(i)));
    x.row(k).array() += signal;
    inputs.push_back(std::move(x));
    labels.push_back(Labels::Constant(steps, k));
    groups.push_back(s / (2 * classes));
  }
  return {Data::step_labelled(std::move(inputs), std::move(labels), classes), groups};
}

MatrixX<float> one_hot(const Labels& labels) {
  MatrixX<float> scores = MatrixX<float>::Zero(classes, labels.size());
  for (Index t = 0; t < labels.size(); ++t) scores(labels[t], t) = 1;
  return scores;
}

/// Outputs f(labels, inputs) of each sequence.
template <class F>
Outputs each(const Data& data, const F& f) {
  Outputs outputs;
  for (Index s = 0; s < data.size(); ++s) outputs.push_back(f(data.labels(s), data.sequence(s)));
  return outputs;
}

/// Classifier by the nearest mean of the training inputs of a class.
auto nearest_mean(const Data& training, std::uint64_t) {
  const bool steps = per_step(training.kind());
  MatrixX<float> mean = MatrixX<float>::Zero(training.features(), classes);
  VectorX<float> count = VectorX<float>::Zero(classes);
  for (Index s = 0; s < training.size(); ++s)
    for (Index t = 0; t < training.length(s); ++t) {
      const Index label = training.labels(s)[steps ? t : 0];
      mean.col(label) += training.sequence(s).col(t);
      ++count[label];
    }
  mean.array().rowwise() /= count.transpose().array();
  return [mean, steps](const Data& data) {
    return each(data, [&](const Labels&, const MatrixX<float>& x) {
      MatrixX<float> scores(classes, x.cols());
      for (Index t = 0; t < x.cols(); ++t)
        scores.col(t) = -(mean.colwise() - x.col(t)).colwise().squaredNorm().transpose();
      return steps ? scores : MatrixX<float>(scores.rowwise().sum());
    });
  };
}

auto first_class(const Data&, std::uint64_t) {
  return [](const Data& data) {
    return each(data, [](const Labels& labels, const auto&) { return one_hot(Labels::Zero(labels.size())); });
  };
}

auto cheat(const Data&, std::uint64_t) {
  return [](const Data& data) { return each(data, [](const Labels& labels, const auto&) { return one_hot(labels); }); };
}

/// Data set with the target of the preceding step as additional input, as for a decoder with teacher forcing.
Data with_previous_target(const Data& data) {
  Outputs inputs = each(data, [](const Labels& labels, const MatrixX<float>& x) {
    MatrixX<float> both = MatrixX<float>::Zero(x.rows() + classes, x.cols());
    both.topRows(x.rows()) = x;
    both.bottomRows(classes).rightCols(x.cols() - 1) = one_hot(labels).leftCols(x.cols() - 1);
    return both;
  });
  return Data::step_labelled(std::move(inputs), detail::labels_of(data), classes);
}

/// Trained GRU. With `leaking` it gets the preceding targets in training, as usual, but also in the test.
auto gru(bool leaking) {
  return [leaking](const Data& training, std::uint64_t seed) {
    const Data data = leaking ? with_previous_target(training) : training;
    Sequential model(data.features(), Recurrent<Gru>{.units = 12}, Dense{.units = classes});
    model.initialise(seed);
    Adam<float> adam({.learning_rate = 0.02});
    fit(model, SoftmaxCrossEntropy<float>(), adam, data,
        {.epochs = 12, .batches = {.size = 8}, .seed = seed, .progress = Progress::quiet});
    return [leaking, model](const Data& test) { return predict(model, leaking ? with_previous_target(test) : test); };
  };
}

const Study training = study(8, 1), test = study(6, 2);

}  // namespace

TEST_CASE("leak test: an honest model passes every control") {
  const LeakReport report = leak_test(training.data, test.data, test.people, nearest_mean);
  INFO(report.verdict() << "\n" << report.table());
  CHECK_FALSE(report.leaks());
  CHECK(report.repeatable);
  CHECK_FALSE(report.targets_seen);
  CHECK(report.find(Control::none)->accuracy.value > 0.9);
  CHECK(report.find(Control::shuffled_time)->accuracy.value == report.find(Control::none)->accuracy.value);
  for (const Control control : {Control::gaussian_input, Control::permuted_labels, Control::drawn_labels}) {
    CHECK(report.find(control)->accuracy.low < 0.25);
    CHECK(report.find(control)->chance == Approx(0.25));
    CHECK(report.find(control)->accuracies.size() == 3);
  }
  CHECK_THAT(report.verdict(), Catch::Matchers::Contains("No leak was found. Outputs do not depend on the targets"));
  CHECK_THAT(report.verdict(), Catch::Matchers::Contains("That the order of steps matters is not shown"));
  CHECK_THAT(report.table(), Catch::Matchers::Contains("gaussian inputs"));
}

TEST_CASE("leak test: a model without skill passes and the verdict says so") {
  const LeakReport report = leak_test(training.data, test.data, test.people, first_class);
  CHECK_FALSE(report.leaks());
  CHECK(report.find(Control::none)->accuracy.value == 0.25);
  CHECK_THAT(report.verdict(), Catch::Matchers::Contains("it has learnt nothing that could be tested"));
}

TEST_CASE("leak test: a model that reads its targets fails every control") {
  const LeakReport report = leak_test(training.data, test.data, test.people, cheat);
  CHECK(report.leaks());
  REQUIRE(report.targets_seen);
  CHECK(report.targets_seen->sequence == 0);
  CHECK(report.targets_seen->step == 0);
  for (const ControlResult& result : report.controls) CHECK(result.accuracy.value == 1);
  CHECK_THAT(
      report.verdict(),
      Catch::Matchers::Contains("With gaussian inputs the model is right on 100.0 % of steps where 25.0 % is chance"));
}

TEST_CASE("leak test: detects a dependence on targets below any score exactly") {
  const auto trace = [](const Data&, std::uint64_t) {
    return [](const Data& data) {
      return each(data, [](const Labels& labels, const auto&) {
        MatrixX<float> scores = one_hot(Labels::Zero(labels.size()));
        if (labels.size() > 5) scores(3, 5) = 1e-20f * float(labels[5]);
        return scores;
      });
    };
  };
  const LeakReport report = leak_test(training.data, test.data, test.people, trace);
  REQUIRE(report.targets_seen);
  CHECK(report.targets_seen->step == 5);
  CHECK(report.leaks());
  CHECK_THAT(report.verdict(), Catch::Matchers::Contains("The outputs for test sequence 0 change from step 5 on"));
  const LeakReport unasked = leak_test(training.data, test.data, test.people, trace, {.change_targets = false});
  CHECK_FALSE(unasked.leaks());
  CHECK_THAT(unasked.verdict(), !Catch::Matchers::Contains("Outputs do not depend"));
}

TEST_CASE("leak test: a predictor that is not repeatable has no exact result") {
  int calls = 0;
  const auto moody = [&](const Data&, std::uint64_t) {
    return [&](const Data& data) {
      ++calls;
      return each(data, [&](const Labels& labels, const auto&) {
        return MatrixX<float>(MatrixX<float>::Constant(classes, labels.size(), float(calls)));
      });
    };
  };
  const LeakReport report = leak_test(training.data, test.data, test.people, moody, {.repeats = 1});
  CHECK_FALSE(report.repeatable);
  CHECK_FALSE(report.targets_seen);
  CHECK_THAT(report.verdict(), Catch::Matchers::Contains("other outputs for the same data"));
}

TEST_CASE("leak test: detects a decoder that reads targets in the test, not one without") {
  const LeakTestOptions options{.repeats = 2};
  const Study few = study(3, 3), other = study(4, 4);
  const LeakReport leaking = leak_test(few.data, other.data, other.people, gru(true), options);
  INFO(leaking.verdict() << "\n" << leaking.table());
  CHECK(leaking.leaks());
  REQUIRE(leaking.targets_seen);
  CHECK(leaking.targets_seen->step == 1);  // the first step has no preceding target
  CHECK(leaking.find(Control::gaussian_input)->above_chance(0.3));
  CHECK_THAT(leaking.verdict(), Catch::Matchers::Contains("It must see what it should predict"));

  const LeakReport honest = leak_test(few.data, other.data, other.people, gru(false), options);
  INFO(honest.verdict() << "\n" << honest.table());
  CHECK_FALSE(honest.leaks());
  CHECK(honest.find(Control::none)->accuracy.value > 0.8);
}

TEST_CASE("leak test: information from lengths is no leak for a model that sees the length") {
  const auto by_length = [](const Data&, std::uint64_t) {
    return [](const Data& data) {
      return each(data, [](const Labels& labels, const auto&) {
        return one_hot(Labels::Constant(labels.size(), (labels.size() - 8) / 3));
      });
    };
  };
  const Study few = study(3, 5, 0, 3), other = study(4, 6, 0, 3);
  const LeakReport unaware = leak_test(few.data, other.data, other.people, by_length);
  CHECK(unaware.leaks());
  CHECK_THAT(unaware.verdict(), Catch::Matchers::Contains("knows them by their length"));
  const LeakReport report = leak_test(few.data, other.data, other.people, by_length, {.sees_length = true});
  CHECK(report.find(Control::gaussian_input)->accuracy.value == 1);
  CHECK(report.find(Control::gaussian_input)->chance == Approx(1));
  CHECK_FALSE(report.leaks());
}

TEST_CASE("leak test: detects that the order of steps matters") {
  // Two classes, a step up and a step down: the same values in different order.
  const auto two = [](Index people) {
    Outputs inputs;
    std::vector<Labels> labels;
    for (Index s = 0; s < 4 * people; ++s) {
      MatrixX<float> x(1, 6);
      x << 0, 0, 0, 1, 1, 1;
      inputs.push_back(s % 2 == 0 ? x : MatrixX<float>(x.rowwise().reverse()));
      labels.push_back(Labels::Constant(6, s % 2));
    }
    return Data::step_labelled(std::move(inputs), std::move(labels), 2);
  };
  const auto first_step = [](const Data&, std::uint64_t) {
    return [](const Data& data) {
      return each(data, [](const Labels&, const MatrixX<float>& x) {
        MatrixX<float> scores = MatrixX<float>::Zero(2, x.cols());
        scores.row(x(0, 0) > 0.5f ? 1 : 0).setOnes();
        return scores;
      });
    };
  };
  std::vector<Index> people;
  for (Index s = 0; s < 24; ++s) people.push_back(s / 4);
  const LeakReport report = leak_test(two(6), two(6), people, first_step,
                                      {.controls = {Control::none, Control::shuffled_time}, .repeats = 5});
  CHECK(report.find(Control::none)->accuracy.value == 1);
  CHECK(report.find(Control::shuffled_time)->accuracy.high < 0.8);
  CHECK_THAT(report.verdict(), Catch::Matchers::Contains("The order of steps matters"));
}

TEST_CASE("leak test: each control changes its part of the data and nothing else") {
  const detail::ControlRandom draws(1, Control::none, 0, false);
  const Data& data = training.data;
  const auto same_inputs = [&](const Data& a) {
    bool same = true;
    for (Index s = 0; s < data.size(); ++s) same &= a.sequence(s) == data.sequence(s);
    return same;
  };
  const auto same_labels = [&](const Data& a) {
    bool same = true;
    for (Index s = 0; s < data.size(); ++s) same &= a.labels(s) == data.labels(s);
    return same;
  };
  const Data shuffled = detail::with_shuffled_time(data, draws);
  CHECK_FALSE(same_inputs(shuffled));
  CHECK(shuffled.sequence(0).sum() == Approx(data.sequence(0).sum()));
  const Data gaussian = detail::with_gaussian_input(data, Standardizer<float>(data), draws);
  CHECK_FALSE(same_inputs(gaussian));
  CHECK(same_labels(gaussian));
  const Data permuted = detail::with_permuted_labels(data, draws);
  CHECK(same_inputs(permuted));
  CHECK_FALSE(same_labels(permuted));
  CHECK(chance_levels(permuted).majority == chance_levels(data).majority);
  const Data drawn = detail::with_drawn_labels(data, draws);
  CHECK(same_inputs(drawn));
  CHECK((drawn.labels(0).array() != drawn.labels(0)[0]).any());
  const Data changed = detail::with_changed_labels(data, draws);
  bool all = true;
  for (Index s = 0; s < data.size(); ++s) all &= (changed.labels(s).array() != data.labels(s).array()).all();
  CHECK(all);
}

TEST_CASE("leak test: controls keep label lengths, unlabelled steps and weights") {
  Data data = Data::step_labelled({MatrixX<float>::Zero(1, 2), MatrixX<float>::Ones(1, 3)},
                                  {Labels::Constant(2, 1), Labels::Constant(3, -1)}, 2);
  data.set_weights({2, 3});
  bool exchanged = false;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const Data permuted = detail::with_permuted_labels(data, {seed, Control::permuted_labels, 0, false});
    if (permuted.labels(0)[0] == 1) continue;
    exchanged = true;
    CHECK(permuted.labels(0) == Labels::Constant(2, -1));
    CHECK(permuted.labels(1) == Labels::Constant(3, 1));
    CHECK(permuted.weight(1) == 3);
  }
  CHECK(exchanged);
  const Data drawn = detail::with_drawn_labels(data, {1, Control::drawn_labels, 0, false});
  CHECK(drawn.labels(1) == Labels::Constant(3, -1));
}

TEST_CASE("leak test: works with a label per sequence and repeats its report for a seed") {
  const auto whole = [](const Study& from) {
    std::vector<Index> labels;
    for (Index s = 0; s < from.data.size(); ++s) labels.push_back(from.data.labels(s)[0]);
    return Data::labelled(detail::inputs_of(from.data), labels, classes);
  };
  const LeakReport report = leak_test(whole(training), whole(test), test.people, nearest_mean);
  INFO(report.verdict() << "\n" << report.table());
  CHECK_FALSE(report.leaks());
  CHECK(report.find(Control::none)->accuracy.value == 1);
  CHECK(report.table() == leak_test(whole(training), whole(test), test.people, nearest_mean).table());
  CHECK(report.table() != leak_test(whole(training), whole(test), test.people, nearest_mean, {.seed = 9}).table());
}

TEST_CASE("leak test: refuses invalid arguments before training") {
  int trained = 0;
  const auto count = [&](const Data& data, std::uint64_t seed) {
    ++trained;
    return first_class(data, seed);
  };
  const auto refuses = [&](const Data& a, const Data& b, const std::vector<Index>& groups, const std::string& words) {
    CHECK_THROWS_MATCHES(leak_test(a, b, groups, count), Error, says(words));
  };
  const std::vector<Index> one(std::size_t(test.data.size()), 0);
  refuses(training.data, test.data, one, "at least 2 different numbers from 0, got 0 to 0");
  refuses(training.data, test.data, {0, 1}, "groups must have 48 entries, one for each test sequence, got 2");
  refuses(training.data, Data::unlabelled({MatrixX<float>::Zero(classes, 2)}), {0}, "a label per step");
  refuses(training.data, Data::step_labelled({MatrixX<float>::Zero(2, 2)}, {Labels::Zero(2)}, classes), {0},
          "the test data must have 4 features and 4 classes, as the training data, got 2 and 4");
  CHECK_THROWS_MATCHES(leak_test(training.data, test.data, test.people, count, {.repeats = 0}), ValueError,
                       says("repeats must be at least 1, got 0"));
  CHECK(trained == 0);
  const auto too_few = [](const Data&, std::uint64_t) { return [](const Data&) { return Outputs(); }; };
  CHECK_THROWS_MATCHES(leak_test(training.data, test.data, test.people, too_few), ShapeError,
                       says("outputs for 48 sequences, got 0"));
}

}  // namespace test_leak
