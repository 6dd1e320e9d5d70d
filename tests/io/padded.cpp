#include <limits>
#include <unroll/cells/gru.hpp>
#include <unroll/io/dataset.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/models/sequential.hpp>

#include "support/catch.hpp"

namespace padded {

using namespace unroll;

namespace {

constexpr Index sequences = 3, steps = 4, features = 2;
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// Values 100 * sequence + 10 * step + feature at steps of the mask, NaN elsewhere.
Tensor numbers(const std::vector<int>& mask, Index size = features) {
  std::vector<float> values;
  for (Index s = 0; s < sequences; ++s)
    for (Index t = 0; t < steps; ++t)
      for (Index f = 0; f < size; ++f)
        values.push_back(mask[std::size_t(s * steps + t)] == 1 ? float(100 * s + 10 * t + f) : nan);
  return Tensor::of(values, {sequences, steps, size});
}

const std::vector<int> gaps{1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0};  // within, everywhere, at both ends
const std::vector<int> ends{1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0};  // lengths 2, 4, 0
const std::vector<int> all(12, 1);

Tensor mask_of(const std::vector<int>& mask) { return Tensor::of(mask, {sequences, steps}); }

void refused(const PaddedArrays& arrays, const char* message) {
  CHECK_THROWS_MATCHES(from_padded<float>(arrays), Error, says(message));
}

}  // namespace

TEST_CASE("from_padded: sequences have the steps of the mask, and padding is never read") {
  const auto data = from_padded({.x = numbers(gaps), .mask = mask_of(gaps)});
  REQUIRE(data.size() == sequences);
  CHECK(data.kind() == TargetKind::none);
  CHECK(data.sequence(0) == (MatrixX<float>(2, 3) << 0, 20, 30, 1, 21, 31).finished());
  CHECK(data.length(1) == 0);
  CHECK(data.sequence(2) == (MatrixX<float>(2, 2) << 210, 220, 211, 221).finished());
}

TEST_CASE("from_padded: a mask may be of any number type") {
  const std::vector<float> floats(gaps.begin(), gaps.end());
  const std::vector<std::uint8_t> bytes(gaps.begin(), gaps.end());
  Tensor truths = Tensor::of(bytes, {sequences, steps});
  truths.dtype = DType::BOOL;
  for (const Tensor& mask : {Tensor::of(floats, {sequences, steps}), Tensor::of(bytes, {sequences, steps}), truths})
    CHECK(from_padded({.x = numbers(gaps), .mask = mask}).length(0) == 3);
}

TEST_CASE("from_padded: lengths end the sequences") {
  const Tensor lengths = Tensor::of(std::vector<int>{2, 4, 0}, {sequences});
  const auto data = from_padded({.x = numbers(ends), .lengths = lengths});
  CHECK(data.sequence(0) == (MatrixX<float>(2, 2) << 0, 10, 1, 11).finished());
  CHECK(data.length(1) == 4);
  CHECK(data.length(2) == 0);
  CHECK(from_padded<double>({.x = numbers(all)}).sequence(2).col(3) == (VectorX<double>(2) << 230, 231).finished());
}

TEST_CASE("from_padded: targets and labels belong to the valid steps") {
  const auto valued = from_padded({.x = numbers(gaps), .mask = mask_of(gaps), .targets = numbers(gaps, 3)});
  CHECK(valued.kind() == TargetKind::step_values);
  CHECK(valued.values(2) == (MatrixX<float>(3, 2) << 210, 220, 211, 221, 212, 222).finished());
  const Tensor numbered = Tensor::of(std::vector<std::int64_t>{0, -100, 2, 1, 9, 9, 9, 9, 9, -1, 3, 9}, {3, 4});
  const auto labelled = from_padded({.x = numbers(gaps), .mask = mask_of(gaps), .labels = numbered});
  CHECK(labelled.kind() == TargetKind::step_labels);
  CHECK(labelled.labels(0) == (Labels(3) << 0, 2, 1).finished());
  CHECK(labelled.labels(1).size() == 0);
  CHECK(labelled.labels(2) == (Labels(2) << -1, 3).finished());
  CHECK(labelled.classes() == 4);  // the labels at padding do not count
}

TEST_CASE("from_padded: one label or target per sequence") {
  const auto labelled =
      from_padded({.x = numbers(all), .labels = Tensor::of(std::vector<float>{1, 0, -1}, {sequences}), .classes = 5});
  CHECK(labelled.kind() == TargetKind::label);
  CHECK(labelled.classes() == 5);
  CHECK(labelled.labels(2)[0] == -1);
  const Tensor rows = Tensor::of(std::vector<double>{1, 2, 3, 4, 5, double(nan)}, {sequences, 2});
  const auto valued = from_padded({.x = numbers(all), .targets = rows});
  CHECK(valued.kind() == TargetKind::values);
  CHECK(valued.values(1) == (MatrixX<float>(2, 1) << 3, 4).finished());
  CHECK(is_nan(valued.values(2)(1, 0)));
  const auto single = from_padded({.x = numbers(all), .targets = Tensor::of(std::vector<float>{7, 8, 9}, {sequences})});
  CHECK(single.values(2)(0, 0) == 9);
}

TEST_CASE("from_padded: a recurrent layer has the states of the mask") {
  const auto data = from_padded({.x = numbers(gaps), .mask = mask_of(gaps)});
  Sequential model(features, Recurrent<Gru>{.units = 3, .returns = Returns::last});
  model.initialise(1);
  Eigen::Array<bool, Eigen::Dynamic, Eigen::Dynamic> mask(sequences, steps);
  MatrixX<float> padded(features, steps * sequences);
  for (Index s = 0; s < sequences; ++s)
    for (Index t = 0; t < steps; ++t) {
      mask(s, t) = gaps[std::size_t(s * steps + t)] == 1;
      for (Index f = 0; f < features; ++f)
        padded(f, t * sequences + s) = mask(s, t) ? float(100 * s + 10 * t + f) : nan;
    }
  const Timeline timeline = Timeline::from_mask(mask);
  decltype(model)::Tape tape;
  const MatrixX<float> x = timeline.pack(padded);
  const MatrixX<float> want = timeline.by_sample(MatrixX<float>(model.forward(x, timeline, tape)));
  for (Index s = 0; s < sequences; ++s) {
    const Timeline one = Timeline::from_lengths({data.length(s)});
    const MatrixX<float> sequence = data.sequence(s);
    CHECK(MatrixX<float>(model.forward(sequence, one, tape)) == want.col(s));
  }
}

TEST_CASE("from_padded: refuses arrays that do not match") {
  const Tensor x = numbers(all), mask = mask_of(all), lengths = Tensor::of(std::vector<int>{2, 4, 0}, {sequences});
  refused({.x = Tensor::of(std::vector<float>(12), {3, 4})},
          "from_padded: x must have 3 dimensions of at least 1, [N, T, F], got [3, 4]");
  refused({.x = Tensor::of(std::vector<float>(), {Index(1) << 62, 0, 3})}, "x must have 3 dimensions of at least 1");
  refused({.x = {DType::F32, {3, 4, 2}, std::vector<std::byte>(95)}}, "got 95 bytes");
  refused({.x = {DType::F32, {Index(1) << 40, Index(1) << 40, 2}, {}}}, "must be at least 0 and fit in memory");
  refused({.x = x, .lengths = mask}, "from_padded: lengths must have shape [N] with N = 3 and T = 4, got [3, 4]");
  refused({.x = x, .mask = lengths}, "from_padded: mask must have shape [N, T] with N = 3 and T = 4, got [3]");
  refused({.x = x, .mask = Tensor::of(std::vector<int>(12), {4, 3})}, "got [4, 3]");
  refused({.x = x, .lengths = lengths, .mask = mask}, "from_padded: lengths or mask must be empty, got both");
  refused({.x = x, .labels = lengths, .targets = x}, "from_padded: labels or targets must be empty, got both");
  refused({.x = x, .classes = 2}, "from_padded: classes must be 0 without labels, got 2");
  refused({.x = x, .labels = x}, "labels must have shape [N] or [N, T] with N = 3 and T = 4, got [3, 4, 2]");
  refused({.x = x, .targets = Tensor::of(std::vector<int>(24), {4, 3, 2})},
          "targets must have shape [N], [N, K] or [N, T, K] with N = 3 and T = 4, got [4, 3, 2]");
}

TEST_CASE("from_padded: refuses values out of range") {
  const Tensor x = numbers(all);
  for (const int length : {-1, 5})
    refused({.x = x, .lengths = Tensor::of(std::vector<int>{2, length, 0}, {sequences})},
            "from_padded: length of sequence 1 must be 0 to 4, got ");
  refused({.x = x, .lengths = Tensor::of(std::vector<float>{2, 1.5f, 0}, {sequences})}, "must fit in I64, got 1.5");
  refused({.x = x, .mask = Tensor::of(std::vector<float>{1, 1, 1, 1, 1, 1, 0.5f, 1, 1, 1, 1, 1}, {3, 4})},
          "from_padded: mask of sequence 1, step 2 must be 0 or 1, got 0.5");
  refused({.x = numbers(gaps)},
          "from_padded: x of sequence 0, step 1, feature 0 must be finite, got nan; set the mask");
  // The step is that of the array, not of the sequence without gaps.
  std::vector<int> shorter = gaps;
  shorter[3] = 0;
  refused({.x = numbers(shorter), .mask = mask_of(gaps)}, "x of sequence 0, step 3, feature 0 must be finite, got nan");
  refused({.x = x, .labels = Tensor::of(std::vector<int>{0, 7, 1}, {sequences}), .classes = 3}, "label of sample 1");
  refused({.x = x, .labels = Tensor::of(std::vector<float>{0, 0.5f, 1}, {sequences})}, "must fit in I64, got 0.5");
}

TEST_CASE("data set: tables of CSV files become sequences with a class per step") {
  const CsvOptions options{.labels = "c", .classes = {"sit", "walk"}};
  const auto one = parse_csv("x,y,c\n1,2,walk\n3,4,sit\n", options), two = parse_csv("x,y,c\n5,6,walk\n", options);
  const auto data = to_dataset(std::vector{one, two});
  CHECK(data.kind() == TargetKind::step_labels);
  CHECK(data.classes() == 2);
  CHECK(data.sequence(0) == (MatrixX<float>(2, 2) << 1, 3, 2, 4).finished());
  CHECK(data.labels(1)[0] == 1);
  CHECK(to_dataset(std::vector{parse_csv("1,2\n")}).kind() == TargetKind::none);
  const auto other = parse_csv("x,y,c\n5,6,walk\n", {.labels = "c"}), turned = parse_csv("y,x,c\n5,6,walk\n", options);
  CHECK_THROWS_MATCHES(to_dataset(std::vector{one, other}), ValueError,
                       says("data set: classes of table 1 must be those of table 0; read all files with the same"));
  CHECK_THROWS_MATCHES(to_dataset(std::vector{one, turned}), ValueError,
                       says("data set: names of the fields of table 1 must be those of table 0"));
  CHECK_THROWS_MATCHES(to_dataset(std::vector<NumberTable<float>>()), ValueError, says("must be at least 1, got 0"));
}

}  // namespace padded
