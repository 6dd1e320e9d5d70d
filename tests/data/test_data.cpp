#include <limits>
#include <unroll/data/batch.hpp>
#include <unroll/data/batches.hpp>
#include <unroll/data/pairs.hpp>
#include <unroll/data/split.hpp>
#include <unroll/data/standardizer.hpp>

#include "support/catch.hpp"

namespace test_data {

using namespace unroll;

namespace {

const double missing = std::numeric_limits<double>::quiet_NaN();

std::vector<MatrixX<double>> sequences(std::initializer_list<Index> lengths, Index features = 2) {
  std::vector<MatrixX<double>> all;
  for (const Index length : lengths) all.push_back(MatrixX<double>::Constant(features, length, double(all.size())));
  return all;
}

std::vector<std::vector<Index>> planned(const std::vector<Index>& lengths, const BatchOptions& options,
                                        std::uint64_t seed = 1, Index epoch = 0) {
  Batches batches;
  batches.plan(
      all_samples(Index(lengths.size())), [&](Index s) { return lengths[std::size_t(s)]; }, options, seed, epoch);
  std::vector<std::vector<Index>> lists;
  for (Index k = 0; k < batches.count(); ++k) lists.emplace_back(batches.batch(k).begin(), batches.batch(k).end());
  return lists;
}

std::vector<Index> sorted_union(const std::vector<std::vector<Index>>& lists) {
  std::vector<Index> all;
  for (const auto& list : lists) all.insert(all.end(), list.begin(), list.end());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

TEST_CASE("data set: refuses inconsistent sequences, labels and weights with sample and step") {
  using D = Dataset<double>;
  CHECK_THROWS_MATCHES(D::unlabelled({}), ValueError, says("number of sequences must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(D::labelled(sequences({3, 2}), {0}), ShapeError,
                       says("labels must have as many entries as sequences, 2, got 1"));
  CHECK_THROWS_MATCHES(D::labelled(sequences({3, 2}), {0, 5}, 3), ValueError,
                       says("label of sample 1 must be below 3, the number of classes, got 5"));
  CHECK_THROWS_MATCHES(D::step_labelled(sequences({3, 2}), {Labels::Zero(3)}), ShapeError,
                       says("labels must have as many entries as sequences, 2, got 1"));
  CHECK_THROWS_MATCHES(D::valued(sequences({3, 2}), MatrixX<double>::Zero(1, 3)), ShapeError,
                       says("targets must have as many entries as sequences, 2, got 3"));
  CHECK_THROWS_MATCHES(D::step_valued(sequences({3, 2}), {MatrixX<double>::Zero(1, 3), MatrixX<double>::Zero(2, 2)}),
                       ShapeError, says("numbers per target of sample 1 must be 1, as in sample 0, got 2"));
  auto bad = sequences({3, 2});
  bad[1](1, 0) = missing;
  CHECK_THROWS_MATCHES(D::unlabelled(bad), ValueError, says("sample 1, step 0, feature 1 must be finite, got nan"));
  bad[1] = MatrixX<double>::Zero(3, 2);
  CHECK_THROWS_MATCHES(D::unlabelled(bad), ShapeError, says("features of sample 1 must be 2, as in sample 0, got 3"));
  CHECK_THROWS_MATCHES(D::unlabelled({MatrixX<double>(0, 3)}), ShapeError,
                       says("features of sample 0 must be at least 1, got 0"));
  auto data = D::labelled(sequences({3, 2}), {0, 1});
  CHECK_THROWS_MATCHES(data.set_weights({1}), ShapeError,
                       says("weights must have as many entries as sequences, 2, got 1"));
  CHECK_THROWS_MATCHES(data.set_weights({1, -1}), ValueError,
                       says("weight of sample 1 must be finite and at least 0, got -1"));
}

TEST_CASE("batch: targets have a separate timeline when a model changes the number of steps") {
  using D = Dataset<double>;
  const auto values = [](std::vector<std::vector<double>> all) {
    std::vector<MatrixX<double>> targets;
    for (const auto& each : all)
      targets.push_back(Eigen::Map<const MatrixX<double>>(each.data(), 1, Index(each.size())));
    return targets;
  };
  const D data = D::step_valued(sequences({2, 4, 2, 5}), values({{1}, {2, 3}, {4}, {5, 6, 7}}));
  CHECK(data.target_steps(3) == 3);
  Batch<double> batch;
  batch.gather(data, all_samples(4));
  CHECK(batch.timeline().columns() == 13);
  REQUIRE(batch.target_columns() == 7);
  const MatrixX<double> got = batch.values(0, 7);
  CHECK(std::vector<double>(got.data(), got.data() + 7) == std::vector<double>{5, 2, 1, 4, 6, 3, 7});  // step by step
  CHECK_THROWS_MATCHES(batch.values(5, 3), ShapeError,
                       says("target columns must be within [0, 7), got 3 from column 5"));
  CHECK_THROWS_AS(batch.labels(-1, 1), ShapeError);
  CHECK_THROWS_AS(batch.columns(1, 7), ShapeError);
  // Two sequences of equal length with different numbers of targets, and a shorter one with more targets.
  const D odd = D::step_valued(sequences({2, 2}), values({{1}, {2, 3}}));
  CHECK_THROWS_MATCHES(batch.gather(odd, all_samples(2)), ShapeError,
                       says("got 1 for sample 0 (2 steps) and 2 for sample 1 (2 steps)"));
  const D more = D::step_valued(sequences({2, 3}), values({{1, 2}, {3}}));
  CHECK_THROWS_AS(batch.gather(more, all_samples(2)), ShapeError);
}

TEST_CASE("data set: accepts missing labels, NaN targets and empty sequences") {
  const auto labelled = Dataset<double>::labelled(sequences({3, 0, 2}), {2, -1, 0});
  CHECK(labelled.classes() == 3);
  CHECK(labelled.length(1) == 0);
  CHECK(Dataset<double>::valued(sequences({3}), MatrixX<double>::Constant(2, 1, missing)).target_rows() == 2);
  CHECK(Dataset<double>::labelled(sequences({1}), {0}, 4).classes() == 4);
}

TEST_CASE("data set: a subset keeps targets, weights and the number of classes") {
  auto data = Dataset<double>::labelled(sequences({3, 1, 2}), {0, 2, 1});
  data.set_weights({1, 2, 3});
  const auto part = data.subset(std::vector<Index>{2, 0});
  REQUIRE(part.size() == 2);
  CHECK(part.length(0) == 2);
  CHECK(part.sequence(0)(0, 0) == 2);
  CHECK(part.labels(0)[0] == 1);
  CHECK(part.weight(0) == 3);
  CHECK(part.classes() == 3);
  CHECK_THROWS_MATCHES(data.subset(std::vector<Index>{3}), ValueError, says("sample must be 0 to 2, got 3"));
}

TEST_CASE("data set: a transformation is checked, and changes no inputs when it fails") {
  auto data = Dataset<double>::labelled(sequences({3, 1}), {0, 1});
  const MatrixX<double> first = data.sequence(0);
  CHECK_THROWS_MATCHES(data.transform([](MatrixX<double>& x) { x(0, 0) = missing; }), ValueError,
                       says("sample 0, step 0, feature 0 must be finite, got nan"));
  CHECK(data.sequence(0) == first);
  CHECK_THROWS_MATCHES(data.transform([](MatrixX<double>& x) {
    x.setConstant(7);
    if (x.cols() == 1) x.conservativeResize(x.rows(), 2);
  }),
                       ShapeError, says("data set: transformed sample 1 must be [2 x 1], got [2 x 2]"));
  CHECK(data.sequence(0) == first);
  CHECK_THROWS_AS(data.transform([](MatrixX<double>& x) {
    if (x.cols() == 1) throw std::runtime_error("of the caller");
    x.setConstant(7);
  }),
                  std::runtime_error);
  CHECK(data.sequence(0) == first);
  data.transform([](MatrixX<double>& x) { x.setConstant(7); });
  CHECK(data.sequence(0) == MatrixX<double>::Constant(2, 3, 7));
}

TEST_CASE("stratified split: takes the share of every class and depends only on the seed") {
  std::vector<Index> labels;
  for (Index s = 0; s < 100; ++s) labels.push_back(s < 80 ? 0 : s < 90 ? 1 : -1);
  const auto data = Dataset<double>::labelled(std::vector<MatrixX<double>>(100, MatrixX<double>::Zero(1, 1)), labels);
  const auto split = stratified_split(data, 0.3, 4);
  std::array<Index, 3> held{};
  for (const Index s : split.held_out) ++held[std::size_t(data.labels(s)[0] + 1)];
  CHECK(held == std::array<Index, 3>{3, 24, 3});
  CHECK(sorted_union({split.kept, split.held_out}) == all_samples(100));
  CHECK(stratified_split(data, 0.3, 4).held_out == split.held_out);
  CHECK(stratified_split(data, 0.3, 5).held_out != split.held_out);
  CHECK_THROWS_MATCHES(stratified_split(data, 0.001, 1), ValueError, says("each part must have at least 1 sequence"));
  CHECK_THROWS_MATCHES(stratified_split(data, 1, 1), ValueError, says("split: fraction must be in (0, 1), got 1"));
}

TEST_CASE("stratified split: shares of classes are rounded, and lists are in increasing order") {
  std::vector<Index> labels(9, 0);  // 0.3 of 9, 5 and 4: 2.7, 1.5 and 1.2
  labels.insert(labels.end(), 5, 1);
  labels.insert(labels.end(), 4, -1);
  const auto data = Dataset<double>::labelled(std::vector<MatrixX<double>>(18, MatrixX<double>::Zero(1, 1)), labels);
  const auto split = stratified_split(data, 0.3, 2);
  std::array<Index, 3> held{};
  for (const Index s : split.held_out) ++held[std::size_t(data.labels(s)[0] + 1)];
  CHECK(held == std::array<Index, 3>{1, 3, 2});
  CHECK(std::is_sorted(split.held_out.begin(), split.held_out.end()));
  CHECK(std::is_sorted(split.kept.begin(), split.kept.end()));
}

TEST_CASE("stratified split: samples of different classes are drawn independently") {
  std::vector<Index> labels;
  for (Index s = 0; s < 80; ++s) labels.push_back(s / 40);
  const auto data = Dataset<double>::labelled(std::vector<MatrixX<double>>(80, MatrixX<double>::Zero(1, 1)), labels);
  std::array<std::vector<Index>, 2> held;
  for (const Index s : stratified_split(data, 0.5, 1).held_out) held[std::size_t(s / 40)].push_back(s % 40);
  CHECK(held[0] != held[1]);
}

TEST_CASE("balanced class weights: equal n / (classes * n_k)") {
  const auto data = Dataset<double>::labelled(sequences({1, 1, 1, 1, 1}), {0, 0, 0, 1, -1}, 3);
  const auto weights = balanced_class_weights(data);
  CHECK(weights[0] == 4. / (3 * 3));
  CHECK(weights[1] == 4. / 3);
  CHECK(weights[2] == 0);
}

TEST_CASE("standardizer: uses only training data, and centres constant features") {
  auto inputs = sequences({2, 3});
  inputs[0] << 1, 3, 1e8, 1e8;
  inputs[1] << 5, 7, 9, 1e8, 1e8, 1e8;
  auto training = Dataset<double>::unlabelled(inputs);
  const Standardizer<double> standardizer(training);
  CHECK(standardizer.mean()[0] == 5);
  CHECK(standardizer.deviation()[0] == Approx(std::sqrt(8.0)));
  CHECK(standardizer.deviation()[1] == 1);
  standardizer.apply(training);
  CHECK(training.sequence(0)(0, 0) == Approx(-4 / std::sqrt(8.0)));
  CHECK(training.sequence(1)(1, 2) == 0);
  auto test = Dataset<double>::unlabelled(sequences({1}));
  standardizer.apply(test);
  CHECK(test.sequence(0)(1, 0) == -1e8);
  auto other = Dataset<double>::unlabelled(sequences({1}, 3));
  CHECK_THROWS_MATCHES(standardizer.apply(other), ShapeError, says("features must be 2, got 3"));
  CHECK_THROWS_MATCHES(Standardizer<double>(Dataset<double>::unlabelled(sequences({0}))), ValueError,
                       says("steps of all sequences must be at least 1, got 0"));
}

TEST_CASE("standardizer: detects a constant feature when its mean is not exact") {
  const auto data =
      Dataset<double>::unlabelled({MatrixX<double>::Constant(1, 2, 0.1), MatrixX<double>::Constant(1, 1, 0.1)});
  const Standardizer<double> standardizer(data);
  REQUIRE(standardizer.mean()[0] != 0.1);
  CHECK(standardizer.deviation()[0] == 1);
}

TEST_CASE("batches by count: contain every sample once, in an order of the seed and the epoch") {
  const std::vector<Index> lengths(10, 4);
  const auto first = planned(lengths, {.size = 4});
  REQUIRE(first.size() == 3);
  CHECK(first[2].size() == 2);
  CHECK(sorted_union(first) == all_samples(10));
  CHECK(planned(lengths, {.size = 4}) == first);
  CHECK(planned(lengths, {.size = 4}, 1, 1) != first);
  CHECK(planned(lengths, {.size = 4}, 2) != first);
  CHECK(planned(lengths, {.size = 4, .shuffle = false})[1] == std::vector<Index>{4, 5, 6, 7});
}

TEST_CASE("batches by tokens: contain at most the allowed number of tokens") {
  std::vector<Index> lengths;
  for (Index s = 0; s < 50; ++s) lengths.push_back(1 + 7 * s % 20);
  const auto batches = planned(lengths, {.size = 0, .tokens = 30});
  CHECK(sorted_union(batches) == all_samples(50));
  for (const auto& batch : batches) {
    Index tokens = 0;
    for (const Index s : batch) tokens += lengths[std::size_t(s)];
    CHECK(tokens <= 30);
  }
  CHECK_THROWS_MATCHES(planned(lengths, {.size = 0, .tokens = 19}), ValueError,
                       says("sample 17 must have at most 19 steps, the limit `tokens`, got 20"));
}

TEST_CASE("batches by tokens: a batch may contain exactly the allowed number of tokens") {
  using Lists = std::vector<std::vector<Index>>;
  const BatchOptions options{.size = 0, .tokens = 10, .shuffle = false};
  CHECK(planned({5, 5, 5, 5, 10, 4, 6, 1}, options) == Lists{{0, 1}, {2, 3}, {4}, {5, 6}, {7}});
}

TEST_CASE("batches by length: pools of the shuffled order are sorted and cut into shuffled batches") {
  std::vector<Index> lengths;
  for (Index s = 0; s < 40; ++s) lengths.push_back(1 + 7 * s % 40);  // all different
  const auto order = planned(lengths, {.size = 40})[0];
  const auto batches = planned(lengths, {.size = 4, .by_length = true, .pool = 20});
  std::vector<std::vector<Index>> expected;
  for (std::size_t first = 0; first < 40; first += 20) {
    std::vector<Index> pool(order.begin() + Index(first), order.begin() + Index(first) + 20);
    std::sort(pool.begin(), pool.end(),
              [&](Index a, Index b) { return lengths[std::size_t(a)] > lengths[std::size_t(b)]; });
    for (std::size_t k = 0; k < 20; k += 4) expected.emplace_back(pool.begin() + Index(k), pool.begin() + Index(k) + 4);
  }
  // Batches are shuffled independently of samples.
  const auto place = permutation(10, Random(1, Purpose::shuffle, 1, 0));
  for (std::size_t k = 0; k < 10; ++k) CHECK(batches[k] == expected[std::size_t(place[Index(k)])]);
  CHECK(batches != expected);
}

TEST_CASE("batches by length: lengths within a batch are similar, and epochs differ") {
  std::vector<Index> lengths;
  for (Index s = 0; s < 200; ++s) lengths.push_back(1 + 37 * s % 100);
  const BatchOptions options{.size = 10, .by_length = true, .pool = 100};
  const auto batches = planned(lengths, options);
  CHECK(sorted_union(batches) == all_samples(200));
  CHECK(planned(lengths, options, 1, 1) != batches);
  double spread = 0;
  for (const auto& batch : batches) {
    const auto shorter = [&](Index a, Index b) { return lengths[std::size_t(a)] < lengths[std::size_t(b)]; };
    const auto [least, most] = std::minmax_element(batch.begin(), batch.end(), shorter);
    spread += double(lengths[std::size_t(*most)] - lengths[std::size_t(*least)]) / double(batches.size());
  }
  CHECK(spread < 15);
  const auto whole = planned({3, 1, 2}, {.size = 2, .shuffle = false, .by_length = true});
  CHECK(whole == std::vector<std::vector<Index>>{{0, 2}, {1}});
  // Without shuffling there is one pool, whatever the option `pool`.
  CHECK(planned({1, 3, 2, 4}, {.size = 2, .shuffle = false, .by_length = true, .pool = 1}) ==
        std::vector<std::vector<Index>>{{3, 1}, {2, 0}});
}

TEST_CASE("batches by length: the order of batches differs between epochs") {
  const std::vector<Index> lengths(12, 3);
  const auto expected = [&](Index epoch) {
    const auto order = permutation(12, Random(1, Purpose::shuffle, 0, std::uint64_t(epoch))),
               place = permutation(6, Random(1, Purpose::shuffle, 1, std::uint64_t(epoch)));
    std::vector<std::vector<Index>> lists;
    for (Index k = 0; k < 6; ++k) lists.push_back({order[2 * place[k]], order[2 * place[k] + 1]});
    return lists;
  };
  for (const Index epoch : {0, 1, 5})
    CHECK(planned(lengths, {.size = 2, .by_length = true}, 1, epoch) == expected(epoch));
}

TEST_CASE("batches: refuses options without a limit") {
  CHECK_THROWS_MATCHES(planned({1}, {.size = 0}), ValueError, says("size or tokens must be above 0"));
  CHECK_THROWS_MATCHES(planned({1}, {.size = -1}), ValueError,
                       says("size must be at least 0 samples (0: no limit), got -1"));
  CHECK(planned({}, {}).empty());
}

TEST_CASE("batch: inputs, targets and weights are in the columns of its timeline") {
  const auto numbered = [](Index rows, Index sample, Index steps) {
    return MatrixX<double>::NullaryExpr(rows, steps,
                                        [=](Index r, Index t) { return double(100 * sample + 10 * t + r); });
  };
  std::vector<MatrixX<double>> x, y;
  const std::vector<Index> lengths{2, 0, 5, 3};
  for (Index s = 0; s < 4; ++s) {
    x.push_back(numbered(2, s, lengths[std::size_t(s)]));
    y.push_back(-numbered(3, s, lengths[std::size_t(s)]));
  }
  auto data = Dataset<double>::step_valued(x, y);
  data.set_weights({0.5, 1.5, 2.5, 3.5});
  Batch<double> batch;
  const std::vector<Index> first{0, 1, 2, 3}, samples{3, 1, 2};
  for (const auto& some : {first, samples}) {  // reuses the memory of the first batch
    batch.gather(data, some);
    const Timeline& timeline = batch.timeline();
    const Index count = batch.target_columns();
    REQUIRE(count == timeline.columns());
    const auto columns = batch.columns(0, count);
    for (Index c = 0; c < count; ++c) {
      const Index sample = some[std::size_t(timeline.sample_of(c))], step = timeline.step_of(c);
      CHECK(batch.x().col(c) == x[std::size_t(sample)].col(step));
      CHECK(batch.values(0, count).col(c) == y[std::size_t(sample)].col(step));
      CHECK(columns.weights[c] == 0.5 + double(sample));
      CHECK(columns.sequence[c] == timeline.rank_of(c));
    }
  }
  CHECK(batch.values(2, 3).col(0) == batch.values(0, 5).col(2));
  CHECK(batch.columns(2, 3).weights[0] == batch.columns(0, 5).weights[2]);
  batch.gather(Dataset<double>::valued(x, numbered(3, 1, 4)), samples);
  REQUIRE(batch.target_columns() == 3);
  for (Index r = 0; r < 3; ++r)
    CHECK(batch.values(0, 3)(0, r) == double(100 + 10 * samples[std::size_t(batch.timeline().sample(r))]));
  CHECK(batch.columns(0, 3).weights.size() == 0);
}

TEST_CASE("batch: keeps nothing of the previous batch") {
  using D = Dataset<double>;
  const auto labels = [](std::vector<Index> all) {
    return Labels(Eigen::Map<const Labels>(all.data(), Index(all.size())));
  };
  D weighted = D::labelled(sequences({2, 2, 1}), {0, 1, 1});
  weighted.set_weights({1, 2, 3});
  Batch<double> batch;
  batch.gather(weighted, all_samples(3));
  CHECK(batch.columns(0, 3).weights.size() == 3);
  batch.gather(D::labelled(sequences({2, 2, 1}), {0, 1, 1}), all_samples(3));
  CHECK(batch.columns(0, 3).weights.size() == 0);
  // Fewer targets than steps, then label sequences, whose lengths are independent of the steps.
  batch.gather(D::step_labelled(sequences({4, 4, 2}), {labels({1, 0}), labels({0, 1}), labels({1})}), all_samples(3));
  CHECK(batch.target_columns() == 5);
  D written = D::transcribed(sequences({2, 2, 3}), {labels({1}), labels({1, 2, 1}), labels({2, 1})});
  written.set_weights({1, 2, 3});
  for (int repeat = 0; repeat < 2; ++repeat) {
    batch.gather(written, all_samples(3));
    REQUIRE(batch.label_sequences().size() == 3);
    CHECK(batch.label_sequences()[1].size() == 3);
    CHECK(batch.columns(0, 3).weights == VectorX<double>{{1, 2, 3}});  // by sample, as label sequences are
    CHECK(batch.columns(0, 3).sequence == Labels{{1, 2, 0}});          // ranks: the third sequence is the longest
  }
}

TEST_CASE("sharded batch: parts receive long and short sequences in turn and keep their places") {
  const auto data = Dataset<double>::labelled(sequences({2, 5, 2, 3, 2, 2, 5, 2, 1}), {0, 1, 2, 3, 4, 5, 6, 7, 8});
  const auto dealt = [&](Index count, Index shard) {
    ShardedBatch<double> batch;
    std::vector<Index> samples;
    for (Index k = 0; k < count; ++k) samples.push_back((k + 1) % count);  // sample 1 is at place 0
    batch.gather(data, samples, shard);
    std::vector<std::vector<Index>> places;
    for (const auto& part : batch.shards()) {
      places.emplace_back();
      for (Index b = 0; b < part.timeline().batch(); ++b) {
        const Index place = part.timeline().place(b);
        places.back().push_back(place);
        CHECK(part.labels(part.timeline().rank(b), 1)[0] == samples[std::size_t(place)]);
      }
    }
    return places;
  };
  using Places = std::vector<std::vector<Index>>;
  CHECK(dealt(9, 3) == Places{{0, 1, 6}, {5, 3, 8}, {2, 4, 7}});
  CHECK(dealt(8, 0).size() == 2);
  CHECK(dealt(7, 0).size() == 1);
}

TEST_CASE("sequence pairs: a batch has previous tokens, labels with end tokens, and places") {
  const SequencePairs<double> pairs(sequences({1, 3, 2}), {{4}, {5, 6}, {7, 8, 9}}, {.begin = 1, .end = 0});
  CHECK(pairs.target_steps(1) == 3);  // the end mark may be token 0
  PairBatch<double> batch;
  const std::vector<Index> samples{2, 0, 1}, places{7, 3, 5};
  batch.gather(pairs, samples, places);
  CHECK(std::vector<Index>(batch.tokens().begin(), batch.tokens().end()) ==
        std::vector<Index>{1, 1, 1, 7, 5, 4, 8, 6, 9});
  CHECK(batch.labels(0, 9) == Labels{{7, 5, 4, 8, 6, 0, 9, 0, 0}});
  CHECK(batch.columns(0, 9).sequence == Labels{{0, 1, 2, 0, 1, 2, 0, 1, 0}});
  for (Index b = 0; b < 3; ++b) {
    CHECK(batch.sources().place(b) == places[std::size_t(b)]);
    CHECK(batch.targets().place(b) == places[std::size_t(b)]);
  }
  CHECK(batch.x()(0, 0) == 1);  // of the longest source
}

TEST_CASE("sequence pairs: refuses non-finite inputs and tokens that are not exact in float") {
  MatrixX<float> bad = MatrixX<float>::Zero(2, 3);
  bad(1, 2) = std::numeric_limits<float>::infinity();
  const MatrixX<float> good = MatrixX<float>::Zero(2, 1);
  CHECK_THROWS_MATCHES(SequencePairs<float>({good, bad}, {{0}, {1}}, {}), ValueError,
                       says("pairs: source 1, step 2, feature 1 must be finite, got inf"));
  CHECK_THROWS_MATCHES(SequencePairs<float>({good, MatrixX<float>::Zero(3, 1)}, {{0}, {1}}, {}), ShapeError,
                       says("features of source 1 must be 2, as in source 0, got 3"));
  const std::vector<Index> tokens{0, 16'777'216, 16'777'217};
  CHECK_THROWS_MATCHES(token_row<float>(tokens), ValueError, says("token must be -16777216 to 16777216, got 16777217"));
  CHECK(token_row<double>(tokens)(0, 2) == 16'777'217);
}

TEST_CASE("data: refuses indices of missing samples, targets, pairs and batches") {
  const auto data = Dataset<double>::labelled(sequences({3, 2}), {0, 1});
  for (const Index sample : {Index(-1), Index(2), std::numeric_limits<Index>::max()}) {
    const auto none = says(text(" must be 0 to 1, got ", sample));
    CHECK_THROWS_MATCHES(data.sequence(sample), ValueError, none);
    CHECK_THROWS_MATCHES(data.length(sample), ValueError, none);
    CHECK_THROWS_MATCHES(data.labels(sample), ValueError, none);
  }
  CHECK(data.labels(1)[0] == 1);
  CHECK_THROWS_MATCHES(data.values(0), ValueError, says("there is no sample with real-valued targets, got number 0"));
  CHECK_THROWS_MATCHES(Dataset<double>::unlabelled(sequences({3})).labels(0), ValueError,
                       says("there is no sample with labels, got number 0"));
  auto weighted = data;
  weighted.set_weights({1, 3});
  CHECK(weighted.weight(1) == 3);
  CHECK_THROWS_AS(weighted.weight(2), ValueError);
  Batch<double> batch;
  CHECK_THROWS_AS(batch.gather(data, std::vector<Index>{0, 2}), ValueError);

  Batches batches;
  CHECK_THROWS_MATCHES(batches.batch(0), ValueError, says("batches: there is no batch, got number 0"));
  batches.plan(
      all_samples(3), [](Index) { return 1; }, {.size = 2, .shuffle = false}, 1, 0);
  CHECK(batches.batch(1).size() == 1);
  CHECK_THROWS_MATCHES(batches.batch(2), ValueError, says("batch must be 0 to 1, got 2"));
  CHECK_THROWS_AS(batches.batch(-1), ValueError);

  const SequencePairs<double> pairs(sequences({3}), {{1, 2}}, {.begin = 0, .end = 3});
  CHECK(pairs.length(0) == 6);
  CHECK_THROWS_MATCHES(pairs.source(1), ValueError, says("pairs: pair must be 0 to 0, got 1"));
  CHECK_THROWS_AS(pairs.target(-1), ValueError);
  CHECK_THROWS_AS(pairs.length(1), ValueError);
}

}  // namespace test_data
