// Several targets with a loss each: values and gradients are those of the losses alone, weighted and added.

#include <unroll/check/gradient.hpp>
#include <unroll/data/several_targets.hpp>
#include <unroll/io/checkpoint.hpp>
#include <unroll/train/train.hpp>
#include <unroll/unroll.hpp>

#include "layers/model_run.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_several_targets {

using namespace unroll;
using model_run::noise, model_run::same_bits;

namespace {

using Softmax = SoftmaxCrossEntropy<double>;
using Squared = MeanSquaredError<double>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// One class per sequence and two numbers per step; sequences of 0 to 6 steps, some targets missing.
struct Tasks {
  std::vector<MatrixX<double>> x, speeds;
  std::vector<Index> labels;

  explicit Tasks(Index sequences = 22) {
    for (Index s = 0; s < sequences; ++s) {
      const Index steps = s == 4 ? 0 : 1 + s % 6;
      x.push_back(noise(3, steps, 10 + std::uint64_t(s)));
      speeds.push_back(0.5 * x.back().topRows(2));
      if (steps > 2) speeds.back()(1, 1) = nan;
      labels.push_back(s == 7 ? -1 : s % 3);
    }
  }
  Dataset<double> classes() const { return Dataset<double>::labelled(x, labels, 3); }
  Dataset<double> steps() const { return Dataset<double>::step_valued(x, speeds); }
  Dataset<double> both() const { return several_targets<double>({{"class", classes()}, {"speed", steps()}}); }
};

auto losses(double weight = 0.25, Reduction of_class = Reduction::valid, Reduction of_speed = Reduction::valid) {
  return Losses{NamedLoss{"class", Softmax({.reduction = of_class}), 3, 2.0},
                NamedLoss{"speed", Squared({.reduction = of_speed}), 2, weight}};
}

Stack<double> made() {
  Stack<double> model(3, {Recurrent<Gru>{.units = 5}, Dense{.units = 5}});
  model.initialise(3);
  return model;
}

const FitOptions<double> quiet{.epochs = 3, .batches = {.size = 5}, .shard = 2, .progress = Progress::quiet};

/// Labels per step of the target "class": the class at the last step, none before.
std::vector<Labels> at_last_step(const Tasks& tasks) {
  std::vector<Labels> all;
  for (std::size_t s = 0; s < tasks.x.size(); ++s) {
    all.push_back(Labels::Constant(tasks.x[s].cols(), -1));
    if (all.back().size() > 0) all.back().tail(1)[0] = tasks.labels[s];
  }
  return all;
}

}  // namespace

TEST_CASE("several targets: rows of one matrix, a class per sequence belongs to the last step") {
  const Tasks tasks;
  const auto data = tasks.both();
  CHECK(data.kind() == TargetKind::step_several);
  CHECK(data.targets() ==
        std::vector<TargetPart>{{"class", TargetKind::label, 3}, {"speed", TargetKind::step_values, 2}});
  CHECK(data.target_rows() == 3);
  CHECK(data.classes() == 0);
  for (const Index s : {0, 2, 4, 7}) {
    const MatrixX<double>& values = data.values(s);
    REQUIRE(values.cols() == data.length(s));
    CHECK(data.target_steps(s) == data.length(s));
    for (Index t = 0; t + 1 < values.cols(); ++t) CHECK(std::isnan(values(0, t)));
    if (values.cols() == 0) continue;
    const double last = values(0, values.cols() - 1);
    CHECK((s == 7 ? std::isnan(last) : last == double(s % 3)));
    CHECK(same_bits(values.bottomRows(2), tasks.speeds[std::size_t(s)]));
  }
  const std::vector<Index> some{2, 0};
  CHECK(data.subset(some).targets() == data.targets());
  CHECK(same_bits(data.subset(some).values(0), data.values(2)));

  const auto per_sequence = several_targets<double>(
      {{"a", tasks.classes()}, {"b", Dataset<double>::valued(tasks.x, MatrixX<double>::Ones(2, 22))}});
  CHECK(per_sequence.kind() == TargetKind::several);
  CHECK(per_sequence.values(4) == Eigen::Vector3d(1, 1, 1));
}

TEST_CASE("several targets: value and gradient are the weighted sums of the losses, in parts and whole") {
  const auto of_class = GENERATE(Reduction::valid, Reduction::per_sequence, Reduction::sum);
  const auto of_speed = GENERATE(Reduction::valid, Reduction::batch);
  const Tasks tasks;
  Batch<double> batch;
  batch.gather(tasks.both(), all_samples(22));
  const Index columns = batch.target_columns();
  const MatrixX<double> output = noise(5, columns, 3), target = batch.values(0, columns);
  const auto loss = losses(0.25, of_class, of_speed);
  MatrixX<double> d_output(5, columns);
  const LossValue value = loss(output, target, d_output, batch.columns(0, columns));

  Labels labels(columns);
  for (Index c = 0; c < columns; ++c) labels[c] = std::isnan(target(0, c)) ? -1 : Index(target(0, c));
  MatrixX<double> d_class(3, columns), d_speed(2, columns);
  const LossValue one = Softmax({.reduction = of_class})(output.topRows(3), labels, d_class, batch.columns(0, columns));
  const LossValue two =
      Squared({.reduction = of_speed})(output.bottomRows(2), target.bottomRows(2), d_speed, batch.columns(0, columns));
  CHECK(value.losses == 2);
  CHECK(value.terms[0].value() == one.value());
  CHECK(value.terms[1].value() == two.value());
  CHECK(value.value() == 2 * one.value() + 0.25 * two.value());
  CHECK(value.scored == one.scored + two.scored);
  CHECK(value.unscored == one.unscored + two.unscored);
  CHECK(same_bits(d_output.topRows(3), (2 * d_class).eval()));
  CHECK(same_bits(d_output.bottomRows(2), (0.25 * d_speed).eval()));

  const LossCount whole = loss.count(target, batch.columns(0, columns));
  LossValue sum;
  MatrixX<double> d_parts(5, columns);
  for (const auto& [first, count] : {std::pair<Index, Index>{0, 7}, {7, columns - 7}})
    sum += loss(output.middleCols(first, count), target.middleCols(first, count), d_parts.middleCols(first, count),
                batch.columns(first, count), whole);
  CHECK(sum.value() == Approx(value.value()).epsilon(1e-12));
  CHECK(same_bits(d_parts, d_output));

  const auto only_reported = losses(0);
  MatrixX<double> infinite = output;
  infinite.bottomRows(2).setConstant(std::numeric_limits<double>::infinity());
  const LossValue rest = only_reported(infinite, target, d_output, batch.columns(0, columns));
  CHECK(is_finite(rest.value()));
  CHECK(is_finite(rest.sum));
  CHECK(d_output.bottomRows(2).isZero(0));
  CHECK(!is_finite(rest.terms[1].value()));
}

TEST_CASE("several targets: gradients of a model with two losses agree with central differences") {
  const Tasks tasks(9);
  Batch<double> batch;
  batch.gather(tasks.both(), all_samples(9));
  auto model = made();
  const auto loss = losses(0.25, Reduction::per_sequence);
  const auto report = check_gradients(model, MatrixX<double>(batch.x()), batch.timeline(), [&](const auto& y, auto& d) {
    return loss(y, batch.values(0, y.cols()), d, batch.columns(0, y.cols())).value();
  });
  INFO(report.text());
  CHECK(report.worst < 1e-6);
  CHECK(report.checked > 150);
}

TEST_CASE("several targets: a training step has the gradients of the losses alone, added") {
  const Tasks tasks(12);
  const auto step_labels = Dataset<double>::step_labelled(tasks.x, at_last_step(tasks), 3);
  const Truncation truncation = GENERATE(Truncation{}, Truncation{.update_every = 2, .accumulate = true});
  const auto gradient_of = [&](const auto& loss, const Dataset<double>& data, std::vector<AnyLayer<double>> layers,
                               const VectorX<double>& parameters, LossValue& value) {
    Stack<double> model(3, std::move(layers));
    model.parameters().values() = parameters;
    Adam<double> adam;
    TrainingStep step(model, loss, adam, {.truncation = truncation});
    ShardedBatch<double> batch;
    batch.gather(data, all_samples(12), 5);
    value = step.step(batch).loss;
    return VectorX<double>(step.gradient().values());
  };
  auto model = made();
  const VectorX<double> theta = model.parameters().values();
  LossValue both, of_class, of_speed;
  const auto gradient =
      gradient_of(losses(), tasks.both(), {Recurrent<Gru>{.units = 5}, Dense{.units = 5}}, theta, both);
  // The last layer of each loss alone: the rows of its outputs.
  const Index recurrent = model.parameter_offset(1);
  const auto part = [&](Index first, Index rows) {
    VectorX<double> some(recurrent + 6 * rows);
    some.head(recurrent) = theta.head(recurrent);
    const Eigen::Map<const MatrixX<double>> all(theta.data() + recurrent, 5, 6);
    Eigen::Map<MatrixX<double>>(some.data() + recurrent, rows, 6) = all.middleRows(first, rows);
    return some;
  };
  const auto a =
      gradient_of(Softmax(), step_labels, {Recurrent<Gru>{.units = 5}, Dense{.units = 3}}, part(0, 3), of_class);
  const auto b =
      gradient_of(Squared(), tasks.steps(), {Recurrent<Gru>{.units = 5}, Dense{.units = 2}}, part(3, 2), of_speed);
  CHECK(both.terms[0].value() == Approx(of_class.value()).epsilon(1e-12));
  CHECK(both.terms[1].value() == Approx(of_speed.value()).epsilon(1e-12));
  CHECK(both.value() == Approx(2 * of_class.value() + 0.25 * of_speed.value()).epsilon(1e-12));
  CHECK((gradient.head(recurrent) - 2 * a.head(recurrent) - 0.25 * b.head(recurrent)).norm() < 1e-12 * gradient.norm());
  const Eigen::Map<const MatrixX<double>> last(gradient.data() + recurrent, 5, 6);
  CHECK((last.topRows(3) - 2 * a.tail(18).reshaped(3, 6)).norm() < 1e-12);
  CHECK((last.bottomRows(2) - 0.25 * b.tail(12).reshaped(2, 6)).norm() < 1e-12);
}

TEST_CASE("several targets: a single loss of several has the bits of the loss") {
  const Tasks tasks;
  const auto one = several_targets<double>({{"speed", tasks.steps()}});
  Stack<double> a(3, {Recurrent<Gru>{.units = 5}, Dense{.units = 2}});
  a.initialise(2);
  Stack<double> b = a;
  Adam<double> adam_a({.learning_rate = 0.01}), adam_b({.learning_rate = 0.01});
  const auto plain = fit(a, Squared(), adam_a, tasks.steps(), quiet);
  const auto named = fit(b, Losses{NamedLoss{"speed", Squared(), 2}}, adam_b, one, quiet);
  CHECK(same_bits(a.parameters().values(), b.parameters().values()));
  for (std::size_t k = 0; k < 3; ++k) CHECK(plain.history[k].loss == named.history[k].loss);
}

TEST_CASE("several targets: fit reports each loss, evaluation equals the losses of all outputs") {
  const Tasks tasks;
  auto model = made();
  Adam<double> adam({.learning_rate = 0.02});
  auto options = quiet;
  const auto data = tasks.both();
  options.epochs = 12;
  options.validation = &data;
  const auto result = fit(model, losses(), adam, data, options);
  const auto &first = result.history.front(), &last = result.history.back();
  REQUIRE(last.losses.size() == 2);
  CHECK(result.loss_names == LossNames{"class", "speed"});
  for (std::size_t k = 0; k < 2; ++k) CHECK(last.losses[k].loss < first.losses[k].loss);
  CHECK(last.loss == Approx(2 * last.losses[0].loss + 0.25 * last.losses[1].loss).epsilon(1e-12));
  CHECK(last.validation_loss ==
        Approx(2 * last.losses[0].validation_loss + 0.25 * last.losses[1].validation_loss).epsilon(1e-12));
  CHECK(to_csv(result.history, result.loss_names)
            .find(",seconds,loss of class,validation_loss of class,loss of speed,") != std::string::npos);
  CHECK(to_json({last}, result.loss_names).find("\"losses\": {\"class\": [") != std::string::npos);
  CHECK(detail::epoch_text(last, 12, result.loss_names).find("  class ") != std::string::npos);
  CHECK(to_json({Epoch{.losses = {{0.5}}}}, {"a\"b\\"}).find("{\"a\\\"b\\\\\": [0.5, null]}") != std::string::npos);
  CHECK_THROWS_MATCHES(to_csv({last}), ShapeError, says("names of losses must have as many entries as losses"));

  const auto outputs = predict(model, data);
  double squares = 0, logs = 0, numbers = 0, labelled = 0;
  for (std::size_t s = 0; s < 22; ++s) {
    const MatrixX<double>&y = outputs[s], &v = tasks.speeds[s];
    for (Index t = 0; t < y.cols(); ++t)
      for (Index r = 0; r < 2; ++r)
        if (!std::isnan(v(r, t))) squares += (y(3 + r, t) - v(r, t)) * (y(3 + r, t) - v(r, t)), ++numbers;
    if (y.cols() == 0 || tasks.labels[s] < 0) continue;
    const auto scores = y.col(y.cols() - 1).head(3);
    logs += std::log(scores.array().exp().sum()) - scores[tasks.labels[s]], ++labelled;
  }
  const LossValue loss = evaluate(model, data, losses(), {.batch_size = 5}).loss;
  CHECK(loss.terms[0].value() == Approx(logs / labelled));
  CHECK(loss.terms[1].value() == Approx(squares / numbers));
  CHECK(loss.value() == Approx(2 * logs / labelled + 0.25 * squares / numbers));
  CHECK(loss.value() == last.validation_loss);
}

TEST_CASE("several targets: runs have the same bits for any threads and resumed from a file") {
  const Tasks tasks;
  const auto data = tasks.both();
  auto model = made();
  Adam<double> adam({.learning_rate = 0.02});
  const auto result = fit(model, losses(), adam, data, quiet);

  auto parallel = made();
  Adam<double> adam_3({.learning_rate = 0.02});
  auto options = quiet;
  options.threads = Threads(3);
  fit(parallel, losses(), adam_3, data, options);
  CHECK(same_bits(parallel.parameters().values(), model.parameters().values()));

  const support::TemporaryFolder folder;
  const auto path = folder.path / "state.safetensors";
  const Index stop = GENERATE(2, 5, 7);
  auto stopped = made();
  Adam<double> adam_2({.learning_rate = 0.02});
  TrainingState<double> state, read;
  options = quiet;
  Index batches = 0;
  options.on_batch = [&](const BatchEnd&) { return ++batches < stop; };
  fit(stopped, losses(), adam_2, data, options, state);
  write_checkpoint(path, state, adam_2);
  read_checkpoint(path, read, adam_2);
  TrainingState<double> other = read;
  auto renamed = several_targets<double>({{"class", tasks.classes()}, {"pace", tasks.steps()}});
  CHECK_THROWS_MATCHES(fit(stopped, Losses{NamedLoss{"class", Softmax(), 3}, NamedLoss{"pace", Squared(), 2}}, adam_2,
                           renamed, quiet, other),
                       ValueError, says("fit: the losses must be class speed, as in the state, got class pace"));
  const auto resumed = fit(stopped, losses(), adam_2, data, quiet, read);
  CHECK(same_bits(stopped.parameters().values(), model.parameters().values()));
  REQUIRE(resumed.history.size() == 3);
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(resumed.history[k].loss == result.history[k].loss);
    for (std::size_t l = 0; l < 2; ++l) {
      CHECK(resumed.history[k].losses[l].loss == result.history[k].losses[l].loss);
    }
  }

  SafeTensors file = read_safetensors(path);
  file.tensors["training.losses.partial"] = Tensor::of(VectorX<double>::Ones(4).eval());
  write_safetensors(path, file);
  CHECK_THROWS_MATCHES(read_checkpoint(path, other, adam_2), Error, says("must have 6 numbers, got 4"));
  file.tensors["training.losses.partial"] = Tensor::of(VectorX<double>().eval());
  file.tensors["training.losses.history"] = Tensor::of(VectorX<double>::Ones(1).eval());
  write_safetensors(path, file);
  CHECK_THROWS_MATCHES(read_checkpoint(path, other, adam_2), Error, says("numbers for each epoch, got 1"));
  for (const char* part : {"training.losses.partial", "training.losses.history"}) file.tensors.erase(part);
  file.metadata.erase("training.losses.names");
  write_safetensors(path, file);
  read_checkpoint(path, other, adam_2);  // as an older version wrote it
  CHECK(other.loss_names.empty());
}

TEST_CASE("several targets: a training step allocates nothing after the first batch") {
  const auto data = Tasks().both();
  auto model = made();
  Adam<double> adam;
  const auto loss = losses();
  TrainingStep step(model, loss, adam);
  ShardedBatch<double> batch;
  batch.gather(data, all_samples(22));
  for (int k = 0; k < 2; ++k) step.step(batch);
  const support::AllocationCount allocations;
  step.step(batch);
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("several targets: data sets that do not belong together are refused") {
  const Tasks tasks(5);
  using Data = Dataset<double>;
  const auto refused = [&](const char* name, const Data& other, const char* message) {
    CHECK_THROWS_MATCHES(several_targets<double>({{"class", tasks.classes()}, {name, other}}), Error, says(message));
  };
  refused("class", tasks.steps(), "names must differ, got 'class' twice");
  refused("", tasks.steps(), "a name must have 1 to 64 bytes");
  refused("b", Data::unlabelled(tasks.x),
          "'b': the target must be labels or real values, per sequence or per step, got "
          "none");
  refused("b", Data::transcribed(tasks.x, std::vector<Labels>(5)), "got a label sequence");
  refused("b", several_targets<double>({{"a", tasks.steps()}}), "got several per step");
  refused("b", Tasks(4).steps(), "'b' must have as many sequences as 'class', 5, got 4");
  Tasks other(5);
  other.x[2](1, 0) += 1;
  refused("b", other.steps(), "'b': sequence 2 must be that of 'class'");
  auto weighted = tasks.steps();
  weighted.set_weights({1, 1, 2, 1, 1});
  refused("b", weighted, "'b': weights must be those of 'class'");
  auto named = tasks.steps();
  named.set_inputs({{"x", 3}});
  refused("b", named, "'b': inputs must be none, as of 'class', got x [3 rows]");
  CHECK_THROWS_MATCHES(several_targets<double>({}), ValueError, says("at least 1, got 0"));
  auto both = tasks.steps();
  both.set_weights({1, 2, 2, 1, 1});
  CHECK_THROWS_MATCHES(several_targets<double>({{"a", weighted}, {"b", both}}), ValueError,
                       says("weight of sequence 1 must be 1, as of 'a', got 2"));
  std::vector<MatrixX<double>> shorter = tasks.speeds;
  shorter[3].conservativeResize(2, 1);
  CHECK_THROWS_MATCHES(several_targets<double>({{"a", tasks.steps()}, {"b", Data::step_valued(tasks.x, shorter)}}),
                       ShapeError, says("'b': steps of the target of sample 3 must be 4, got 1"));
  auto appended = tasks.both();
  CHECK_THROWS_MATCHES(appended.append(tasks.steps()), ShapeError, says("targets must be several per step"));
}

TEST_CASE("several targets: losses, data and models that do not match are refused") {
  const Tasks tasks(6);
  auto model = made();
  Adam<double> adam;
  const auto refused = [&](const auto& loss, const Dataset<double>& data, const char* message) {
    CHECK_THROWS_MATCHES(fit(model, loss, adam, data, quiet), Error, says(message));
    CHECK_THROWS_AS(evaluate(model, data, loss), Error);
  };
  refused(losses(), tasks.steps(), "the targets of the data set must be class, speed, those of the losses, got none");
  refused(Squared(), tasks.both(), "targets for this loss must be real-valued, got several targets (use Losses)");
  refused(losses(), several_targets<double>({{"speed", tasks.steps()}, {"class", tasks.classes()}}),
          "must be class, speed, those of the losses, got speed, class");
  refused(losses(), several_targets<double>({{"class", tasks.steps()}, {"speed", tasks.steps()}}),
          "the target 'class' of the data set must be labels, as its loss takes, got real values per step");
  refused(losses(),
          several_targets<double>(
              {{"class", Dataset<double>::labelled(tasks.x, tasks.labels, 4)}, {"speed", tasks.steps()}}),
          "the target 'class' of the data set must have at most 3 classes, the outputs of its loss, got 4");
  refused(Losses{NamedLoss{"class", Softmax(), 3}, NamedLoss{"speed", Squared(), 1}}, tasks.both(),
          "the target 'speed' of the data set must have 1 numbers, the outputs of its loss, got 2");
  refused(Losses{NamedLoss{"class", Softmax(), 4}, NamedLoss{"speed", Squared(), 2}}, tasks.both(),
          "outputs of the model must be 6, got 5");
  CHECK_THROWS_MATCHES((Losses{NamedLoss{"a", Softmax(), 3}, NamedLoss{"a", Squared(), 1}}), ValueError,
                       says("names must differ"));
  CHECK_THROWS_MATCHES((Losses{NamedLoss{"a", Softmax(), 3, -1.0}}), ValueError,
                       says("losses: weight of 'a' must be finite and at least 0, got -1"));
  CHECK_THROWS_MATCHES((Losses{NamedLoss{"a", Softmax(), 0}}), ValueError, says("rows of 'a' must be 1 to"));

  const auto loss = losses();
  const MatrixX<double> output = MatrixX<double>::Zero(5, 2);
  MatrixX<double> target(3, 2);
  target << 1.5, 0, 0, 0, 0, 0;
  CHECK_THROWS_MATCHES(loss(output, target), ValueError,
                       says("loss 'class': the target of column 0 must be a class number, or NaN for none, got 1.5"));
  target(0, 0) = 3;
  CHECK_THROWS_MATCHES(loss(output, target), Error, says("loss 'class': "));
  CHECK_THROWS_MATCHES(loss(output, target.topRows(2)), ShapeError, says("rows of the targets must be 3, got 2"));
  target(0, 0) = 2;
  CHECK_THROWS_MATCHES(loss(output, target, {}, LossCount{}), ShapeError,
                       says("parts of the given count must be 2, got 0"));
  Stack<double> last(3, {Recurrent<Gru>{.units = 5, .returns = Returns::last}, Dense{.units = 5}});
  CHECK_THROWS_MATCHES(fit(last, losses(), adam, tasks.both(), quiet), ShapeError,
                       says("the model must give an output for every step"));
}

}  // namespace test_several_targets
