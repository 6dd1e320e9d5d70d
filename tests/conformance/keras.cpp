// Recurrent layers of Keras: masks, both forms of the GRU, backwards, bidirectional, and after an embedding.

#include "unroll/io/import/keras.hpp"

#include "chosen_cells.hpp"
#include "keras_activation.hpp"
#include "lookup.hpp"
#include "run.hpp"
#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/layers/detail/last_step.hpp"

namespace conformance {
namespace {

/// Conversion between Keras's batch-first layout and the library's columns.
struct Layout {
  explicit Layout(const Case& given, Index batch_size, Index step_count) : steps(step_count), batch(batch_size) {
    MatrixX<bool> mask = MatrixX<bool>::Constant(batch, steps, true);
    if (given.has("mask")) given.integers("mask", {batch, steps}, 0, 1);
    if (given.has("mask")) mask = given.columns<double>("mask").transpose().cast<bool>();
    given.check("masked", given.has("mask"));
    given.check("T", steps), given.check("B", batch);
    timeline = Timeline::from_mask(mask);
  }

  MatrixX<double> packed(const MatrixX<double>& batch_first) const {
    return timeline.pack(swapped(batch_first, batch));
  }
  MatrixX<double> unpacked(const MatrixX<double>& m, Padding padding) const { return timeline.unpack(m, padding); }
  Tensor batch_first(const MatrixX<double>& time_first) const {
    return tensor(swapped(time_first, steps), {batch, steps, time_first.rows()});
  }

  /// Gradient of `unpacked`: a masked step's gradient is added to that of the output repeated there.
  MatrixX<double> packed_gradient(MatrixX<double> time_first, Padding padding) const {
    MatrixX<double> valid = timeline.unpack(MatrixX<double>(MatrixX<double>::Ones(1, timeline.columns())));
    for (Index k = steps - 1; k > 0 && padding != Padding::zero; --k) {
      const bool next = padding == Padding::repeat_next;
      const Index from = next ? steps - 1 - k : k, to = next ? from + 1 : from - 1;
      for (Index b = 0; b < batch; ++b)
        if (valid(0, from * batch + b) == 0) time_first.col(to * batch + b) += time_first.col(from * batch + b);
    }
    return timeline.pack(time_first);
  }

  Index steps, batch;
  Timeline timeline;
};

MatrixX<double> reversed_in_time(const MatrixX<double>& time_first, Index steps) {
  const Index batch = time_first.cols() / steps;
  MatrixX<double> reversed(time_first.rows(), time_first.cols());
  for (Index t = 0; t < steps; ++t)
    reversed.middleCols((steps - 1 - t) * batch, batch) = time_first.middleCols(t * batch, batch);
  return reversed;
}

/// Options of the layer, from all places where the metadata may have them.
Options layer_options(const Case& given) { return given.options({"", "arguments", "keras_kwargs"}); }

/// Parameters whose names begin with `prefix`. A layer without biases gets zero biases.
SafeTensors parameters_of(const Case& given, const std::string& prefix, const ParameterTable& table) {
  SafeTensors file;
  const bool biased = given.has(prefix + "bias");
  require<ValueError>(layer_options(given).value("use_bias", biased) == biased, "option 'use_bias' and the tensor '",
                      prefix, "bias' do not agree");
  for (const std::string name : {"kernel", "recurrent_kernel", "bias"})
    if (name != "bias" || biased) file.tensors[prefix + name] = given.input(prefix + name);
  if (biased) return file;
  const Index rows = given.extent(prefix + "kernel", 1, 2);
  const MatrixX<double> zero = MatrixX<double>::Zero(2, rows);
  const bool two = GateLayout(table, "", System::keras).has_recurrent_biases();
  file.tensors[prefix + "bias"] = two ? Tensor::of(zero) : Tensor::of(VectorX<double>(zero.row(0)));
  return file;
}

/// One direction of a layer, with its parameters.
template <class C>
struct Half {
  Half(const Case& given, std::string prefix_of_names, const CellSizes& sizes, Direction direction)
      : prefix(std::move(prefix_of_names)), run(sizes, direction) {
    const SafeTensors file = parameters_of(given, prefix, run.theta.table());
    TensorReader reader(file);
    read_keras(reader, prefix, run.theta, "");
  }
  std::vector<std::string> names(const std::string& before, const std::string& after) const {
    return {before + prefix + "h" + after, before + prefix + "c" + after};
  }

  std::string prefix;
  Run<C> run;
};

void put_states(SafeTensors& out, const std::vector<std::string>& names, const State<double>& states) {
  for (std::size_t s = 0; s < states.size(); ++s)
    out.tensors[names[s]] = tensor(states[s], {states[s].cols(), states[s].rows()});
}

/// Merge mode of a Bidirectional layer.
class Merging {
 public:
  Merging(std::string how, Index rows) : how_(std::move(how)), rows_(rows) {}
  MatrixX<double> merged(const std::vector<MatrixX<double>>& halves) const {
    MatrixX<double> all = halves.front();
    if (how_ == "concat") all.conservativeResize(2 * rows_, Eigen::NoChange), all.bottomRows(rows_) = halves.back();
    if (how_ == "sum" || how_ == "ave") all += halves.back();
    if (how_ == "ave") all /= 2;
    if (how_ == "mul") all.array() *= halves.back().array();
    return all;
  }
  MatrixX<double> gradient(const MatrixX<double>& d_all, const std::vector<MatrixX<double>>& halves,
                           std::size_t half) const {
    if (how_ == "concat") return d_all.middleRows(Index(half) * rows_, rows_);
    if (how_ == "ave") return d_all / 2;
    return how_ == "mul" ? MatrixX<double>(d_all.cwiseProduct(halves[1 - half])) : d_all;
  }
  Index rows() const { return how_ == "concat" ? 2 * rows_ : rows_; }

 private:
  std::string how_;
  Index rows_;
};

/// Whether masked outputs are zero. For Bidirectional the metadata state this in words.
bool zero_where_masked(const Case& given, bool both) {
  const bool asked = given.options({"arguments", "keras_kwargs"}).value("zero_output_for_mask", false);
  given.only("zero_output_for_mask", {true, false, "forced on by Bidirectional when return_sequences"});
  const auto said = given.file().metadata.find("zero_output_for_mask");
  return both || asked || (said != given.file().metadata.end() && said->second == "true");
}

/// Results of a layer for x [inputs x columns] of the layout. Returns the gradient of x and writes all others to `out`.
template <class C>
MatrixX<double> run_layer(const Case& given, const Layout& layout, const MatrixX<double>& x, const CellSizes& sizes,
                          SafeTensors& out) {
  const Timeline& timeline = layout.timeline;
  const auto options = layer_options(given);
  for (const char* name : {"bidirectional_merge", "merge_mode"})
    options.only(name, {"none", "concat", "sum", "ave", "mul"});
  const std::string merge = options.value("bidirectional_merge", options.value("merge_mode", "none"));
  const bool both = merge != "none", backwards = options.value("go_backwards", false),
             steps = options.value("return_sequences", true);
  if (both) options.only("go_backwards", {false});
  std::vector<Half<C>> halves;
  halves.emplace_back(given, both ? "forward_" : "", sizes, backwards ? Direction::backward : Direction::forward);
  if (both) halves.emplace_back(given, "backward_", sizes, Direction::backward);
  given.check("initial_state", given.has(halves[0].names("", "0")[0]));
  const Padding padding = zero_where_masked(given, both) ? Padding::zero
                          : backwards                    ? Padding::repeat_next
                                                         : Padding::repeat_previous;
  const Merging merging(merge, halves[0].run.cell.output_rows());
  const std::vector<Index> of_states{layout.batch};

  std::vector<MatrixX<double>> outputs;
  for (Half<C>& half : halves) {
    Run<C>& run = half.run;
    const MatrixX<double> own =
        run.forward(x, timeline, states_if_any(given, half.names("", "0"), run.cell, of_states));
    MatrixX<double> last(own.rows(), layout.batch);
    unroll::detail::gather_last(own, timeline, run.direction(), last);
    outputs.push_back(steps ? layout.unpacked(own, padding) : timeline.by_sample(last));
    put_states(out, half.names("", "n"), run.final_state(timeline));
  }
  const MatrixX<double> y = merging.merged(outputs);
  out.tensors["y"] = steps ? layout.batch_first(backwards ? reversed_in_time(y, layout.steps) : y)
                           : tensor(y, {layout.batch, y.rows()});

  MatrixX<double> d_y = given.columns<double>("g_y", out.tensors["y"].shape), d_x = 0 * x;
  if (steps) d_y = swapped(d_y, layout.batch);
  if (steps && backwards) d_y = reversed_in_time(d_y, layout.steps);
  for (std::size_t k = 0; k < halves.size(); ++k) {
    Run<C>& run = halves[k].run;
    MatrixX<double> d_own = merging.gradient(d_y, outputs, k);
    if (steps) {
      d_own = layout.packed_gradient(d_own, padding);
    } else {
      const MatrixX<double> d_last = timeline.by_rank(d_own);
      d_own.resize(d_last.rows(), timeline.columns());
      unroll::detail::scatter_last(d_last, timeline, run.direction(), d_own);
    }
    State<double> d_initial;
    d_x +=
        run.backward(timeline, d_own, states_if_any(given, halves[k].names("g_", "n"), run.cell, of_states), d_initial);
    put_states(out, halves[k].names("d_", "0"), d_initial);
    write_keras(run.gradient, "", out, "d_" + halves[k].prefix, SecondBias::same);
  }
  return d_x;
}

template <class C>
SafeTensors run(const Case& given, Index gates) {
  const std::string prefix = given.has("kernel") ? "" : "forward_";
  const CellSizes sizes{.inputs = {given.extent(prefix + "kernel", 0, 2)},
                        .units = given.extent(prefix + "recurrent_kernel", 0, 2),
                        .constants = {},
                        .sizes = {}};
  require<ShapeError>(given.extent(prefix + "kernel", 1, 2) == gates * sizes.units, "tensor '", prefix, "kernel' has ",
                      given.extent(prefix + "kernel", 1, 2), " columns for ", gates, " gates of ", sizes.units,
                      " units");
  given.check("H", sizes.units), given.check("I", sizes.inputs[0]);
  const auto options = layer_options(given);
  require<ValueError>(options.value("units", sizes.units) == sizes.units,
                      "option 'units' and the tensors do not agree");
  SafeTensors out;
  if (given.has("x")) {
    const Layout layout(given, given.extent("x", 0, 3), given.extent("x", 1, 3));
    const auto d_x = run_layer<C>(
        given, layout, layout.packed(given.columns<double>("x", {layout.batch, layout.steps, sizes.inputs[0]})), sizes,
        out);
    out.tensors["d_x"] = layout.batch_first(layout.unpacked(d_x, Padding::zero));
    return out;
  }
  // After an embedding: rows of its table take the place of x.
  const Layout layout(given, given.extent("index", 0, 2), given.extent("index", 1, 2));
  const Index words = given.extent("embeddings", 0, 2);
  const auto indices = given.integers("index", {layout.batch, layout.steps}, 0, words - 1);
  const auto mask = given.integers("mask", {layout.batch, layout.steps});
  for (std::size_t k = 0; k < indices.size(); ++k)
    require<ValueError>((indices[k] != 0) == (mask[k] != 0), "the mask is not that of mask_zero");
  given.check("V", words), given.check("D", sizes.inputs[0]);
  Lookup lookup(given.columns<double>("embeddings", {words, sizes.inputs[0]}));
  const MatrixX<double> tokens = given.columns<double>("index").reshaped(1, layout.batch * layout.steps);
  const MatrixX<double> x = lookup.forward(layout.packed(tokens));
  const MatrixX<double> d_table = lookup.gradient(run_layer<C>(given, layout, x, sizes, out));
  out.tensors["d_embeddings"] = tensor(d_table, {d_table.cols(), d_table.rows()});
  return out;
}

/// Results with the library's cell if the activations are the default ones, else with the cell of chosen activations.
template <class Plain, const auto& any>
SafeTensors run_either(const Case& given, Index gates) {
  const auto options = layer_options(given);
  const std::string outer = keras_activation_name(options, "activation", "tanh"),
                    inner = keras_activation_name(options, "recurrent_activation", "sigmoid");
  if (outer == "tanh" && (gates == 1 || inner == "sigmoid")) return run<Plain>(given, gates);
  const Choice own = keras_activation(given, outer), gate = keras_activation(given, inner);
  if (gates == 1)
    choose(own, {}, {});
  else
    choose(gate, own, own);
  return run<EquationCell<double, any>>(given, gates);
}

}  // namespace

SafeTensors compute_keras(const Case& given) {
  const auto op = given.at<std::string>("op");
  if (given.has("y_defined")) given.mark_read("y_defined");
  const auto options = layer_options(given);
  for (const char* name : {"dropout", "recurrent_dropout"}) options.only(name, {0});
  options.only("unroll", {false, true}), options.only("stateful", {false});
  options.only("mask_zero", {true});
  const bool states = given.has("hn") || given.has("forward_hn");
  require<ValueError>(options.value("return_state", states) == states,
                      "option 'return_state' and the tensors do not agree");
  if (op.ends_with("_SimpleRNN")) {
    given.only("layer", {"SimpleRNN"}), given.only("gate_order", {"single"});
    return run_either<Elman<double>, any::rnn>(given, 1);
  }
  if (op.ends_with("_LSTM")) {
    given.only("layer", {"LSTM"}), given.only("gate_order", {"i,f,c,o"});
    return run_either<Lstm<double>, any::lstm>(given, 4);
  }
  given.only("layer", {"GRU"}), given.only("gate_order", {"z,r,h"});
  return options.value("reset_after", true) ? run_either<Gru<double>, any::gru>(given, 3)
                                            : run_either<GruResetBefore<double>, any::gru_reset_before>(given, 3);
}

}  // namespace conformance
