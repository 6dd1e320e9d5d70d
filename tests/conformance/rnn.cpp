// PyTorch's nn.RNN, nn.LSTM and nn.GRU: layers, directions, lengths, projections, truncated backpropagation.

#include "run.hpp"
#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/io/pytorch.hpp"

namespace conformance {
namespace {

std::string suffix_of(Index layer, Index direction) { return text("_l", layer, direction == 1 ? "_reverse" : ""); }

/// A module without biases is one whose biases are zero.
SafeTensors parameters_of(const Case& given) {
  SafeTensors file;
  for (const auto& [name, value] : given.file().tensors) {
    if (!name.starts_with("weight_") && !name.starts_with("bias_")) continue;
    file.tensors[name] = given.input(name);
    if (given.word("bias", "true") == "true" || !name.starts_with("weight_ih")) continue;
    const std::string suffix = name.substr(std::string_view("weight_ih").size());
    const Vector<double> zero = Vector<double>::Zero(value.shape[0]);
    file.tensors["bias_ih" + suffix] = file.tensors["bias_hh" + suffix] = Tensor::of(zero);
  }
  return file;
}

template <class C>
std::vector<Run<C>> make_runs(const Case& given, Index features, const CellSizes& sizes) {
  const SafeTensors file = parameters_of(given);
  TensorReader reader(file);
  std::vector<Run<C>> runs;
  for (Index layer = 0; file.contains("weight_ih" + suffix_of(layer, 0)); ++layer) {
    const Index directions = file.contains("weight_ih" + suffix_of(layer, 1)) ? 2 : 1;
    CellSizes own = sizes;
    own.inputs = {features};
    for (Index d = 0; d < directions; ++d) {
      runs.emplace_back(own, d == 0 ? Direction::forward : Direction::backward);
      read_pytorch(reader, "", suffix_of(layer, d), runs.back().theta, "");
    }
    features = directions * runs.back().cell.output_rows();
  }
  reader.require_all_used();
  return runs;
}

template <class C>
void write_gradient(const Case& given, const Run<C>& run, const std::string& suffix, const std::string& ending,
                    SafeTensors& out) {
  SafeTensors gradient;
  write_pytorch(run.gradient, "", gradient, "", suffix, SecondBias::same);
  for (auto& [name, value] : gradient.tensors)
    if (given.has(name)) out.tensors["d_" + name + ending] = std::move(value);
}

/// Packs and unpacks x, y and their gradients, in PyTorch's time-major layout.
struct Layout {
  explicit Layout(const Case& given) : steps(given.extent("x", 0)), batch(given.extent("x", 1)) {
    const auto lengths =
        given.has("lengths") ? given.integers("lengths") : std::vector<Index>(std::size_t(batch), steps);
    timeline = Timeline::from_mask(mask_of_lengths(lengths, steps));
  }
  Tensor unpacked(const Matrix<double>& m) const { return tensor(timeline.unpack(m), {steps, batch, m.rows()}); }

  Index steps, batch;
  Timeline timeline;
};

const std::vector<std::string> initial_names{"h0", "c0"}, final_names{"hn", "cn"};

void put_states(SafeTensors& out, const std::vector<std::string>& names, const std::vector<State<double>>& slices) {
  for (std::size_t s = 0; s < slices.front().size(); ++s) {
    const Index rows = slices.front()[s].rows(), batch = slices.front()[s].cols();
    Matrix<double> all(rows, batch * Index(slices.size()));
    for (std::size_t k = 0; k < slices.size(); ++k) all.middleCols(Index(k) * batch, batch) = slices[k][s];
    out.tensors[names[s]] = tensor(all, {Index(slices.size()), batch, rows});
  }
}

template <class C>
SafeTensors run_stack(const Case& given, const CellSizes& sizes) {
  const Layout layout(given);
  const Timeline& timeline = layout.timeline;
  auto runs = make_runs<C>(given, given.extent("x", 2), sizes);
  const Index directions = runs.size() > 1 && runs[1].direction() == Direction::backward ? 2 : 1,
              count = Index(runs.size());
  const auto initial = states_if_any<double>(given, initial_names, C::states);
  SafeTensors out;

  Matrix<double> y = timeline.pack(given.columns<double>("x"));
  std::vector<State<double>> finals, d_initials(runs.size());
  for (Index first = 0; first < count; first += directions) {
    Matrix<double> next(directions * runs[std::size_t(first)].cell.output_rows(), y.cols());
    for (Index d = 0; d < directions; ++d) {
      Run<C>& run = runs[std::size_t(first + d)];
      const Index rows = run.cell.output_rows();
      next.middleRows(d * rows, rows) = run.forward(y, timeline, state_slice(initial, first + d, layout.batch));
      finals.push_back(run.final_state(timeline));
    }
    y = next;
  }
  out.tensors["y"] = layout.unpacked(y);
  put_states(out, final_names, finals);

  Matrix<double> d_y = timeline.pack(given.columns<double>("g_y"));
  const auto d_final = states_if_any<double>(given, {"g_hn", "g_cn"}, C::states);
  for (Index first = count - directions; first >= 0; first -= directions) {
    Matrix<double> d_below;
    for (Index d = 0; d < directions; ++d) {
      Run<C>& run = runs[std::size_t(first + d)];
      const Index rows = run.cell.output_rows();
      const Matrix<double> d_x =
          run.backward(timeline, d_y.middleRows(d * rows, rows), state_slice(d_final, first + d, layout.batch),
                       d_initials[std::size_t(first + d)]);
      if (d == 0)
        d_below = d_x;
      else
        d_below += d_x;
      write_gradient(given, run, suffix_of(first / directions, d), "", out);
    }
    d_y = d_below;
  }
  out.tensors["d_x"] = layout.unpacked(d_y);
  put_states(out, {"d_h0", "d_c0"}, d_initials);
  return out;
}

/// Chunks of steps: the state is carried on, its gradient is cut.
template <class C>
SafeTensors run_chunks(const Case& given, const CellSizes& sizes) {
  const Layout layout(given);
  const Timeline& whole = layout.timeline;
  auto runs = make_runs<C>(given, given.extent("x", 2), sizes);
  require<Unsupported>(runs.size() == 1, "truncated backpropagation of one layer only");
  Run<C>& run = runs.front();
  const Index chunk = std::stol(given.word("chunk"));
  const Matrix<double> x = whole.pack(given.columns<double>("x")), d_y = whole.pack(given.columns<double>("g_y"));
  Matrix<double> y(run.cell.output_rows(), x.cols()), d_x(x.rows(), x.cols());
  State<double> state = state_slice(states_if_any<double>(given, initial_names, C::states), 0, layout.batch), cut;
  SafeTensors out;
  for (Index first = 0; first < whole.steps(); first += chunk) {
    const Timeline window = whole.window(first, std::min(first + chunk, whole.steps()));
    const Index column = whole.offset(first), columns = window.columns();
    y.middleCols(column, columns) = run.forward(x.middleCols(column, columns), window, state);
    d_x.middleCols(column, columns) = run.backward(window, d_y.middleCols(column, columns), {}, cut);
    state = run.final_state(window);
    if (first == 0) write_gradient(given, run, "_l0", "_chunk0", out);
  }
  write_gradient(given, run, "_l0", "", out);
  out.tensors["y"] = layout.unpacked(y);
  out.tensors["d_x"] = layout.unpacked(d_x);
  put_states(out, final_names, {state});
  return out;
}

template <class C>
SafeTensors run(const Case& given, const CellSizes& sizes) {
  return given.word("chunk").empty() ? run_stack<C>(given, sizes) : run_chunks<C>(given, sizes);
}

}  // namespace

SafeTensors compute_rnn(const Case& given) {
  const std::string op = given.word("op");
  const Index gates = op == "lstm" ? 4 : op == "gru" ? 3 : 1;
  CellSizes sizes{.inputs = {}, .units = given.extent("weight_hh_l0", 0) / gates, .constants = {}, .sizes = {}};
  if (op == "rnn_tanh") return run<Elman<double>>(given, sizes);
  if (op == "rnn_relu") return run<Elman<double, Relu>>(given, sizes);
  if (op == "gru") return run<Gru<double>>(given, sizes);
  if (!given.has("weight_hr_l0")) return run<Lstm<double>>(given, sizes);
  sizes.sizes = {{"projected", given.extent("weight_hh_l0", 1)}};
  return run<ProjectedLstm<double>>(given, sizes);
}

}  // namespace conformance
