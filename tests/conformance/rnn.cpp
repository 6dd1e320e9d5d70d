// nn.RNN, nn.LSTM and nn.GRU of PyTorch: layers, directions, lengths, projections, truncated backpropagation.

#include "run.hpp"
#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/io/import/pytorch.hpp"

namespace conformance {
namespace {

std::string suffix_of(Index layer, Index direction) { return text("_l", layer, direction == 1 ? "_reverse" : ""); }

/// Parameters of the module. A module without biases gets zero biases.
SafeTensors parameters_of(const Case& given) {
  SafeTensors file;
  const bool biased = given.has("bias_ih_l0");
  given.check("bias", biased);
  for (const auto& [name, value] : given.file().tensors) {
    if (!name.starts_with("weight_") && !name.starts_with("bias_")) continue;
    file.tensors[name] = given.input(name);
    if (biased || !name.starts_with("weight_ih")) continue;
    const std::string suffix = name.substr(std::string_view("weight_ih").size());
    const VectorX<double> zero = VectorX<double>::Zero(given.extent(name, 0, 2));
    file.tensors["bias_ih" + suffix] = file.tensors["bias_hh" + suffix] = Tensor::of(zero);
  }
  return file;
}

/// Time-major layout of PyTorch: packs and unpacks x, y and their gradients.
struct Layout {
  explicit Layout(const Case& given)
      : steps(given.extent("x", 0, 3)),
        batch(given.extent("x", 1, 3)),
        timeline(timeline_of_lengths(given, "lengths", batch, steps)) {
    given.check("T", steps), given.check("B", batch), given.check("I", given.extent("x", 2, 3));
    given.check("masked", given.has("lengths"));
    given.only("batch_first", {false}), given.only("dropout", {0});
  }
  MatrixX<double> packed(const Case& given, const std::string& name, Index rows) const {
    return timeline.pack(given.columns<double>(name, {steps, batch, rows}));
  }
  Tensor unpacked(const MatrixX<double>& m) const { return tensor(timeline.unpack(m), {steps, batch, m.rows()}); }

  Index steps, batch;
  Timeline timeline;
};

/// Layers of one module, with one or two directions.
template <class C>
class Layers {
 public:
  Layers(const Case& given, const CellSizes& sizes) {
    const SafeTensors file = parameters_of(given);
    TensorReader reader(file);
    directions_ = file.contains("weight_ih" + suffix_of(0, 1)) ? 2 : 1;
    Index features = given.extent("x", 2, 3), layers = 0;
    for (; file.contains("weight_ih" + suffix_of(layers, 0)); ++layers) {
      CellSizes own = sizes;
      own.inputs = {features};
      for (Index d = 0; d < directions_; ++d) {
        runs_.emplace_back(own, d == 0 ? Direction::forward : Direction::backward);
        read_pytorch(reader, "", suffix_of(layers, d), runs_.back().theta, "");
      }
      features = directions_ * rows();
    }
    require<FileError>(layers > 0, "the case has no tensor 'weight_ih_l0'");
    reader.require_all_used();
    given.check("layers", layers), given.check("bidirectional", directions_ == 2);
  }

  Index count() const { return Index(runs_.size()); }
  Index rows() const { return runs_.back().cell.output_rows(); }  ///< of one direction
  Index outputs() const { return directions_ * rows(); }
  const C& cell() const { return runs_.front().cell; }

  /// Forward pass. `states`, one entry per layer and direction: the initial states in, the final states out.
  MatrixX<double> forward(const MatrixX<double>& x, const Timeline& timeline, std::vector<State<double>>& states) {
    MatrixX<double> y = x;
    for (Index first = 0; first < count(); first += directions_) {
      MatrixX<double> next(outputs(), y.cols());
      for (Index k = first; k < first + directions_; ++k) {
        Run<C>& run = runs_[std::size_t(k)];
        next.middleRows((k - first) * rows(), rows()) = run.forward(y, timeline, states[std::size_t(k)]);
        states[std::size_t(k)] = run.final_state(timeline);
      }
      y = next;
    }
    return y;
  }

  /// Backward pass. `d_states`: the gradients of the final states in, those of the initial states out.
  MatrixX<double> backward(const MatrixX<double>& d_output, const Timeline& timeline,
                           std::vector<State<double>>& d_states) {
    MatrixX<double> d_y = d_output;
    for (Index first = count() - directions_; first >= 0; first -= directions_) {
      MatrixX<double> d_below;
      for (Index k = first; k < first + directions_; ++k) {
        State<double> d_initial;
        const MatrixX<double> d_x = runs_[std::size_t(k)].backward(
            timeline, d_y.middleRows((k - first) * rows(), rows()), d_states[std::size_t(k)], d_initial);
        d_states[std::size_t(k)] = d_initial;
        if (k == first)
          d_below = d_x;
        else
          d_below += d_x;
      }
      d_y = d_below;
    }
    return d_y;
  }

  void put_gradient(SafeTensors& out, const std::string& ending) const {
    for (Index k = 0; k < count(); ++k) {
      SafeTensors gradient;
      write_pytorch(runs_[std::size_t(k)].gradient, "", gradient, "", suffix_of(k / directions_, k % directions_),
                    SecondBias::same);
      for (auto& [name, value] : gradient.tensors) out.tensors["d_" + name + ending] = std::move(value);
    }
  }

 private:
  std::vector<Run<C>> runs_;
  Index directions_ = 1;
};

/// States of each layer and direction, from tensors (layers and directions, B, rows).
template <class C>
std::vector<State<double>> slices(const Case& given, const std::vector<std::string>& names, const Layers<C>& layers,
                                  Index batch) {
  const auto all = states_if_any(given, names, layers.cell(), {layers.count(), batch});
  std::vector<State<double>> slices;
  for (Index k = 0; k < layers.count(); ++k) slices.push_back(state_slice(all, k, batch));
  return slices;
}

void put_states(SafeTensors& out, const std::vector<std::string>& names, const std::vector<State<double>>& slices) {
  for (std::size_t s = 0; s < slices.front().size(); ++s) {
    const Index rows = slices.front()[s].rows(), batch = slices.front()[s].cols();
    MatrixX<double> all(rows, batch * Index(slices.size()));
    for (std::size_t k = 0; k < slices.size(); ++k) all.middleCols(Index(k) * batch, batch) = slices[k][s];
    out.tensors[names.at(s)] = tensor(all, {Index(slices.size()), batch, rows});
  }
}

bool has_nan(const Case& given, const std::string& name) { return given.columns<double>(name).hasNaN(); }

/// Results of a module. The option `chunk` gives the steps per chunk: states are carried from chunk to chunk, their
/// gradients are not.
template <class C>
SafeTensors run(const Case& given, const CellSizes& sizes) {
  const Layout layout(given);
  const Timeline& whole = layout.timeline;
  Layers<C> layers(given, sizes);
  const MatrixX<double> x = layout.packed(given, "x", given.extent("x", 2, 3)),
                        d_y = layout.packed(given, "g_y", layers.outputs());
  auto states = slices(given, {"h0", "c0"}, layers, layout.batch);
  const auto d_final = slices(given, {"g_hn", "g_cn"}, layers, layout.batch);
  given.check("h0_nonzero", given.has("h0") && !given.columns<double>("h0").isZero(0));
  given.check("nan_padding", has_nan(given, "x"));
  given.check("nan_upstream_at_padding", has_nan(given, "g_y"));

  const bool cut = given.options().has("chunk");
  const Index chunk = cut ? given.at<Index>("chunk") : std::max<Index>(1, whole.steps());
  require<ValueError>(chunk >= 1, "option 'chunk' must be at least 1, got ", chunk);
  MatrixX<double> y(layers.outputs(), x.cols()), d_x(x.rows(), x.cols());
  SafeTensors out;
  for (Index first = 0; first == 0 || first < whole.steps(); first += chunk) {
    const Index end = std::min(first + chunk, whole.steps());
    const Timeline window = whole.window(first, end);
    const Index column = whole.offset(first), columns = window.columns();
    y.middleCols(column, columns) = layers.forward(x.middleCols(column, columns), window, states);
    auto d_states = end == whole.steps() ? d_final : std::vector<State<double>>(d_final.size());
    d_x.middleCols(column, columns) = layers.backward(d_y.middleCols(column, columns), window, d_states);
    if (first == 0) put_states(out, {"d_h0", "d_c0"}, d_states);
    if (cut) layers.put_gradient(out, text("_chunk", first / chunk));
  }
  layers.put_gradient(out, "");
  out.tensors["y"] = layout.unpacked(y);
  out.tensors["d_x"] = layout.unpacked(d_x);
  put_states(out, {"hn", "cn"}, states);
  return out;
}

}  // namespace

SafeTensors compute_rnn(const Case& given) {
  const auto op = given.at<std::string>("op");
  const Index gates = op == "lstm" ? 4 : op == "gru" ? 3 : 1, rows = given.extent("weight_hh_l0", 0, 2);
  given.only("gate_order", {op == "lstm" ? "i,f,g,o" : op == "gru" ? "r,z,n" : "single"});
  if (gates == 1) given.only("nonlinearity", {op == "rnn_tanh" ? "tanh" : "relu"});
  require<ShapeError>(rows % gates == 0, "tensor 'weight_hh_l0' has ", rows, " rows for ", gates, " gates");
  CellSizes sizes{.inputs = {}, .units = rows / gates, .constants = {}, .sizes = {}};
  const Index projected = given.has("weight_hr_l0") ? given.extent("weight_hh_l0", 1, 2) : 0;
  given.check("H", sizes.units), given.check("proj_size", projected);
  if (op == "rnn_tanh") return run<Elman<double>>(given, sizes);
  if (op == "rnn_relu") return run<ElmanWith<Relu>::Cell<double>>(given, sizes);
  if (op == "gru") return run<Gru<double>>(given, sizes);
  if (projected == 0) return run<Lstm<double>>(given, sizes);
  sizes.sizes = {{"projected", projected}};
  return run<ProjectedLstm<double>>(given, sizes);
}

}  // namespace conformance
