// Initial values of every cell against docs/cells.md.

#include <unroll/parameters/matrices.hpp>
#include <unroll/unroll.hpp>

#include "cells/all_cells.hpp"
#include "cells/cell_run.hpp"
#include "support/catch.hpp"

namespace test_initial_weights {

namespace {

using namespace unroll;

constexpr Index inputs = 48, units = 64;

/// The list of layers of a description.
template <class L>
struct OneLayer {
  using Scalar = typename L::Scalar;

  L layer;

  template <class F>
  void each(F&& f) const {
    f(layer, std::size_t(0));
  }
  template <class F>
  void each_mutable(F&& f) {
    f(layer);
  }
};

/// Model of one layer that cannot run. Its passes are not compiled, which take minutes for all cells.
template <class S, class Given>
class Described : public unroll::detail::Description<OneLayer<LayerOf<Given, S>>> {
  using Layer = LayerOf<Given, S>;
  using Base = unroll::detail::Description<OneLayer<Layer>>;

 public:
  Described(Index features, Given given) : Base(features, {Layer(std::move(given))}) {}
};
template <class S, class Given>
Described<S, Given> described(Index features, Given given) {
  return {features, std::move(given)};
}

/// Expected distribution of a block's values.
struct Expected {
  enum class Kind { constant, uniform, normal, truncated, orthogonal, identity, spectral, matrix, within } kind;
  double number = 0;  ///< value, limit, standard deviation or spectral radius
  MatrixX<double> matrix = {};
};
Expected filled(double value) { return {Expected::Kind::constant, value}; }
Expected uniform(double limit) { return {Expected::Kind::uniform, limit}; }
Expected normal(double deviation) { return {Expected::Kind::normal, deviation}; }
Expected truncated(double deviation) { return {Expected::Kind::truncated, deviation}; }
Expected spectral(double radius) { return {Expected::Kind::spectral, radius}; }
Expected within(double low, double high) {
  return {Expected::Kind::within, low, MatrixX<double>::Constant(1, 1, high)};
}
Expected given(MatrixX<double> matrix) { return {Expected::Kind::matrix, 0, std::move(matrix)}; }
const Expected orthogonal{Expected::Kind::orthogonal}, identity{Expected::Kind::identity, 1};

bool is_as(const MatrixX<double>& m, const Expected& expected) {
  const double n = expected.number, deviation = std::sqrt(m.array().square().mean());
  const auto near = [](double value, double wanted, double share) { return std::abs(value - wanted) < share * wanted; };
  switch (expected.kind) {
    case Expected::Kind::constant:
      return (m.array() == n).all();
    case Expected::Kind::uniform:  // small blocks need a wider tolerance
      return m.cwiseAbs().maxCoeff() <= n &&
             near(deviation, n / std::sqrt(3.0), std::min(m.rows(), m.cols()) == 1 ? 0.25 : 0.04) &&
             std::abs(m.mean()) < 0.4 * n;
    case Expected::Kind::normal:
      return near(deviation, n, 0.06) && m.cwiseAbs().maxCoeff() > 2.5 * n && m.cwiseAbs().maxCoeff() < 6 * n;
    case Expected::Kind::truncated:
      return near(deviation, n, 0.06) && m.cwiseAbs().maxCoeff() > 2 * n && m.cwiseAbs().maxCoeff() < 2.3 * n;
    case Expected::Kind::spectral:
      return near(unroll::detail::spectral_radius(m), n, 1e-3);
    case Expected::Kind::within:
      return m.minCoeff() >= n && m.maxCoeff() <= expected.matrix(0, 0) &&
             std::abs(m.mean() - (n + expected.matrix(0, 0)) / 2) < 0.15 * (expected.matrix(0, 0) - n);
    case Expected::Kind::matrix:
      return m == expected.matrix;
    case Expected::Kind::orthogonal:
      return (m.rows() < m.cols() ? MatrixX<double>(m * m.transpose()) : MatrixX<double>(m.transpose() * m))
          .isIdentity(1e-10);
    default:
      return m.isIdentity(0);
  }
}

Expected by_role(const ParameterBlock& block) {
  if (block.role == Role::input_weight) return uniform(std::sqrt(6.0 / double(block.rows + block.cols)));
  if (block.role == Role::recurrent_weight) return orthogonal;
  return filled(0);
}

/// Checks that the blocks named here start as given, and all others by their role: weights of inputs by Glorot,
/// recurrent weights orthogonal, biases and single weights 0.
template <class C>
void starts_with(const std::vector<std::pair<std::string, Expected>>& named) {
  auto sizes = cell_run::sizes_for<C>(units).sizes;
  for (auto& [name, rows] : sizes) rows = units / 2;
  auto model =
      described<typename C::Scalar>(inputs, Recurrent<OneScalar<C>::template Cell>{.units = units, .sizes = sizes});
  model.initialise(7);
  const auto& parameters = model.parameters();
  for (const auto& [name, expected] : named) {
    INFO(C::name << " has no parameter " << name);
    CHECK(parameters.table().find("0." + name) != nullptr);
  }
  for (const ParameterBlock& block : parameters.table().blocks()) {
    Expected expected = by_role(block);
    for (const auto& [name, own] : named)
      if ("0." + name == block.name) expected = own;
    INFO(C::name << ": " << block.name);
    CHECK(is_as(parameters[block.name], expected));
  }
}

}  // namespace

TEST_CASE("cells: initial values equal those of the documentation") {
  using S = double;
  starts_with<Elman<S>>({});
  starts_with<Lstm<S>>({{"f.b", filled(1)}});
  starts_with<PeepholeLstm<S>>({{"f.b", filled(1)}, {"p_i", filled(0)}});
  starts_with<PeepholeLstmLinear<S>>({{"f.b", filled(1)}});
  starts_with<CoupledLstm<S>>({{"i.b", filled(-1)}});
  starts_with<CoupledPeepholeLstm<S>>({{"i.b", filled(-1)}});
  starts_with<ProjectedLstm<S>>({{"f.b", filled(1)}});
  starts_with<ProjectedPeepholeLstm<S>>({{"f.b", filled(1)}});
  starts_with<MultiplicativeLstm<S>>({{"f.b", filled(3)}, {"b_h", filled(0)}});
  starts_with<MultiplicativeLstmTanh<S>>({{"f.b", filled(3)}});
  starts_with<Slstm<S>>({});
  starts_with<Janet<S>>({{"s.b", filled(1)}});
  starts_with<Ran<S>>({});
  starts_with<Gru<S>>({});
  starts_with<GruResetBefore<S>>({});
  starts_with<Mgu<S>>({});
  starts_with<Ugrnn<S>>({{"g.b", filled(1)}});
  starts_with<MinGru<S>>({});
  starts_with<MinLstm<S>>({});
  starts_with<FastRnn<S>>(
      {{"n.x", normal(0.1)}, {"n.h", normal(0.1)}, {"n.b", filled(1)}, {"alpha", filled(-3)}, {"beta", filled(3)}});
  starts_with<FastGrnn<S>>({{"a.x", normal(0.1)},
                            {"a.h", normal(0.1)},
                            {"b_z", filled(1)},
                            {"b_n", filled(1)},
                            {"zeta", filled(1)},
                            {"nu", filled(-4)}});
  starts_with<Star<S>>({{"z.x", orthogonal}, {"k.x", orthogonal}, {"k.h", orthogonal}, {"k.b", filled(-1)}});
  starts_with<Irnn<S>>({{"h.h", identity}, {"h.x", normal(0.001)}});
  const double fan = inputs;
  starts_with<Sru<S>>({{"f.x", uniform(std::sqrt(1.5 / fan))},
                       {"r.x", uniform(std::sqrt(1.5 / fan))},
                       {"c.x", uniform(std::sqrt(3 / fan))},
                       {"y.x", uniform(std::sqrt(9 / fan))},
                       {"v_f", uniform(std::sqrt(1.5))},
                       {"v_r", uniform(std::sqrt(1.5))}});
  starts_with<Scrn<S>>({});
  const Expected small = uniform(1 / std::sqrt(double(units)));
  starts_with<Lem<S>>({{"r.x", small},
                       {"r.y", small},
                       {"r.b", small},
                       {"s.x", small},
                       {"s.y", small},
                       {"s.b", small},
                       {"n.x", small},
                       {"n.y", small},
                       {"n.b", small},
                       {"m.x", small},
                       {"m.z_next", small},
                       {"m.b", small}});
  starts_with<RecurrentHighway<S>>({{"t1.b", filled(-2)}, {"t2.b", filled(-2)}, {"t3.b", filled(-2)}});
  starts_with<LayerNormLstm<S>>({{"gain_x", filled(1)}, {"gain_h", filled(1)}, {"gain_c", filled(1)}});
  starts_with<LayerNormGru<S>>(
      {{"gain_x", filled(1)}, {"gain_h", filled(1)}, {"gain_nx", filled(1)}, {"gain_nh", filled(1)}});
  starts_with<Cornn<S>>({});
  const double root = std::sqrt(double(units));
  starts_with<MogrifierLstm<S>>({{"f.b", filled(1)}});
  starts_with<Mlstm<S>>({{"k.x", uniform(std::sqrt(6 / (fan + units)) / root)}, {"f.b", filled(3)}});
  starts_with<GatedDeltaNet<S>>({});
  starts_with<AntisymmetricRnn<S>>({{"h2.h", normal(1 / root)}});
  starts_with<EchoState<S>>({{"n.x", uniform(0.5)}, {"n2.h", spectral(0.9)}});
  starts_with<Rwkv6<S>>({{"mu", filled(0.5)},
                         {"xr.b", filled(0.5)},
                         {"xk.b", filled(0.5)},
                         {"xv.b", filled(0.5)},
                         {"xg.b", filled(0.5)},
                         {"xw.b", filled(0.5)},
                         {"d.b", within(-6, -1)},
                         {"gain", filled(1)}});
  constexpr Index order = units / 2;
  const auto [a, b] =
      matrices::discretised(matrices::legt_state(order, order), matrices::legt_input(order, 1), 1.0 / 784);
  starts_with<Lmu<S>>({{"u.x", uniform(std::sqrt(3 / fan))},
                       {"u.h", uniform(std::sqrt(3) / root)},
                       {"u.m", filled(0)},
                       {"m.m", given(a)},
                       {"m2.u", given(b)},
                       {"h.x", truncated(std::sqrt(2 / (fan + units)))},
                       {"h.h", truncated(1 / root)},
                       {"h.m_next", truncated(std::sqrt(2.0 / (order + units)))}});
}

TEST_CASE("lru: the eigenvalues are uniform on the unit disc, and gamma normalises their states") {
  auto model = described<double>(inputs, Recurrent<Lru>{.units = 500, .sizes = {{"outputs", 7}}});
  model.initialise(7);
  const auto& parameters = model.parameters();
  const MatrixX<double> size = (-parameters["0.nu_log"].array().exp()).exp(),
                        angle = parameters["0.theta_log"].array().exp();
  CHECK(size.array().square().mean() == Approx(0.5).margin(0.05));
  CHECK(size.maxCoeff() < 1);
  CHECK(size.minCoeff() < 0.1);
  CHECK(angle.mean() == Approx(3.14159).margin(0.3));
  CHECK(angle.maxCoeff() < 6.2832);
  const MatrixX<double> gamma = parameters["0.gamma_log"].array().exp();
  CHECK((gamma.array().square() + size.array().square() - 1).abs().maxCoeff() < 1e-12);
  CHECK(is_as(parameters["0.s_re.x"], normal(std::sqrt(0.5 / inputs))));
  CHECK(is_as(parameters["0.s_im.x"], normal(std::sqrt(0.5 / inputs))));
  CHECK(is_as(parameters["0.y.s_re_next"], normal(1 / std::sqrt(500.0))));
  CHECK(is_as(parameters["0.y2.s_im_next"], normal(1 / std::sqrt(500.0))));
}

TEST_CASE("ltc and slstm with heads: initial values equal those of the documentation") {
  auto model = described<double>(inputs, Recurrent<Ltc>{.units = units});
  model.initialise(7);
  const auto within = [&](const char* block, double low, double high) {
    const MatrixX<double> values = model.parameters()[block];
    INFO(block);
    CHECK(values.minCoeff() >= low);
    CHECK(values.maxCoeff() <= high);
    CHECK(values.mean() == Approx((low + high) / 2).margin(0.12 * (high - low)));
  };
  for (const char* block : {"0.w_x", "0.w_h", "0.gleak"}) within(block, 0.001, 1);
  for (const char* block : {"0.mu_x", "0.mu_h"}) within(block, 0.3, 0.8);
  for (const char* block : {"0.sigma_x", "0.sigma_h"}) within(block, 3, 8);
  for (const char* block : {"0.erev_x", "0.erev_h"}) within(block, -1, 1);
  CHECK((model.parameters()["0.erev_h"].array().abs() == 1).all());
  within("0.vleak", -0.2, 0.2), within("0.cm", 0.4, 0.6);
  CHECK(is_as(model.parameters()["0.input_w"], filled(1)));
  CHECK(is_as(model.parameters()["0.input_b"], filled(0)));
  auto headed = described<double>(inputs, Recurrent<HeadedSlstm>{.units = units});
  headed.initialise(7);
  CHECK(is_as(headed.parameters()["0.i2.h"], orthogonal));  // [units x units / 4]
}

TEST_CASE("indrnn: initial recurrent weights are spread from 0 to 1") {
  auto model = described<double>(inputs, Recurrent<IndRnn>{.units = 500});
  model.initialise(7);
  const MatrixX<double> u = model.parameters()["0.u"];
  CHECK(u.minCoeff() >= 0);
  CHECK(u.maxCoeff() <= 1);
  CHECK(u.mean() == Approx(0.5).margin(0.05));
  CHECK(is_as(model.parameters()["0.h.x"], uniform(std::sqrt(6.0 / (500 + inputs)))));
}

TEST_CASE("chrono biases: input biases are the negated forget biases, which are 0 to log 99") {
  auto model = described<float>(inputs, Recurrent<Lstm>{.units = 200});
  model.initialise(1);
  const Random random(1, Purpose::initialise, 1000);
  init::chrono_forget(100).fill(model.parameters()["0.f.b"], random);
  init::chrono_input(100).fill(model.parameters()["0.i.b"], random);
  const MatrixX<float> forget = model.parameters()["0.f.b"], input = model.parameters()["0.i.b"];
  CHECK(forget == -input);
  CHECK(forget.minCoeff() >= 0);
  CHECK(forget.maxCoeff() <= std::log(99.f));
  CHECK(forget.maxCoeff() > 4);
}

}  // namespace test_initial_weights
