#include "attention_run.hpp"
#include "support/allocations.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/models/sequential.hpp"

namespace test_memory {

using namespace attention_run;

namespace {

using Bahdanau = BahdanauGru<double>;
using Luong = LuongLstm<double, symbols::dot>;

const CellSizes sizes{.inputs = {2}, .units = 3, .sizes = {{"attention", 4}, {"readout", 5}}, .memory = 6};
const CellSizes luong_sizes{.inputs = {2}, .units = 3, .memory = 3};

template <class C>
struct Forward {
  explicit Forward(const CellSizes& given) : cell(given), theta(noise(cell.parameters().size(), 1)) {}

  MatrixX<double> run(const MatrixX<double>& x, const Timeline& timeline, const AttentionMemory<double>& memory,
                      Keeping keeping = {}) {
    const auto in = view(x);
    OverTime<C> run(cell, timeline, Direction::forward, tape, theta.data());
    run.forward({{&in, 1}, {}, &memory}, {}, keeping);
    return run.output();
  }
  MatrixX<double> trace(const Timeline& timeline, std::string_view name) {
    OverTime<C> run(cell, timeline, Direction::forward, tape, theta.data());
    MatrixX<double> values;
    cell.trace(name, tape.weights, run.all_columns(), tape.work, values);
    return values;
  }

  C cell;
  VectorX<double> theta;
  Tape<C> tape;
};

const auto timeline = Timeline::from_lengths({3, 1, 4}), sources = Timeline::from_lengths({2, 4, 0});

}  // namespace

TEST_CASE("attention: weights sum to 1 over valid memory steps, and the context of an empty memory is 0") {
  Forward<Bahdanau> pass(sizes);
  const MatrixX<double> x = noise(2, timeline.columns()), values = noise(6, sources.columns());
  CHECK(pass.run(x, timeline, {view(values), &sources}).allFinite());
  const MatrixX<double> weights = pass.trace(timeline, "ctx.weights"), context = pass.trace(timeline, "ctx");
  REQUIRE(weights.rows() == 4);
  for (Index c = 0; c < timeline.columns(); ++c) {
    const Index sample = timeline.sample_of(c), length = sources.length(sources.rank(sample));
    CHECK(weights.col(c).sum() == Approx(length > 0 ? 1 : 0));
    CHECK(weights.col(c).tail(4 - length).isZero(0));
    VectorX<double> want = VectorX<double>::Zero(6);
    for (Index s = 0; s < length; ++s) want += weights(s, c) * values.col(sources.offset(s) + sources.rank(sample));
    CHECK((context.col(c) - want).norm() < 1e-14);
  }
}

TEST_CASE("attention: causal weights are positive exactly at memory steps up to the current step") {
  Forward<Bahdanau> pass(sizes);
  MatrixX<bool> gaps(2, 5);
  gaps << true, false, true, true, true, true, true, false, false, true;
  const auto same = Timeline::from_mask(gaps);
  const MatrixX<double> x = noise(2, same.columns()), values = noise(6, same.columns());
  pass.run(x, same, {.values = view(values), .timeline = &same, .causal = true});
  const MatrixX<double> weights = pass.trace(same, "ctx.weights");
  for (Index c = 0; c < same.columns(); ++c)
    for (Index s = 0; s < weights.rows(); ++s) {
      const Index rank = same.rank_of(c);
      const bool seen = s < same.length(rank) && same.offset(s) + rank <= c;
      CHECK((weights(s, c) > 0) == seen);
    }
}

TEST_CASE("attention: outputs of a sample have the same bits alone and in a batch") {
  Forward<Bahdanau> pass(sizes);
  const MatrixX<double> x = noise(2, timeline.columns()), values = noise(6, sources.columns());
  const MatrixX<double> together = pass.run(x, timeline, {view(values), &sources});
  for (Index b = 0; b < 3; ++b) {
    const Index rank = timeline.rank(b), steps = timeline.length(rank), source_rank = sources.rank(b);
    const auto alone = Timeline::from_lengths({steps}), source = Timeline::from_lengths({sources.length(source_rank)});
    MatrixX<double> own_x(2, steps), own_values(6, source.columns());
    for (Index t = 0; t < steps; ++t) own_x.col(t) = x.col(timeline.offset(t) + rank);
    for (Index s = 0; s < source.columns(); ++s) own_values.col(s) = values.col(sources.offset(s) + source_rank);
    const MatrixX<double> output = pass.run(own_x, alone, {view(std::as_const(own_values)), &source});
    for (Index t = 0; t < steps; ++t) CHECK(output.col(t) == together.col(timeline.offset(t) + rank));
  }
}

TEST_CASE("attention: values at masked memory steps do not change the output") {
  Forward<Luong> pass(luong_sizes);
  MatrixX<bool> mask(2, 4);
  mask << true, false, true, false, false, true, true, true;
  const auto gaps = Timeline::from_mask(mask), targets = Timeline::from_lengths({3, 2});
  MatrixX<double> padded = noise(3, 8);
  const MatrixX<double> x = noise(2, targets.columns());
  const auto run = [&] {
    const MatrixX<double> packed = gaps.pack(padded);
    return pass.run(x, targets, {view(packed), &gaps});
  };
  const MatrixX<double> want = run();
  for (Index t = 0; t < 4; ++t)
    for (Index b = 0; b < 2; ++b)
      if (!mask(b, t)) padded.col(t * 2 + b).setConstant(std::numeric_limits<double>::quiet_NaN());
  CHECK(run() == want);
}

TEMPLATE_TEST_CASE("attention: results have the same bits with checkpoints and without kept values", "", Bahdanau,
                   Luong) {
  const Setting all{.lengths = {1500, 600, 1, 0}, .memory_lengths = {5, 0, 3, 2}};
  const CellSizes own = std::is_same_v<TestType, Bahdanau> ? sizes : luong_sizes;
  AttentionRun<TestType> whole(own, all), parts(own, all);
  parts.setting.keeping = {Keep::checkpoints, 1};
  CHECK(whole.forward() == parts.forward());
  CHECK(parts.tape.intervals.size() > 1);
  whole.backward(), parts.backward();
  CHECK(whole.gradient == parts.gradient);
  parts.setting.keeping = {Keep::nothing};
  parts.forward();
  CHECK(parts.output == whole.output);
}

TEST_CASE("attention: a second forward and backward pass allocates no memory") {
  AttentionRun<Bahdanau> run(sizes, {.lengths = {4, 2, 3}, .memory_lengths = {2, 3, 0}});
  const auto x = run.part(0), values = run.part(1);
  const auto memory = run.memory(values, nothing<double>());
  auto d_x = run.d_part(0), d_values = run.d_part(1);
  const MatrixX<double> d_output = noise(5, run.timeline.columns());
  const auto once = [&] {
    auto pass = run.over_time();
    pass.forward({{&x, 1}, {}, &memory});
    pass.backward({{&x, 1}, {}, &memory}, view(d_output), {}, run.gradient.data(), {{&d_x, 1}, {}, {d_values}});
  };
  once();
  const support::AllocationCount allocations;
  once();
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("attention: refuses a memory whose sizes differ from those of the cell or the batch") {
  Forward<Bahdanau> pass(sizes);
  const MatrixX<double> x = noise(2, timeline.columns()), values = noise(6, sources.columns());
  const MatrixX<double> rows_missing = noise(5, 6), columns_missing = noise(6, 5);
  const auto run = [&](const AttentionMemory<double>& memory) { pass.run(x, timeline, memory); };
  const auto in = view(x);
  OverTime<Bahdanau> without(pass.cell, timeline, Direction::forward, pass.tape, pass.theta.data());
  CHECK_THROWS_MATCHES(without.forward({{&in, 1}, {}}), ShapeError, says("attend to a memory, but none is given"));
  CHECK_THROWS_MATCHES(run({view(rows_missing), &sources}), ShapeError,
                       says("rows of the memory's values must be 6, got 5"));
  CHECK_THROWS_MATCHES(run({view(columns_missing), &sources}), ShapeError,
                       says("must have as many columns as its timeline, 6, got 5"));
  const auto two = Timeline::from_lengths({3, 3});
  CHECK_THROWS_MATCHES(run({view(values), &two}), ShapeError,
                       says("memory must have as many sequences as samples, 3, got 2"));
  const std::vector<Index> wrong{0, 3, 1}, short_one{0, 1};
  CHECK_THROWS_MATCHES(run({.values = view(values), .timeline = &sources, .source = wrong}), ShapeError,
                       says("sequence of the memory must be 0 to 2, got 3"));
  CHECK_THROWS_MATCHES(run({.values = view(values), .timeline = &sources, .source = short_one}), ShapeError,
                       says("the memory's source must have as many entries as samples, 3, got 2"));
  CHECK_THROWS_MATCHES(run({.values = view(values), .timeline = &sources, .keys = view(rows_missing)}), ShapeError,
                       says("rows of the memory's keys must be 6, got 5"));
}

TEST_CASE("attention: the backward pass refuses a missing memory and a gradient of another size") {
  AttentionRun<Bahdanau> run(sizes, {.lengths = {4, 2}, .memory_lengths = {2, 3}});
  run.forward();
  const auto x = run.part(0), values = run.part(1);
  const auto memory = run.memory(values, nothing<double>());
  auto d_x = run.d_part(0);
  MatrixX<double> narrow(5, values.cols());
  const MatrixX<double> d_output = noise(5, run.timeline.columns());
  const auto back = [&](const AttentionMemory<double>* given, const MemoryGradient<double>& d_memory) {
    run.over_time().backward({{&x, 1}, {}, given}, view(d_output), {}, run.gradient.data(), {{&d_x, 1}, {}, d_memory});
  };
  CHECK_THROWS_MATCHES(back(nullptr, {}), ShapeError, says("the backward pass has no attention memory"));
  CHECK_THROWS_MATCHES(back(&memory, {view(narrow)}), ShapeError,
                       says("gradient of the memory's values must be [6 x 5], got [5 x 5]"));
  CHECK(run.gradient.isZero(0));
  back(&memory, {});
  CHECK(run.gradient.norm() > 0);
}

TEST_CASE("attention: construction refuses inconsistent sizes of queries, keys and memory") {
  CHECK_THROWS_MATCHES(Luong({.inputs = {2}, .units = 4, .memory = 3}), ShapeError,
                       says("query of 'ctx' must have as many rows as the keys, 3, got 4"));
  CHECK_THROWS_MATCHES(Luong({.inputs = {2}, .units = 4}), ShapeError,
                       says("CellSizes::memory must be at least 1 row for attend(...)"));
  CHECK_THROWS_MATCHES(Gru<double>({.inputs = {2}, .units = 4, .memory = 3}), ShapeError,
                       says("CellSizes::memory must be 0 rows without attend(...), got 3"));
  CHECK_THROWS_MATCHES(sequential<double>(2, Recurrent<OneScalar<Luong>::Cell>{.units = 3}), ShapeError,
                       says("CellSizes::memory must be at least 1 row for attend(...)"));
}

TEST_CASE("attention: refuses 0 units by name") {
  CHECK_THROWS_MATCHES(BahdanauGru<double>({.inputs = {3}, .units = 0, .memory = 4}), ShapeError,
                       says("cell: units must be at least 1, got 0"));
}

}  // namespace test_memory
