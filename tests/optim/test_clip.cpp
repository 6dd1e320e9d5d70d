#include <unroll/optim/clip.hpp>

#include "optim/golden.hpp"
#include "support/allocations.hpp"

namespace test_clip {

using namespace unroll;

namespace {

/// The three tensors of a case, concatenated.
std::vector<double> joined(const SafeTensors& file, const std::string& prefix) {
  std::vector<double> all;
  for (const char* number : {"0", "1", "2"}) {
    const auto values = file.at(prefix + number).to<double>();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

VectorX<double> to_vector(const std::vector<double>& values) {
  return Eigen::Map<const VectorX<double>>(values.data(), Index(values.size()));
}

ParameterBlock block(Index offset, Index rows, Index cols, Index stride) {
  return {"block", Role::input_weight, offset, rows, cols, stride};
}

}  // namespace

TEST_CASE("clip: clip_by_global_norm agrees with PyTorch") {
  const auto [name, max_norm, p] = GENERATE(table<std::string, double, double>({
      {"clip/l2", 1, 2},
      {"clip/l2_untouched", 100, 2},
      {"clip/l2_zero", 1, 2},
      {"clip/inf_norm", 0.5, INFINITY},
  }));
  INFO(name);
  const SafeTensors file = golden::read(name);
  const golden::Tolerance tolerance(file);
  VectorX<double> gradient = to_vector(joined(file, "grad"));
  const double norm = clip_by_global_norm(gradient, max_norm, p);
  CHECK(golden::agrees(norm, file.at("total_norm").to<double>()[0], tolerance.rtol, tolerance.atol));
  golden::check_close(gradient, joined(file, "clipped"), tolerance);
}

TEST_CASE("clip: clip_by_value agrees with PyTorch, infinities too") {
  const auto name = GENERATE("clip/value", "clip/value_nan_inf");
  const SafeTensors file = golden::read(name);
  VectorX<double> gradient = to_vector(joined(file, "grad"));
  clip_by_value(gradient, 0.5);
  golden::check_close(gradient, joined(file, "clipped"), golden::Tolerance(file));
}

TEST_CASE("clip: a NaN or overflowing squares do not destroy the gradient, unlike in PyTorch") {
  SECTION("a NaN, where PyTorch makes every entry NaN") {
    const SafeTensors file = golden::read("clip/l2_nan");
    const VectorX<double> before = to_vector(joined(file, "grad"));
    VectorX<double> gradient = before;
    CHECK(is_nan(clip_by_global_norm(gradient, 1)));
    golden::check_close(gradient, joined(file, "grad"), {0, 0});
    CHECK(first_non_finite(gradient) == 14);
  }
  SECTION("squares that overflow, where PyTorch returns infinity and zeros") {
    const SafeTensors file = golden::read("clip/l2_huge");
    const VectorX<double> before = to_vector(joined(file, "grad"));
    VectorX<double> gradient = before;
    const double norm = clip_by_global_norm(gradient, 1);
    CHECK(norm == Approx(1e160 * (before / 1e160).norm()).epsilon(1e-12));
    CHECK(gradient.norm() == Approx(1).epsilon(1e-12));
    CHECK(gradient.isApprox(before / norm, 1e-12));
  }
}

TEMPLATE_TEST_CASE("clip: the norm is correct at every magnitude", "", float, double) {
  using Limits = std::numeric_limits<TestType>;
  for (const TestType size :
       {Limits::denorm_min() * TestType(1 << 22), Limits::min(), TestType(1), Limits::max() / 4}) {
    VectorX<TestType> gradient(3);
    gradient << 2 * size, 0, -size;
    INFO(double(size));
    CHECK(global_norm(gradient) / double(size) == Approx(std::sqrt(5.0)).epsilon(1e-6));
    CHECK(global_norm(gradient, INFINITY) == double(2 * size));
  }
  VectorX<TestType> exploded = VectorX<TestType>::Constant(4, Limits::max() / 8);
  clip_by_global_norm(exploded, 1e-3);
  CHECK(double(exploded.norm()) == Approx(1e-3).epsilon(1e-5));
}

TEMPLATE_TEST_CASE("clip: any p-norm is the root of the sum of powers and clipping keeps the direction", "", float,
                   double) {
  const auto [p, norm] = GENERATE(table<double, double>({{1, 15},
                                                         {2, 9},
                                                         {3, 7.7805},    // 471^(1/3)
                                                         {0.5, 44.166},  // (sqrt(7) + 2 + 2)^2
                                                         {1000, 7},
                                                         {double(INFINITY), 7}}));
  INFO(p);
  VectorX<TestType> gradient(4);
  gradient << 7, 0, -4, 4;
  const VectorX<TestType> before = gradient;
  CHECK(global_norm(gradient, p) == Approx(norm).epsilon(1e-5));
  CHECK(clip_by_global_norm(gradient, 2, p, ClipRule::keras) == global_norm(before, p));
  CHECK(global_norm(gradient, p) == Approx(2).epsilon(1e-6));
  CHECK(gradient.isApprox(before * TestType(2 / norm), TestType(1e-4)));
}

TEMPLATE_TEST_CASE("clip: powers of a huge or tiny gradient stay within double", "", float, double) {
  using Limits = std::numeric_limits<TestType>;
  const double p = GENERATE(0.5, 1.0, 3.0, 40.0, 1e6);
  for (const TestType size : {4 * Limits::min(), TestType(1), Limits::max() / 64}) {
    VectorX<TestType> gradient(4);
    gradient << size, -size, 0, size;
    INFO(p << " " << double(size));
    CHECK(global_norm(gradient, p) / double(size) == Approx(std::pow(3, 1 / p)).epsilon(1e-12));
    const double limit = double(size) / 2;
    clip_by_norm(gradient, std::vector{block(0, 4, 1, 4)}, limit, p);
    CHECK(global_norm(gradient, p) / limit == Approx(1).epsilon(1e-5));
  }
}

TEST_CASE("clip: a p-norm has the same bits for any number of threads") {
  ThreadPool threads(3);
  const VectorX<float> gradient = VectorX<float>::Random(200'000);
  for (const double p : {1.0, 2.0, 3.0}) CHECK(global_norm(gradient, p) == global_norm(gradient, p, &threads));
}

TEMPLATE_TEST_CASE("clip: non-finite values are found at any position and not clipped", "", float, double) {
  using Limits = std::numeric_limits<TestType>;
  const Index n = 700, at = GENERATE(Index(0), Index(1), Index(255), Index(256), Index(511), Index(699));
  const auto bad = GENERATE(Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity());
  const double p = GENERATE(2.0, double(INFINITY), 1.0, 0.5, 3.0);
  VectorX<TestType> gradient = VectorX<TestType>::Constant(n, Limits::max() / 1000);
  CHECK(finite(gradient));
  gradient[at] = bad;
  CHECK(!finite(gradient));
  CHECK(first_non_finite(gradient) == at);
  const double norm = clip_by_global_norm(gradient, 1, p);
  CHECK((is_nan(bad) ? is_nan(norm) : norm == std::numeric_limits<double>::infinity()));
  CHECK(!is_finite(clip_by_norm(gradient, std::vector{block(0, n, 1, n)}, 1.0, p)));
  CHECK((gradient.array() == Limits::max() / 1000).count() == n - 1);
}

TEST_CASE("clip: the norm of a long vector includes all entries for any number of threads") {
  const Index n = 100'001;  // several shares, not a multiple of the share size
  VectorX<float> gradient = VectorX<float>::Zero(n);
  for (Index k = 0; k < n; ++k) gradient[k] = k % 3 == 0 ? 1.f : k % 3 == 1 ? -2.f : 0.5f;
  const double squares = double((n + 2) / 3) + 4 * double((n + 1) / 3) + 0.25 * double(n / 3);
  ThreadPool pool(3);
  for (ThreadPool* threads : {static_cast<ThreadPool*>(nullptr), &pool})
    CHECK(global_norm(gradient, 2, threads) == Approx(std::sqrt(squares)).epsilon(1e-12));
}

TEST_CASE("first_non_finite: counts entries down the columns of a matrix") {
  MatrixX<float> m = MatrixX<float>::Zero(5, 4);
  CHECK(first_non_finite(m) == -1);
  CHECK(first_non_finite(m.middleRows(1, 3)) == -1);
  m(2, 3) = NAN;
  CHECK(first_non_finite(m) == 17);
  CHECK(first_non_finite(m.middleRows(1, 3)) == 10);
  CHECK(finite(m.leftCols(3)));
  CHECK(finite(VectorX<double>()));
}

TEST_CASE("clip: the rules of PyTorch and Keras differ in the factor") {
  VectorX<double> pytorch(2), keras(2), below(2);
  pytorch << 3, 4;
  keras = pytorch;
  below << 0.3, 0.4;
  CHECK(clip_by_global_norm(pytorch, 1) == 5);
  CHECK(clip_by_global_norm(keras, 1, 2, ClipRule::keras) == 5);
  CHECK(pytorch.norm() == Approx(5 / (5 + 1e-6)).epsilon(1e-14));
  CHECK(keras.norm() == Approx(1).epsilon(1e-14));
  for (const auto rule : {ClipRule::pytorch, ClipRule::keras}) {
    VectorX<double> kept = below;
    CHECK(clip_by_global_norm(kept, 1, 2, rule) == 0.5);
    CHECK(kept == below);
    CHECK(clip_by_global_norm(kept, INFINITY, 2, rule) == 0.5);
    CHECK(kept == below);
  }
}

TEST_CASE("clip: clip_by_norm clips each block by its norm, interleaved blocks too") {
  VectorX<float> gradient(9);
  // Columns of 3: rows 0 and 1 are one block, row 2 is another; the last three entries are a third.
  gradient << 3, 0, 30, 0, 4, 40, 0.1f, 0, 0.2f;
  const std::vector<ParameterBlock> blocks{block(0, 2, 2, 3), block(2, 1, 2, 3), block(6, 3, 1, 3)};
  CHECK(clip_by_norm(gradient, blocks, 1) == Approx(50));
  VectorX<float> want(9);
  want << 0.6f, 0, 0.6f, 0, 0.8f, 0.8f, 0.1f, 0, 0.2f;
  CHECK(gradient.isApprox(want, 1e-6f));
  CHECK_THROWS_MATCHES(clip_by_norm(gradient, std::vector{block(2, 2, 3, 3)}, 1.0), ShapeError,
                       says("must be within the 9 entries of the gradient, got end 10"));
  CHECK_THROWS_AS(clip_by_norm(gradient, std::vector{block(-1, 2, 1, 2)}, 1.0), ShapeError);
}

TEST_CASE("clip: clips a part of a vector and allocates nothing") {
  VectorX<float> gradient = VectorX<float>::Constant(6, 2);
  const std::vector<ParameterBlock> blocks{block(0, 2, 1, 2), block(2, 4, 1, 4)};
  support::AllocationCount allocations;
  clip_by_global_norm(gradient.head(2), 1, 2, ClipRule::keras);
  clip_by_value(gradient.tail(2), 0.5);
  clip_by_norm(gradient, blocks, 100);
  const auto count = allocations.count();
  CHECK(count == 0);
  VectorX<float> want(6);
  want << std::sqrt(0.5f), std::sqrt(0.5f), 2, 2, 0.5f, 0.5f;
  CHECK(gradient.isApprox(want, 1e-6f));
}

TEST_CASE("clip: refuses limits and norms out of range") {
  VectorX<double> gradient = VectorX<double>::Ones(2);
  for (const double limit : {0.0, -1.0, double(NAN)}) {
    CHECK_THROWS_MATCHES(clip_by_global_norm(gradient, limit), ValueError, says("max_norm"));
    CHECK_THROWS_MATCHES(clip_by_norm(gradient, {}, limit), ValueError, says("max_norm"));
    CHECK_THROWS_MATCHES(clip_by_value(gradient, limit), ValueError, says("limit"));
  }
  VectorX<double> none;
  CHECK(clip_by_global_norm(none, 1) == 0);
  CHECK(clip_by_global_norm(none, 1, INFINITY) == 0);
  for (const double p : {0.0, -1.0, -double(INFINITY), double(NAN)}) {
    CHECK_THROWS_MATCHES(clip_by_global_norm(gradient, 1, p), ValueError,
                         says("p must be above 0 (infinity: largest magnitude)"));
    CHECK_THROWS_MATCHES(clip_by_norm(gradient, {}, 1, p), ValueError, says("clip_by_norm: p must be above 0"));
    CHECK_THROWS_MATCHES(global_norm(gradient, p), ValueError, says("global_norm: p must be above 0"));
  }
  CHECK(gradient == VectorX<double>::Ones(2));
}

TEST_CASE("clip: clip_by_value leaves a NaN unchanged") {
  VectorX<float> gradient(3);
  gradient << NAN, 7, -7;
  clip_by_value(gradient, 1);
  CHECK(is_nan(gradient[0]));
  CHECK(gradient[1] == 1);
  CHECK(gradient[2] == -1);
}

}  // namespace test_clip
