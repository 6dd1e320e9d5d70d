// Cells of newer papers, of the library or written as equations. The case's weight W_GATE_SOURCE is the cell's
// GATE.SOURCE, its bias b_GATE the cell's GATE.b, its vector w the cell's w.

#include "cells.hpp"

#include <iterator>
#include <sstream>

#include "cell_equations.hpp"
#include "unroll/cells/continuous_time.hpp"
#include "unroll/cells/lmu.hpp"
#include "unroll/cells/lru.hpp"
#include "unroll/cells/min_gru.hpp"
#include "unroll/cells/mogrifier_lstm.hpp"
#include "unroll/cells/slstm.hpp"
#include "unroll/engine/over_time.hpp"

namespace conformance {
namespace {

// Name in the cell -> name in the case, or several names of tensors whose rows are stacked.
using Names = std::map<std::string, std::string>;

std::vector<std::string> words_of(const std::string& all) {
  std::istringstream in(all);
  return {std::istream_iterator<std::string>(in), {}};
}

std::string name_of(const std::string& ours, const Names& others) {
  if (others.contains(ours)) return others.at(ours);
  const auto dot = ours.find('.');
  if (dot == ours.npos) return ours;
  std::string gate = ours.substr(0, dot), source = ours.substr(dot + 1);
  return source == "b" ? "b_" + gate : text("W_", gate, "_", source);
}

struct Layout {
  /// `x`: the name of an input.
  Layout(const Case& given, const std::string& x) : steps(given.extent(x, 0, 3)), batch(given.extent(x, 1, 3)) {
    given.check("T", steps), given.check("B", batch);
    if (x == "x") given.check("I", given.extent("x", 2, 3));
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
                const Names& others = {}, const std::vector<std::string>& constants = {},
                const std::map<std::string, double>& factors = {}) {
  using C = EquationCell<double, equations>;
  const Layout layout(given, given.has("x") ? "x" : names.at(0));
  const Timeline& timeline = layout.timeline;
  const C cell(sizes);
  Parameters<double> theta(cell.parameters()), gradient(cell.parameters());
  for (const ParameterBlock& block : theta.table().blocks()) {
    const auto parts = words_of(name_of(block.name, others));
    const Index rows = block.rows / Index(parts.size());
    for (Index k = 0; k < Index(parts.size()); ++k) {
      const std::string& theirs = parts[std::size_t(k)];
      auto part = theta.block(block).middleRows(k * rows, rows);
      const auto shape = given.input(theirs).shape;
      if (block.cols == 1)  // a vector, or the elements of a matrix
        part = given.columns<double>(theirs).reshaped(rows, 1);
      else if (shape.size() == 1)
        part = given.vector(theirs, rows * block.cols).reshaped(rows, block.cols);
      else if (shape.size() == 3)  // [heads, rows, columns]
        part = given.columns<double>(theirs, {shape[0], rows / shape[0], block.cols}).transpose();
      else
        part = given.columns<double>(theirs, {rows, block.cols}).transpose();
    }
  }

  for (const auto& [block, factor] : factors) theta[block] *= factor;

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
    const Index rows = cell.constant_rows(int(k));
    if (given.input(constants[k]).shape.size() == 1)  // the same for all samples
      fixed.push_back(given.vector(constants[k], rows).reshaped(rows, 1).replicate(1, layout.batch));
    else
      fixed.push_back(timeline.by_rank(given.columns<double>(constants[k], {layout.batch, rows})));
    d_fixed.push_back(0 * fixed.back());
  }
  for (std::size_t k = 0; k < fixed.size(); ++k)
    fixed_views.push_back(view(std::as_const(fixed[k]))), d_fixed_views.push_back(view(d_fixed[k]));

  State<double> initial, final_state, d_final, d_initial;
  const auto state = [&](int s, const std::string& before, const std::string& after) {
    return before + std::string(C::program.state[s].name) + after;
  };
  // A state [batch, rows], or [batch, rows, columns] for a matrix.
  const auto columns_of = [&](const std::string& name, Index rows) {
    return MatrixX<double>(given.columns<double>(name).reshaped(rows, layout.batch));
  };
  for (int s = 0; s < C::states; ++s) {
    initial.push_back(columns_of(state(s, "", "0"), cell.state_rows(s)));
    d_final.push_back(columns_of(state(s, "g_", "n"), cell.state_rows(s)));
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
  for (const auto& [block, factor] : factors) gradient[block] *= factor;

  SafeTensors out;
  out.tensors["y"] = layout.unpacked(y);
  for (std::size_t k = 0; k < in.size(); ++k) out.tensors["d_" + names[k]] = layout.unpacked(d_in[k]);
  for (int s = 0; s < C::states; ++s) {
    const auto& shape = given.input(state(s, "", "0")).shape;
    out.tensors[state(s, "", "n")] = tensor(final_state[std::size_t(s)], shape);
    out.tensors[state(s, "d_", "0")] = tensor(d_initial[std::size_t(s)], shape);
  }
  for (const ParameterBlock& block : theta.table().blocks()) {
    const auto parts = words_of(name_of(block.name, others));
    const Index rows = block.rows / Index(parts.size());
    for (Index k = 0; k < Index(parts.size()); ++k)
      out.tensors["d_" + parts[std::size_t(k)]] =
          tensor(MatrixX<double>(gradient.block(block).middleRows(k * rows, rows).transpose()),
                 given.input(parts[std::size_t(k)]).shape);
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
  if (op == "gated_delta_rule") {
    check_cell(given, "q k v alpha beta", "S", "y");
    const Index keys = given.extent("k", 2, 3), values = given.extent("v", 2, 3);
    given.check("K", keys), given.check("V", values);
    return run<equations::gated_delta_rule>(given, {.inputs = {keys, 1, 1, values, keys}, .units = values},
                                            {"k", "alpha", "beta", "v", "q"});
  }
  const Index inputs = given.extent("x", 2, 3);
  const auto units_of = [&](const char* name) {
    const Index units = given.extent(name, 0, 1);
    given.check("H", units);
    return units;
  };
  // Names of the tensors of all gates, whose rows are stacked: "W_i_x W_f_x".
  const auto stacked = [](const std::string& gates, const std::string& before, const std::string& after) {
    std::string all;
    for (const char gate : gates) all += before + gate + after + " ";
    return all;
  };
  if (op == "cornn") {
    check_cell(given, "x", "y z", "y");
    return run<equations::cornn>(given, {.inputs = {inputs}, .units = units_of("b")}, {"x"},
                                 {{"z.x", "W_x"}, {"z.y", "W_y"}, {"z.z", "W_z"}, {"z.b", "b"}});
  }
  if (op == "mingru") {
    check_cell(given, "x", "h", "h");
    return run<unroll::equations::min_gru>(given, {.inputs = {inputs}, .units = units_of("b_z")}, {"x"});
  }
  if (op == "cfc") {
    check_cell(given, "x dt", "h", "h");
    const Index backbone = given.extent("b_u", 0, 1);
    given.check("U", backbone);
    return run<unroll::equations::cfc>(
        given,
        {.inputs = {inputs, given.extent("dt", 2, 3)}, .units = units_of("b_a"), .sizes = {{"backbone", backbone}}},
        {"x", "dt"}, {{"a.u", "W_a"}, {"g.u", "W_g"}, {"ta.u", "W_ta"}, {"tb.u", "W_tb"}});
  }
  if (op == "lmu") {
    check_cell(given, "x", "h m", "h", "A_bar B_bar");
    const Index units = given.extent("W_h", 0, 2), rows = given.extent("A_bar", 0, 2);
    given.check("H", units), given.check("M", rows);
    return run<unroll::equations::lmu<784>>(given, {.inputs = {inputs}, .units = units, .sizes = {{"order", rows}}},
                                            {"x"},
                                            {{"u.x", "e_x"},
                                             {"u.h", "e_h"},
                                             {"u.m", "e_m"},
                                             {"m.m", "A_bar"},
                                             {"m2.u", "B_bar"},
                                             {"h.x", "W_x"},
                                             {"h.h", "W_h"},
                                             {"h.m_next", "W_m"}});
  }
  if (op == "layernorm_lstm") {
    check_cell(given, "x", "h c", "h");
    return run<equations::layernorm_lstm>(given, {.inputs = {inputs}, .units = units_of("b_f")}, {"x"},
                                          {{"ax.x", stacked("fiog", "W_", "_x")},
                                           {"ah.h", stacked("fiog", "W_", "_h")},
                                           {"b", stacked("fiog", "b_", "")}});
  }
  if (op == "layernorm_gru") {
    check_cell(given, "x", "h", "h");
    return run<equations::layernorm_gru>(given, {.inputs = {inputs}, .units = units_of("gain_nx")}, {"x"},
                                         {{"ax.x", stacked("zr", "W_", "_x")},
                                          {"ah.h", stacked("zr", "W_", "_h")},
                                          {"nx.x", "W_n_x"},
                                          {"nh.h", "W_n_h"}});
  }
  if (op == "gru_d") {
    check_cell(given, "x m delta", "h x_last", "h", "x_mean");
    Names names{{"gamma_h.delta", "W_gh"}, {"gamma_h.b", "b_gh"}};
    for (const std::string gate : {"z", "r", "n"}) {
      names[gate + ".xhat"] = text("W_", gate, "_x"), names[gate + ".m"] = "V_" + gate;
      names[gate + (gate == "n" ? ".rk" : ".k")] = text("W_", gate, "_h");
    }
    return run<unroll::equations::gru_d>(
        given, {.inputs = {inputs, inputs, inputs}, .units = units_of("b_z"), .constants = {inputs}},
        {"delta", "m", "x"}, names, {"x_mean"});
  }
  if (op == "slstm_heads") {
    check_cell(given, "x", "h c n m", "h");
    given.check("A", Index(2)), given.check("D", given.extent("R_i_h", 1, 3));
    Names names;
    for (const std::string gate : {"i", "f", "z", "o"})
      names[gate + ".x"] = text("W_", gate, "_x"), names[gate + "2.h"] = text("R_", gate, "_h");
    return run<unroll::equations::headed_slstm<2>>(given, {.inputs = {inputs}, .units = units_of("b_i")}, {"x"}, names);
  }
  if (op == "mlstm") {
    check_cell(given, "x", "C n m", "h'");
    given.check("H", Index(4));
    return run<unroll::equations::mlstm>(
        given, {.inputs = {inputs}, .units = units_of("b_q")}, {"x"},
        {{"q.x", "W_q"}, {"k.x", "W_k"}, {"v.x", "W_v"}, {"o.x", "W_o"}, {"i.x", "w_i"}, {"f.x", "w_f"}}, {},
        {{"k.x", 0.5}});  // the case divides W_k x by the root of the 4 rows
  }
  if (op == "ltc") {
    check_cell(given, "x", "h", "h");
    return run<unroll::equations::ltc>(given, {.inputs = {inputs}, .units = units_of("cm")}, {"x"});
  }
  if (op == "lru") {
    check_cell(given, "x", "s_re s_im", "y");
    const Index units = given.extent("nu_log", 0, 1), outputs = given.extent("D", 0, 2);
    given.check("N", units), given.check("O", outputs);
    return run<unroll::equations::lru>(
        given, {.inputs = {inputs}, .units = units, .sizes = {{"outputs", outputs}}}, {"x"},
        {{"s_re.x", "B_re"}, {"s_im.x", "B_im"}, {"y.s_re_next", "C_re"}, {"y2.s_im_next", "C_im"}, {"y.x", "D"}});
  }
  const bool dropout = op == "variational_dropout_lstm_masks";
  if (op != "zoneout_lstm_masks" && op != "mogrifier_lstm" && op != "phased_lstm" && !dropout)
    given.options().refuse("op");
  const Index units = units_of("b_i");
  if (op == "phased_lstm") {
    check_cell(given, "x time", "h c", "h");
    return run<unroll::equations::phased_lstm>(given, {.inputs = {given.extent("time", 2, 3), inputs}, .units = units},
                                               {"time", "x"});
  }
  if (op == "zoneout_lstm_masks") {
    check_cell(given, "x d_c d_h", "h c", "h");
    return run<equations::zoneout_lstm>(given, {.inputs = {inputs, units, units}, .units = units}, {"x", "d_c", "d_h"});
  }
  Names names{{"x1.h", "Q1"}, {"h1.x1", "R2"}, {"x2.h1", "Q3"}, {"h2.x2", "R4"}};
  for (const std::string gate : {"i", "f", "g", "o"}) {
    const std::string number = dropout ? "1" : "2";
    names[text(gate, ".x", number)] = text("W_", gate, "_x"), names[text(gate, ".h", number)] = text("W_", gate, "_h");
  }
  if (dropout) {
    check_cell(given, "x", "h c", "h", "z_x z_h");
    return run<equations::dropout_lstm>(given, {.inputs = {inputs}, .units = units, .constants = {inputs, units}},
                                        {"x"}, names, {"z_x", "z_h"});
  }
  check_cell(given, "x", "h c", "h");
  return run<unroll::equations::mogrifier_lstm>(given, {.inputs = {inputs}, .units = units}, {"x"}, names);
}

}  // namespace conformance
