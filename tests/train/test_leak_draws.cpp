// Data and seed of each training of a leak test, and limits compared with values computed by hand.

#include <unroll/train/leak/leak_test.hpp>

#include "support/catch.hpp"

namespace test_leak_draws {

using namespace unroll;

namespace {

using Data = Dataset<double>;
using Outputs = std::vector<MatrixX<double>>;

/// Data set of sequences of ten steps with labels 0, 1, 0, 1, ..., a feature with mean 20 and deviation 4, and one with
/// about -1 and 0.5.
Data alternating(Index count) {
  Outputs inputs;
  std::vector<Labels> labels;
  for (Index s = 0; s < count; ++s) {
    inputs.emplace_back(2, 10), labels.emplace_back(10);
    for (Index t = 0; t < 10; ++t) {
      inputs.back().col(t) << 20 + (t < 5 ? 4 : -4), -1 + (t % 3 == 0 ? -0.5 : 0.5);
      labels.back()[t] = t % 2;
    }
  }
  return Data::step_labelled(std::move(inputs), std::move(labels), 2);
}

/// Scores that are right for the first `zeros` steps of class 0 and the first `ones` steps of class 1.
MatrixX<double> answers(const Labels& labels, Index zeros, Index ones) {
  MatrixX<double> scores = MatrixX<double>::Zero(2, labels.size());
  for (Index t = 0; t < labels.size(); ++t) {
    const bool right = t / 2 < (labels[t] == 0 ? zeros : ones);
    scores(right ? labels[t] : 1 - labels[t], t) = 1;
  }
  return scores;
}

struct Training {
  Data data, test;
  std::uint64_t seed;
};

/// All trainings of a leak test in order, with the same data for training and test.
std::vector<Training> trainings(const Data& data, const std::vector<Index>& groups, const LeakTestOptions& options) {
  std::vector<Training> all;
  const auto train = [&](const Data& training, std::uint64_t seed) {
    return [&, training, seed](const Data& test) {
      all.push_back({training, test, seed});
      Outputs outputs;
      for (Index s = 0; s < test.size(); ++s) outputs.push_back(answers(data.labels(s), 3, 3));
      return outputs;
    };
  };
  leak_test(data, data, groups, train, options);
  return all;
}

bool same_inputs(const Data& a, const Data& b) {
  for (Index s = 0; s < a.size(); ++s)
    if (a.sequence(s) != b.sequence(s)) return false;
  return true;
}
bool same_labels(const Data& a, const Data& b) {
  for (Index s = 0; s < a.size(); ++s)
    if (a.labels(s) != b.labels(s)) return false;
  return true;
}

}  // namespace

TEST_CASE("leak test: limits widen with the spread of repeats by Student t") {
  const Data data = alternating(2);
  const std::vector<Index> groups{0, 1};
  // All sequences of a run have the same accuracy: 0.6, 0.5, 0.4. The limits over groups have width 0.
  const auto train = [](const Data&, std::uint64_t seed) {
    return [seed](const Data& test) {
      Outputs outputs;
      for (Index s = 0; s < test.size(); ++s)
        outputs.push_back(answers(test.labels(s), seed == 9 ? 2 : 3, seed == 7 ? 3 : 2));
      return outputs;
    };
  };
  // Deviation 0.1, divided by the root of 3; t with two degrees of freedom.
  for (const auto& [confidence, t] : {std::pair(0.95, 4.302653), std::pair(0.8, 1.885618)}) {
    const auto report =
        leak_test(data, data, groups, train,
                  {.controls = {Control::none}, .change_targets = false, .seed = 7, .confidence = confidence});
    const ControlResult& result = report.controls[0];
    CHECK(result.accuracies == std::vector<double>{0.6, 0.5, 0.4});
    const double reach = t * 0.1 / std::sqrt(3.0);
    for (const Interval& limits : {result.accuracy, result.balanced}) {
      CHECK(limits.value == Approx(0.5));
      CHECK(limits.low == Approx(0.5 - reach).epsilon(1e-5));
      CHECK(limits.high == Approx(0.5 + reach).epsilon(1e-5));
    }
  }
}

TEST_CASE("leak test: limits over groups remain when repeats differ less") {
  const Data data = alternating(4);
  const std::vector<Index> groups{0, 1, 2, 3};
  const auto train = [](const Data&, std::uint64_t seed) {
    return [seed](const Data& test) {
      Outputs outputs;
      for (Index s = 0; s < test.size(); ++s)
        outputs.push_back(answers(test.labels(s), 1 + s, s == 0 && seed == 2 ? 1 : 2));
      return outputs;
    };
  };
  for (const double confidence : {0.95, 0.8}) {
    GroupedHits all(4, 2);
    LeakTestOptions options{.controls = {Control::none}, .change_targets = false, .confidence = confidence};
    options.on_run = [&](Control, Index, const GroupedHits& hits) { all += hits; };
    const auto result = leak_test(data, data, groups, train, options).controls[0];
    CHECK(result.accuracy.low == all.accuracy(confidence).low);
    CHECK(result.accuracy.high == all.accuracy(confidence).high);
    CHECK(result.balanced.low == all.balanced_accuracy(confidence).low);
  }
}

TEST_CASE("leak test: seeds and draws differ between repeats and between training and test data") {
  const Data data = alternating(40);
  std::vector<Index> groups(40, 0);
  groups.back() = 1;
  LeakTestOptions options{.change_targets = false, .repeats = 3, .seed = 5};
  const auto all = trainings(data, groups, options);
  REQUIRE(all.size() == 15);
  for (std::size_t k = 0; k < all.size(); ++k) {
    const auto& [training, test, seed] = all[k];
    const Control control = options.controls[k / 3];
    const bool inputs = control == Control::shuffled_time || control == Control::gaussian_input;
    INFO(name(control) << ", repeat " << k % 3);
    CHECK(seed == 5 + k % 3);
    CHECK(same_inputs(test, data) == !inputs);
    CHECK(same_inputs(training, data) == !inputs);
    CHECK(same_inputs(training, test) == !inputs);
    CHECK(same_labels(test, data) == (control != Control::shuffled_time && control != Control::drawn_labels));
    if (control == Control::drawn_labels) CHECK_FALSE(same_labels(training, test));
    for (std::size_t other = k - k % 3; other < k; ++other) {
      if (inputs) CHECK_FALSE(same_inputs(training, all[other].data));
      if (inputs) CHECK_FALSE(same_inputs(test, all[other].test));
      if (control == Control::drawn_labels) CHECK_FALSE(same_labels(training, all[other].data));
      if (control == Control::drawn_labels) CHECK_FALSE(same_labels(test, all[other].test));
    }
  }
  options.seed = 6;
  CHECK_FALSE(same_inputs(trainings(data, groups, options)[3].data, all[3].data));
}

TEST_CASE("leak test: labels are permuted in training data only and differ in each repeat") {
  std::vector<Index> labels;
  for (Index s = 0; s < 40; ++s) labels.push_back(s % 2);
  const Data data = Data::labelled(detail::inputs_of(alternating(40)), labels, 2);
  std::vector<Index> groups(40, 0);
  groups.back() = 1;
  std::vector<Data> seen, tested;
  const auto train = [&](const Data& training, std::uint64_t) {
    seen.push_back(training);
    return [&](const Data& test) {
      tested.push_back(test);
      return Outputs(40, MatrixX<double>::Zero(2, 1));
    };
  };
  leak_test(data, data, groups, train, {.controls = {Control::permuted_labels}, .change_targets = false, .repeats = 2});
  for (const Data& test : tested) CHECK(same_labels(test, data));
  for (const Data& training : seen) {
    CHECK_FALSE(same_labels(training, data));
    CHECK(chance_levels(training).majority == 0.5);
  }
  CHECK_FALSE(same_labels(seen[0], seen[1]));
}

TEST_CASE("leak test: shuffled steps keep labels, Gaussian inputs have mean and deviation of the data") {
  const Data data = alternating(200);
  const detail::ControlRandom draws(1, Control::shuffled_time, 0, false);
  Outputs marked = detail::inputs_of(data);
  for (auto& x : marked) x.row(0) = Eigen::RowVectorXd::LinSpaced(10, 0, 9);
  const Data shuffled = detail::with_shuffled_time(Data::step_labelled(marked, detail::labels_of(data), 2), draws);
  for (Index t = 0; t < 10; ++t) CHECK(shuffled.labels(0)[t] == Index(shuffled.sequence(0)(0, t)) % 2);

  const Data gaussian = detail::with_gaussian_input(data, Standardizer<double>(data), draws);
  const Standardizer<double> scale(gaussian);
  CHECK(std::abs(scale.mean()[0] - 20) < 0.4);
  CHECK(scale.deviation()[0] == Approx(4).epsilon(0.1));
  CHECK(scale.deviation()[1] == Approx(Standardizer<double>(data).deviation()[1]).epsilon(0.1));
}

TEST_CASE("leak test: chance is that of the test data") {
  std::vector<Index> mostly(40, 1), even(40, 0);
  for (std::size_t s = 0; s < 40; ++s) mostly[s] = s % 8 == 0 ? 0 : 1, even[s] = Index(s) % 2;
  const auto inputs = detail::inputs_of(alternating(40));
  const Data training = Data::labelled(inputs, mostly, 2), test = Data::labelled(inputs, even, 2);
  const auto train = [](const Data&, std::uint64_t) {
    return [](const Data& data) { return Outputs(std::size_t(data.size()), MatrixX<double>::Zero(2, 1)); };
  };
  std::vector<Index> groups(40, 0);
  groups.back() = 1;
  const auto report = leak_test(training, test, groups, train, {.controls = {Control::gaussian_input}, .repeats = 1});
  CHECK(report.chance.majority == 0.5);
  CHECK(report.controls[0].chance == 0.5);
}

TEST_CASE("leak test: above chance means more than the margin over labels or classes") {
  ControlResult result{
      .accuracy = {0.6, 0.55, 0.65}, .balanced = {0.6, 0.55, 0.65}, .chance = 0.5, .balanced_chance = 0.7};
  CHECK(result.above_chance(0.04));
  CHECK_FALSE(result.above_chance(0.06));
  std::swap(result.chance, result.balanced_chance);
  CHECK(result.above_chance(0.04));
  CHECK_FALSE(result.above_chance(0.06));
}

TEST_CASE("leak test: draws differ between controls, repeats, data sets and sequences") {
  std::vector<std::uint64_t> drawn;
  for (const Control control : {Control::none, Control::shuffled_time, Control::gaussian_input,
                                Control::permuted_labels, Control::drawn_labels})
    for (const Index repeat : {0, 1, 2})
      for (const bool test : {false, true})
        for (const Index sequence : {0, 1})
          drawn.push_back(detail::ControlRandom(1, control, repeat, test).of(sequence).bits(0));
  std::sort(drawn.begin(), drawn.end());
  CHECK(std::adjacent_find(drawn.begin(), drawn.end()) == drawn.end());
}

TEST_CASE("leak test: Gaussian features of a step are independent") {
  const Data data = alternating(1);
  const Standardizer<double> scale(data);
  MatrixX<double> x = detail::with_gaussian_input(data, scale, {1, Control::gaussian_input, 0, true}).sequence(0);
  scale.apply(x);
  for (Index t = 0; t < 10; ++t) CHECK(std::abs(x(0, t) - x(1, t)) > 1e-6);
}

TEST_CASE("leak test: labels of a shorter sequence are repeated when permuted") {
  const Data data = Data::step_labelled({MatrixX<double>::Zero(1, 2), MatrixX<double>::Zero(1, 5)},
                                        {Labels{{0, 1}}, Labels::Constant(5, 2)}, 3);
  bool exchanged = false;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const Data permuted = detail::with_permuted_labels(data, {seed, Control::permuted_labels, 0, false});
    if (permuted.labels(0)[0] == 0) continue;
    exchanged = true;
    CHECK(permuted.labels(0) == Labels::Constant(2, 2));
    CHECK(permuted.labels(1) == Labels{{0, 1, 0, 1, 0}});
  }
  CHECK(exchanged);
}

TEST_CASE("leak test: chance includes the step, except for drawn labels") {
  const Data data = alternating(4);
  const auto train = [](const Data&, std::uint64_t) {
    return [](const Data& test) { return Outputs(std::size_t(test.size()), MatrixX<double>::Zero(2, 10)); };
  };
  const std::vector<Index> groups{0, 1, 0, 1};
  const auto report = leak_test(data, data, groups, train,
                                {.controls = {Control::gaussian_input, Control::drawn_labels}, .repeats = 1});
  CHECK(report.chance.majority == 0.5);
  CHECK(report.controls[0].chance == Approx(1));  // each step has only one class
  CHECK(report.controls[0].balanced_chance == Approx(1));
  CHECK(report.controls[1].chance == 0.5);
  CHECK(report.controls[1].balanced_chance == 0.5);
}

TEST_CASE("chance levels: a sequence without labels counts for no class") {
  const Data data =
      Data::step_labelled({MatrixX<double>::Zero(1, 2), MatrixX<double>::Zero(1, 1), MatrixX<double>::Zero(1, 1)},
                          {Labels::Constant(2, -1), Labels::Constant(1, 1), Labels::Constant(1, 1)}, 2);
  CHECK(chance_levels(data).per_sequence == 1);
}

TEST_CASE("leak report: limits decide whether the order of steps matters") {
  LeakReport report;
  report.controls = {{.control = Control::none, .accuracy = {0.8, 0.7, 0.9}, .chance = 0.5},
                     {.control = Control::shuffled_time, .accuracy = {0.72, 0.6, 0.75}, .chance = 0.5}};
  CHECK(report.verdict().find("order of steps matters is not shown") != std::string::npos);
  report.controls[1].accuracy.high = 0.69;
  CHECK(report.verdict().find("The order of steps matters: without it 8.0 points are lost") != std::string::npos);
}

TEST_CASE("leak report: lengths explain a leak only when they explain that of every control") {
  const ControlResult above{.control = Control::gaussian_input, .accuracy = {0.97, 0.95, 1}, .chance = 0.5},
      below{.control = Control::permuted_labels, .accuracy = {0.9, 0.85, 0.95}, .chance = 0.5};
  const auto words = [](std::vector<ControlResult> controls) {
    LeakReport report;
    report.margin = 0.03;
    report.chance.per_length = 0.9;
    report.controls = std::move(controls);
    return report.verdict();
  };
  CHECK(words({below}).find("knows them by their length") != std::string::npos);
  for (const std::string& verdict : {words({above, below}), words({below, above})})
    CHECK(verdict.find("It must see what it should predict.") != std::string::npos);
}

}  // namespace test_leak_draws
