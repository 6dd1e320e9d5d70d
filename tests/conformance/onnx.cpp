// Operators RNN, GRU and LSTM of ONNX in the type of the case: directions, sequence_lens, peepholes, activations, clip,
// input_forget.

#include <cctype>

#include "chosen_cells.hpp"
#include "run.hpp"
#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/io/import/onnx_weights.hpp"

namespace conformance {
namespace {

class Attributes {
 public:
  /// `defaults`: one default for each activation of the operator.
  Attributes(const Case& given, std::vector<std::string> defaults)
      : options_(given.options({"attributes"})), defaults_(std::move(defaults)) {
    options_.only("direction", {"forward", "reverse", "bidirectional"});
    for (const char* name : {"layout", "linear_before_reset", "input_forget"}) options_.only(name, {0, 1});
    if (options_.has("hidden_size"))
      require<ValueError>(options_.at<Index>("hidden_size") == given.extent("R", 2, 3),
                          "option 'attributes.hidden_size' is ", options_.at<Index>("hidden_size"),
                          ", but the tensor 'R' says ", given.extent("R", 2, 3));
    read_choices();
  }

  Index directions() const { return options_.value("direction", "forward") == "bidirectional" ? 2 : 1; }
  Direction direction(Index d) const {
    return d == 1 || options_.value("direction", "forward") == "reverse" ? Direction::backward : Direction::forward;
  }
  bool batch_first() const { return flag("layout"); }
  bool flag(const char* name) const { return options_.value<Index>(name, 0) == 1; }
  bool plain() const { return !options_.has("activations") && !options_.has("clip"); }

  /// Sets the activations of a direction; call it before each forward and backward pass.
  void choose(Index direction) const {
    const auto first = choices_.begin() + direction * Index(defaults_.size());
    std::vector<Choice> own(first, first + Index(defaults_.size()));
    // The limit does not apply to the argument of the activation of the cell state.
    for (std::size_t k = 0; k < std::min<std::size_t>(own.size(), 2); ++k)
      own[k].limit = options_.value("clip", own[k].limit);
    own.resize(3);
    conformance::choose(own[0], own[1], own[2]);
  }

 private:
  /// Reads the activations. Alphas and betas are assigned in order to those activations that have them; names are
  /// case-insensitive.
  void read_choices() {
    const std::size_t count = defaults_.size() * std::size_t(directions());
    auto names = options_.value("activations", std::vector<std::string>());
    for (std::size_t k = names.size(); k < count; ++k) names.push_back(defaults_[k % defaults_.size()]);
    require<ValueError>(names.size() == count, "option 'attributes.activations' has ", names.size(),
                        " names, expected ", count);
    auto alphas = options_.value("activation_alpha", std::vector<double>()),
         betas = options_.value("activation_beta", std::vector<double>());
    const auto next = [](std::vector<double>& values, double otherwise) {
      if (values.empty()) return otherwise;
      const double first = values.front();
      values.erase(values.begin());
      return first;
    };
    for (std::string& name : names) {
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return char(std::tolower(c)); });
      Choice choice{.name = name};
      if (name == "hardsigmoid") choice.alpha = next(alphas, 0.2), choice.beta = next(betas, 0.5);
      if (name == "leakyrelu") choice.alpha = next(alphas, 0.01);
      if (name == "elu" || name == "thresholdedrelu") choice.alpha = next(alphas, 1);
      if (name == "affine") choice.alpha = next(alphas, 1), choice.beta = next(betas, 0);
      if (name == "scaledtanh") choice.alpha = next(alphas, 1), choice.beta = next(betas, 1);
      choices_.push_back(choice);
    }
    require<ValueError>(alphas.empty() && betas.empty(), "there are ", alphas.size(),
                        " values of activation_alpha and ", betas.size(),
                        " of activation_beta that no activation takes");
  }

  Options options_;
  std::vector<std::string> defaults_;
  std::vector<Choice> choices_;
};

struct OnnxLayout {
  OnnxLayout(const Case& given, const Attributes& attributes)
      : batch_first(attributes.batch_first()),
        directions(attributes.directions()),
        steps(given.extent("X", batch_first ? 1 : 0, 3)),
        batch(given.extent("X", batch_first ? 0 : 1, 3)),
        timeline(timeline_of_lengths(given, "sequence_lens", batch, steps)) {}

  /// Shape of a state in all directions, without its rows.
  std::vector<Index> of_states() const {
    return batch_first ? std::vector<Index>{batch, directions} : std::vector<Index>{directions, batch};
  }
  std::vector<Index> of_output(Index rows) const {
    if (batch_first) return {batch, steps, directions, rows};
    return {steps, directions, batch, rows};
  }

  template <class S>
  MatrixX<S> packed(const MatrixX<S>& m) const {
    return timeline.pack(batch_first ? swapped(m, batch) : m);
  }

  /// Tensor (D, B, H), or (B, D, H) if the batch is first, from one matrix [units x batch] per direction.
  template <class S>
  Tensor states(const std::vector<MatrixX<S>>& slices) const {
    MatrixX<S> all(slices[0].rows(), directions * batch);
    for (Index d = 0; d < directions; ++d) all.middleCols(d * batch, batch) = slices[std::size_t(d)];
    if (batch_first) return tensor(swapped(all, directions), {batch, directions, all.rows()});
    return tensor(all, {directions, batch, all.rows()});
  }
  /// Inverse of states(): columns in the order (D, B).
  template <class S>
  MatrixX<S> by_direction(const MatrixX<S>& m) const {
    return batch_first && m.cols() > 0 ? swapped(m, batch) : m;
  }

  /// Calls f(d, column of (T, B), column of (T, D, B) or (B, T, D)) for every direction d, step and sample.
  template <class F>
  void each_column(F&& f) const {
    for (Index t = 0; t < steps; ++t)
      for (Index b = 0; b < batch; ++b)
        for (Index d = 0; d < directions; ++d)
          f(d, t * batch + b, batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b);
  }

  bool batch_first;
  Index directions, steps, batch;
  Timeline timeline;
};

const std::vector<std::string> initial_names{"initial_h", "initial_c"}, final_names{"Y_h", "Y_c"};

template <class S>
State<S> slice_of(const std::vector<MatrixX<S>>& states, const OnnxLayout& layout, Index d) {
  std::vector<MatrixX<S>> ordered;
  for (const MatrixX<S>& state : states) ordered.push_back(layout.by_direction(state));
  return state_slice(ordered, d, layout.batch);
}

template <class S>
void put_states(SafeTensors& out, const std::vector<std::string>& names, const std::vector<State<S>>& by_direction,
                const OnnxLayout& layout) {
  for (std::size_t s = 0; s < by_direction[0].size(); ++s) {
    std::vector<MatrixX<S>> slices;
    for (const State<S>& state : by_direction) slices.push_back(state[s]);
    out.tensors[names[s]] = layout.states(slices);
  }
}

template <class C>
void run_back(const Case& given, const Attributes& attributes, const OnnxLayout& layout, std::vector<Run<C>>& runs,
              SafeTensors& out) {
  using S = typename C::Scalar;
  const MatrixX<S> g_y = given.columns<S>("g_Y", layout.of_output(runs[0].cell.output_rows()));
  const auto g_final = states_if_any(given, {"g_Y_h", "g_Y_c"}, runs[0].cell, layout.of_states());
  std::vector<MatrixX<S>> d_y(runs.size(), MatrixX<S>(g_y.rows(), layout.steps * layout.batch));
  layout.each_column([&](Index d, Index own, Index all) { d_y[std::size_t(d)].col(own) = g_y.col(all); });
  std::vector<State<S>> d_initial(runs.size());
  MatrixX<S> d_x = MatrixX<S>::Zero(runs[0].cell.input_rows(0), layout.timeline.columns());
  for (Index d = 0; d < layout.directions; ++d) {
    attributes.choose(d);
    Run<C>& run = runs[std::size_t(d)];
    d_x += run.backward(layout.timeline, layout.timeline.pack(d_y[std::size_t(d)]), slice_of(g_final, layout, d),
                        d_initial[std::size_t(d)]);
    write_onnx(run.gradient, "", out, SecondBias::same, "d_");
  }
  const MatrixX<S> time_first = layout.timeline.unpack(d_x);
  out.tensors["d_X"] =
      tensor(layout.batch_first ? swapped(time_first, layout.steps) : time_first, given.input("X").shape);
  put_states(out, {"d_initial_h", "d_initial_c"}, d_initial, layout);
}

template <class C>
SafeTensors run(const Case& given, const Attributes& attributes) {
  using S = typename C::Scalar;
  const OnnxLayout layout(given, attributes);
  const CellSizes sizes{
      .inputs = {given.extent("W", 2, 3)}, .units = given.extent("R", 2, 3), .constants = {}, .sizes = {}};
  given.mark_read("B");
  const auto initial = states_if_any(given, initial_names, C(sizes), layout.of_states());
  const MatrixX<S> x = layout.packed(given.columns<S>("X"));
  require<ShapeError>(x.rows() == sizes.inputs[0], "tensor 'X' has ", x.rows(), " features, 'W' ", sizes.inputs[0]);
  TensorReader reader(given.file());
  std::vector<Run<C>> runs;
  std::vector<State<S>> finals;
  MatrixX<S> y(sizes.units, layout.steps * layout.directions * layout.batch);
  for (Index d = 0; d < layout.directions; ++d) {
    attributes.choose(d);
    Run<C>& run = runs.emplace_back(sizes, attributes.direction(d));
    read_onnx(reader, d, layout.directions, run.theta, "");
    const MatrixX<S> own = layout.timeline.unpack(run.forward(x, layout.timeline, slice_of(initial, layout, d)));
    layout.each_column([&](Index direction, Index from, Index to) {
      if (direction == d) y.col(to) = own.col(from);
    });
    finals.push_back(run.final_state(layout.timeline));
  }
  SafeTensors out;
  out.tensors["Y"] = tensor(y, layout.of_output(y.rows()));
  put_states(out, final_names, finals, layout);
  if constexpr (std::same_as<S, double>) {  // no float case has gradients
    if (given.has("g_Y")) run_back(given, attributes, layout, runs, out);
  }
  return out;
}

/// Results with the library's cell if the activations are the default ones, else with the cell of chosen activations.
template <class Plain, const auto& any>
SafeTensors run_either(const Case& given, const Attributes& attributes) {
  if (attributes.plain()) return run<Plain>(given, attributes);
  return run<EquationCell<typename Plain::Scalar, any>>(given, attributes);
}

template <class S>
SafeTensors compute_in(const Case& given) {
  const auto op = given.at<std::string>("op");
  if (op == "onnx_RNN") {
    given.only("gate_order", {"single"});
    return run_either<Elman<S>, any::rnn>(given, Attributes(given, {"Tanh"}));
  }
  if (op == "onnx_GRU") {
    given.only("gate_order", {"z,r,h"});
    const Attributes attributes(given, {"Sigmoid", "Tanh"});
    return attributes.flag("linear_before_reset")
               ? run_either<Gru<S>, any::gru>(given, attributes)
               : run_either<GruResetBefore<S>, any::gru_reset_before>(given, attributes);
  }
  if (op != "onnx_LSTM") given.options().refuse("op");
  given.only("gate_order", {"i,o,f,c; peepholes i,o,f", "i,o,f,c"});
  const Attributes attributes(given, {"Sigmoid", "Tanh", "Tanh"});
  const bool peepholes = given.has("P");
  if (peepholes) given.mark_read("P");
  if (attributes.flag("input_forget"))
    return peepholes ? run_either<CoupledPeepholeLstm<S>, any::coupled_lstm>(given, attributes)
                     : run_either<CoupledLstm<S>, any::coupled_lstm>(given, attributes);
  return peepholes ? run_either<PeepholeLstm<S>, any::peephole_lstm>(given, attributes)
                   : run_either<Lstm<S>, any::peephole_lstm>(given, attributes);
}

}  // namespace

SafeTensors compute_onnx(const Case& given) {
  if (given.options().has("opset"))
    require<Refused>(given.at<Index>("opset") >= 7, "option 'opset' = ", given.at<Index>("opset"),
                     " is not supported: expects 7 or later");
  return given.input("X").dtype == DType::F32 ? compute_in<float>(given) : compute_in<double>(given);
}

}  // namespace conformance
