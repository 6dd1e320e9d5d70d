// Cells of newer papers, written as equations. The case's weight W_GATE_SOURCE is the cell's GATE.SOURCE, its bias
// b_GATE the cell's GATE.b.

#include "cells.hpp"

#include "unroll/engine/over_time.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace conformance {
namespace {

using namespace unroll::symbols;

inline constexpr auto d_c = input<"d_c">;
inline constexpr auto d_h = input<"d_h">;
inline constexpr auto dt = input<"dt">;
inline constexpr auto z_x = constant<"z_x">;
inline constexpr auto z_h = constant<"z_h">;
inline constexpr auto q = symbol<"q">;
inline constexpr auto drive = symbol<"u", "drive">;
inline constexpr auto memory = symbol<"m", "order">;
inline constexpr auto kx = symbol<"kx", "features">;
inline constexpr auto kc = symbol<"kc">;
inline constexpr auto kh = symbol<"kh">;
inline constexpr auto td = symbol<"td">;
inline constexpr auto x0 = symbol<"x0", "features">;
inline constexpr auto u = symbol<"u", "backbone">;
inline constexpr auto ta = symbol<"ta">;
inline constexpr auto tb = symbol<"tb">;
inline constexpr auto x1 = symbol<"x1", "features">;
inline constexpr auto x2 = symbol<"x2", "features">;
inline constexpr auto h1 = symbol<"h1">;
inline constexpr auto h2 = symbol<"h2">;

// Equations read inputs only through `linear`. Inputs that the paper uses element by element have a weight of ones or
// the identity here.
// clang-format off
inline constexpr auto mingru = cell(state(h),
    z = sigmoid(linear(x)),
    n = linear(x),
    next(h) = h + z * (n - h));

inline constexpr auto cornn = cell(state(y, z),
    next(z) = z + 0.1 * (tanh(linear(x, y, z)) - 2.7 * y - 4.7 * z),
    next(y) = y + 0.1 * next(z));

inline constexpr auto cfc = cell(state(h),
    u = 1.7159 * tanh(0.666 * linear(x, h)),
    a = tanh(linear(u)),
    g = tanh(linear(u)),
    ta = linear(u),
    tb = linear(u),
    td = linear(dt, no_bias),
    t = sigmoid(ta * td + tb),
    next(h) = a + t * (g - a));

inline constexpr auto zoneout_lstm = cell(state(h, c),
    i = sigmoid(linear(x, h)),
    f = sigmoid(linear(x, h)),
    g = tanh(linear(x, h)),
    o = sigmoid(linear(x, h)),
    kc = linear(d_c, no_bias),
    kh = linear(d_h, no_bias),
    q = f * c + i * g,
    next(c) = q + kc * (c - q),
    n = o * tanh(q),
    next(h) = n + kh * (h - n));

inline constexpr auto dropout_lstm = cell(state(h, c),
    x0 = linear(x, no_bias),
    kx = linear(z_x, no_bias),
    kh = linear(z_h, no_bias),
    x1 = kx * x0,
    h1 = kh * h,
    i = sigmoid(linear(x1, h1)),
    f = sigmoid(linear(x1, h1)),
    g = tanh(linear(x1, h1)),
    o = sigmoid(linear(x1, h1)),
    next(c) = f * c + i * g,
    next(h) = o * tanh(next(c)));

inline constexpr auto lmu = cell(state(h, memory),
    drive = linear(x, h, memory, no_bias),
    next(memory) = linear(memory, drive, no_bias),
    next(h) = tanh(linear(x, h, next(memory), no_bias)));

inline constexpr auto mogrifier_lstm = cell(state(h, c),
    x0 = linear(x, no_bias),
    x1 = 2 * sigmoid(linear(h, no_bias)) * x0,
    h1 = 2 * sigmoid(linear(x1, no_bias)) * h,
    x2 = 2 * sigmoid(linear(h1, no_bias)) * x1,
    h2 = 2 * sigmoid(linear(x2, no_bias)) * h1,
    i = sigmoid(linear(x2, h2)),
    f = sigmoid(linear(x2, h2)),
    g = tanh(linear(x2, h2)),
    o = sigmoid(linear(x2, h2)),
    next(c) = f * c + i * g,
    next(h) = o * tanh(next(c)));
// clang-format on

using Names = std::map<std::string, std::string>;  // name in the cell -> name in the case; empty: ones or the identity

std::string name_of(const std::string& ours, const Names& others) {
  if (others.contains(ours)) return others.at(ours);
  const auto dot = ours.find('.');
  std::string gate = ours.substr(0, dot), source = ours.substr(dot + 1);
  return source == "b" ? "b_" + gate : text("W_", gate, "_", source);
}

struct Layout {
  explicit Layout(const Case& given) : steps(given.extent("x", 0, 3)), batch(given.extent("x", 1, 3)) {
    given.check("T", steps), given.check("B", batch), given.check("I", given.extent("x", 2, 3));
    MatrixX<bool> mask = MatrixX<bool>::Constant(batch, steps, true);
    if (given.has("mask")) {
      const auto valid = given.integers("mask", {steps, batch}, 0, 1);
      for (Index b = 0; b < batch; ++b)
        for (Index k = 0; k < steps; ++k) mask(b, k) = valid[std::size_t(k * batch + b)] != 0;
    }
    if (given.has("lengths")) check_lengths(given.integers("lengths", {batch}), mask);
    timeline = Timeline::from_mask(mask);
  }
  /// Throws ValueError if a length is not the number of steps up to the last valid one.
  void check_lengths(const std::vector<Index>& lengths, const MatrixX<bool>& mask) const {
    for (Index b = 0; b < batch; ++b) {
      Index length = 0;
      for (Index k = 0; k < steps; ++k)
        if (mask(b, k)) length = k + 1;
      require<ValueError>(lengths[std::size_t(b)] == length, "the tensors 'mask' and 'lengths' do not agree");
    }
  }
  Tensor unpacked(const MatrixX<double>& m) const { return tensor(timeline.unpack(m), {steps, batch, m.rows()}); }

  Index steps, batch;
  Timeline timeline;
};

template <const auto& equations>
SafeTensors run(const Case& given, const CellSizes& sizes, const std::vector<std::string>& names,
                const Names& others = {}, const std::vector<std::string>& constants = {}) {
  using C = EquationCell<double, equations>;
  const Layout layout(given);
  const Timeline& timeline = layout.timeline;
  const C cell(sizes);
  Parameters<double> theta(cell.parameters()), gradient(cell.parameters());
  for (const ParameterBlock& block : theta.table().blocks()) {
    const std::string theirs = name_of(block.name, others);
    if (theirs.empty() && block.cols == 1)
      theta.block(block).setOnes();
    else if (theirs.empty())
      theta.block(block).setIdentity();
    else if (given.input(theirs).shape.size() == 1)
      theta.block(block) = given.vector(theirs, block.size()).reshaped(block.rows, block.cols);
    else
      theta.block(block) = given.columns<double>(theirs, {block.rows, block.cols}).transpose();
  }

  std::vector<MatrixX<double>> in, d_in;
  std::vector<ConstView<double>> views;
  std::vector<View<double>> d_views;
  for (std::size_t k = 0; k < names.size(); ++k) {
    const std::vector<Index> shape{layout.steps, layout.batch, sizes.inputs[k]};
    in.push_back(timeline.pack(given.columns<double>(names[k], shape)));
    d_in.push_back(0 * in.back());
  }
  for (std::size_t k = 0; k < in.size(); ++k)
    views.push_back(view(std::as_const(in[k]))), d_views.push_back(view(d_in[k]));

  std::vector<MatrixX<double>> fixed, d_fixed;
  std::vector<ConstView<double>> fixed_views;
  std::vector<View<double>> d_fixed_views;
  for (std::size_t k = 0; k < constants.size(); ++k) {
    fixed.push_back(timeline.by_rank(given.columns<double>(constants[k], {layout.batch, cell.constant_rows(int(k))})));
    d_fixed.push_back(0 * fixed.back());
  }
  for (std::size_t k = 0; k < fixed.size(); ++k)
    fixed_views.push_back(view(std::as_const(fixed[k]))), d_fixed_views.push_back(view(d_fixed[k]));

  State<double> initial, final_state, d_final, d_initial;
  const auto state = [&](int s, const std::string& before, const std::string& after) {
    return before + std::string(C::program.state[s].name) + after;
  };
  for (int s = 0; s < C::states; ++s) {
    const std::vector<Index> shape{layout.batch, cell.state_rows(s)};
    initial.push_back(given.columns<double>(state(s, "", "0"), shape));
    d_final.push_back(given.columns<double>(state(s, "g_", "n"), shape));
  }
  final_state.resize(initial.size()), d_initial.resize(initial.size());
  Tape<C> tape;
  OverTime<C> pass(cell, timeline, Direction::forward, tape, theta.values().data());
  pass.forward({views, fixed_views}, initial);
  const MatrixX<double> y = pass.output();
  pass.final_state(final_state);
  const MatrixX<double> d_y =
      timeline.pack(given.columns<double>("g_y", {layout.steps, layout.batch, cell.output_rows()}));
  pass.backward({views, fixed_views}, view(d_y), d_final, gradient.values().data(), {d_views, d_fixed_views},
                d_initial);

  SafeTensors out;
  out.tensors["y"] = layout.unpacked(y);
  for (std::size_t k = 0; k < in.size(); ++k) out.tensors["d_" + names[k]] = layout.unpacked(d_in[k]);
  for (int s = 0; s < C::states; ++s) {
    const std::vector<Index> shape{layout.batch, cell.state_rows(s)};
    out.tensors[state(s, "", "n")] = tensor(final_state[std::size_t(s)], shape);
    out.tensors[state(s, "d_", "0")] = tensor(d_initial[std::size_t(s)], shape);
  }
  for (const ParameterBlock& block : theta.table().blocks()) {
    const std::string theirs = name_of(block.name, others);
    if (theirs.empty()) continue;
    out.tensors["d_" + theirs] = tensor(MatrixX<double>(gradient.block(block).transpose()), given.input(theirs).shape);
  }
  return out;
}

/// Throws Refused if the metadata describe another cell.
void check_cell(const Case& given, const std::string& inputs, const std::string& states, const std::string& output,
                const std::string& constants = "") {
  given.only("inputs", {inputs}), given.only("states", {states}), given.only("output", {output});
  given.only("constants", {constants});
  given.options().has("params"), given.options().has("without_gradient");
}

}  // namespace

SafeTensors compute_cell(const Case& given) {
  const auto op = given.at<std::string>("op");
  const Index features = given.extent("x", 2, 3);
  if (op == "cornn") {
    check_cell(given, "x", "y z", "y");
    const Index units = given.extent("b", 0, 1);
    given.check("H", units);
    return run<cornn>(given, {.inputs = {features}, .units = units, .constants = {}, .sizes = {}}, {"x"},
                      {{"z.x", "W_x"}, {"z.y", "W_y"}, {"z.z", "W_z"}, {"z.b", "b"}});
  }
  if (op == "mingru") {
    check_cell(given, "x", "h", "h");
    const Index units = given.extent("b_z", 0, 1);
    given.check("H", units);
    return run<mingru>(given, {.inputs = {features}, .units = units, .constants = {}, .sizes = {}}, {"x"});
  }
  if (op == "cfc") {
    check_cell(given, "x dt", "h", "h");
    const Index units = given.extent("b_a", 0, 1), backbone = given.extent("b_u", 0, 1);
    given.check("H", units), given.check("U", backbone);
    return run<cfc>(given,
                    {.inputs = {features, given.extent("dt", 2, 3)},
                     .units = units,
                     .constants = {},
                     .sizes = {{"backbone", backbone}}},
                    {"x", "dt"}, {{"td.dt", ""}, {"a.u", "W_a"}, {"g.u", "W_g"}, {"ta.u", "W_ta"}, {"tb.u", "W_tb"}});
  }
  if (op == "lmu") {
    check_cell(given, "x", "h m", "h", "A_bar B_bar");
    const Index units = given.extent("W_h", 0, 2), rows = given.extent("A_bar", 0, 2);
    given.check("H", units), given.check("M", rows);
    return run<lmu>(
        given, {.inputs = {features}, .units = units, .constants = {}, .sizes = {{"drive", 1}, {"order", rows}}}, {"x"},
        {{"u.x", "e_x"},
         {"u.h", "e_h"},
         {"u.m", "e_m"},
         {"m.m", "A_bar"},
         {"m.u", "B_bar"},
         {"h.x", "W_x"},
         {"h.h", "W_h"},
         {"h.m_next", "W_m"}});
  }
  const bool dropout = op == "variational_dropout_lstm_masks";
  if (op != "zoneout_lstm_masks" && op != "mogrifier_lstm" && !dropout) given.options().refuse("op");
  const Index units = given.extent("b_i", 0, 1);
  given.check("H", units);
  if (op == "zoneout_lstm_masks") {
    check_cell(given, "x d_c d_h", "h c", "h");
    return run<zoneout_lstm>(given, {.inputs = {features, units, units}, .units = units, .constants = {}, .sizes = {}},
                             {"x", "d_c", "d_h"}, {{"kc.d_c", ""}, {"kh.d_h", ""}});
  }
  if (dropout) {
    check_cell(given, "x", "h c", "h", "z_x z_h");
    Names names{{"x0.x", ""}, {"kx.z_x", ""}, {"kh.z_h", ""}};
    for (const std::string gate : {"i", "f", "g", "o"})
      names[gate + ".x1"] = text("W_", gate, "_x"), names[gate + ".h1"] = text("W_", gate, "_h");
    return run<dropout_lstm>(
        given,
        {.inputs = {features}, .units = units, .constants = {features, units}, .sizes = {{"features", features}}},
        {"x"}, names, {"z_x", "z_h"});
  }
  check_cell(given, "x", "h c", "h");
  Names names{{"x0.x", ""}, {"x1.h", "Q1"}, {"h1.x1", "R2"}, {"x2.h1", "Q3"}, {"h2.x2", "R4"}};
  for (const std::string gate : {"i", "f", "g", "o"})
    names[gate + ".x2"] = text("W_", gate, "_x"), names[gate + ".h2"] = text("W_", gate, "_h");
  return run<mogrifier_lstm>(
      given, {.inputs = {features}, .units = units, .constants = {}, .sizes = {{"features", features}}}, {"x"}, names);
}

}  // namespace conformance
