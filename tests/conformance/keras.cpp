// Keras's recurrent layers under any mask, with both GRU forms, backwards, bidirectional, and below an embedding.

#include "unroll/io/keras.hpp"
#include "lookup.hpp"
#include "run.hpp"
#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/layers/last_step.hpp"

namespace conformance {
namespace {

/// The batch-first layout of Keras around our columns.
struct Layout {
  explicit Layout(const Case& given, Index batch_size, Index step_count) : steps(step_count), batch(batch_size) {
    Matrix<bool> mask = Matrix<bool>::Constant(batch, steps, true);
    if (given.has("mask")) mask = given.columns<double>("mask").transpose().cast<bool>();
    timeline = Timeline::from_mask(mask);
  }

  Matrix<double> packed(const Matrix<double>& batch_first) const { return timeline.pack(swapped(batch_first, batch)); }
  Matrix<double> unpacked(const Matrix<double>& m, Padding padding) const { return timeline.unpack(m, padding); }
  Tensor batch_first(const Matrix<double>& time_first) const {
    return tensor(swapped(time_first, steps), {batch, steps, time_first.rows()});
  }

  /// The gradient of `unpack`: what arrives at a masked step belongs to the output that is repeated there.
  Matrix<double> packed_gradient(Matrix<double> time_first, Padding padding) const {
    Matrix<double> valid = timeline.unpack(Matrix<double>(Matrix<double>::Ones(1, timeline.columns())));
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

Matrix<double> reversed_in_time(const Matrix<double>& time_first, Index steps) {
  const Index batch = time_first.cols() / steps;
  Matrix<double> reversed(time_first.rows(), time_first.cols());
  for (Index t = 0; t < steps; ++t)
    reversed.middleCols((steps - 1 - t) * batch, batch) = time_first.middleCols(t * batch, batch);
  return reversed;
}

/// One direction with what its half of the case says.
template <class C>
struct Half {
  Half(const Case& given, std::string prefix_of_names, const CellSizes& sizes, Direction direction)
      : prefix(std::move(prefix_of_names)), run(sizes, direction) {
    for (const std::string name : {"kernel", "recurrent_kernel", "bias"}) given.mark_read(prefix + name);
    TensorReader reader(given.file());
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

class Merging {
 public:
  Merging(std::string how, Index rows) : how_(std::move(how)), rows_(rows) {
    require<Unsupported>(how_ == "none" || how_ == "concat" || how_ == "sum", "merging by '", how_, "'");
  }
  Index rows() const { return how_ == "concat" ? 2 * rows_ : rows_; }
  void add(Matrix<double>& all, std::size_t half, const Matrix<double>& m) const {
    if (how_ == "concat")
      all.middleRows(Index(half) * rows_, rows_) = m;
    else
      all += m;
  }
  Matrix<double> part(const Matrix<double>& all, std::size_t half) const {
    return how_ == "concat" ? Matrix<double>(all.middleRows(Index(half) * rows_, rows_)) : all;
  }

 private:
  std::string how_;
  Index rows_;
};

/// x [inputs x columns] of the layout; writes everything but the gradient of x, which is returned.
template <class C>
Matrix<double> run_layer(const Case& given, const Layout& layout, const Matrix<double>& x, const CellSizes& sizes,
                         SafeTensors& out) {
  const Timeline& timeline = layout.timeline;
  const std::string merge = given.word("bidirectional_merge", "none");
  const bool both = merge != "none", backwards = given.flag("go_backwards"),
             steps = given.word("return_sequences", "true") == "true";
  std::vector<Half<C>> halves;
  halves.emplace_back(given, both ? "forward_" : "", sizes, backwards ? Direction::backward : Direction::forward);
  if (both) halves.emplace_back(given, "backward_", sizes, Direction::backward);
  const Padding padding = both || given.flag("zero_output_for_mask") ? Padding::zero
                          : backwards                                ? Padding::repeat_next
                                                                     : Padding::repeat_previous;
  const Merging merging(merge, halves[0].run.cell.output_rows());

  Matrix<double> y = Matrix<double>::Zero(merging.rows(), steps ? layout.steps * layout.batch : layout.batch);
  for (std::size_t k = 0; k < halves.size(); ++k) {
    Run<C>& run = halves[k].run;
    const Matrix<double> own =
        run.forward(x, timeline, states_if_any<double>(given, halves[k].names("", "0"), C::states));
    Matrix<double> last(own.rows(), layout.batch);
    unroll::detail::gather_last(own, timeline, run.direction(), last);
    merging.add(y, k, steps ? layout.unpacked(own, padding) : timeline.by_sample(last));
    put_states(out, halves[k].names("", "n"), run.final_state(timeline));
  }
  out.tensors["y"] = steps ? layout.batch_first(backwards ? reversed_in_time(y, layout.steps) : y)
                           : tensor(y, {layout.batch, y.rows()});

  Matrix<double> d_y = given.columns<double>("g_y"), d_x = Matrix<double>::Zero(x.rows(), x.cols());
  if (steps) d_y = swapped(d_y, layout.batch);
  if (steps && backwards) d_y = reversed_in_time(d_y, layout.steps);
  for (std::size_t k = 0; k < halves.size(); ++k) {
    Run<C>& run = halves[k].run;
    Matrix<double> d_own = merging.part(d_y, k);
    if (steps) {
      d_own = layout.packed_gradient(d_own, padding);
    } else {
      const Matrix<double> d_last = timeline.by_rank(d_own);
      d_own.resize(d_last.rows(), timeline.columns());
      unroll::detail::scatter_last(d_last, timeline, run.direction(), d_own);
    }
    State<double> d_initial;
    d_x +=
        run.backward(timeline, d_own, states_if_any<double>(given, halves[k].names("g_", "n"), C::states), d_initial);
    put_states(out, halves[k].names("d_", "0"), d_initial);
    write_keras(run.gradient, "", out, "d_" + halves[k].prefix, SecondBias::same);
  }
  return d_x;
}

template <class C>
SafeTensors run(const Case& given, Index gates) {
  const std::string prefix = given.has("kernel") ? "" : "forward_";
  const CellSizes sizes{.inputs = {given.extent(prefix + "kernel", 0)},
                        .units = given.extent(prefix + "kernel", 1) / gates,
                        .constants = {},
                        .sizes = {}};
  SafeTensors out;
  if (given.has("y_defined")) given.mark_read("y_defined");
  if (given.has("x")) {
    const Layout layout(given, given.extent("x", 0), given.extent("x", 1));
    const auto d_x = run_layer<C>(given, layout, layout.packed(given.columns<double>("x")), sizes, out);
    out.tensors["d_x"] = layout.batch_first(layout.unpacked(d_x, Padding::zero));
    return out;
  }
  // Below an embedding: the table's rows in place of x.
  const Layout layout(given, given.extent("index", 0), given.extent("index", 1));
  Lookup lookup(given.columns<double>("embeddings"));
  const Matrix<double> tokens = given.columns<double>("index").reshaped(1, layout.batch * layout.steps);
  const Matrix<double> x = lookup.forward(layout.packed(tokens));
  const Matrix<double> d_table = lookup.gradient(run_layer<C>(given, layout, x, sizes, out));
  out.tensors["d_embeddings"] = tensor(d_table, {d_table.cols(), d_table.rows()});
  return out;
}

}  // namespace

SafeTensors compute_keras(const Case& given) {
  const std::string op = given.word("op");
  if (op == "keras_SimpleRNN") return run<Elman<double>>(given, 1);
  if (op == "keras_LSTM") return run<Lstm<double>>(given, 4);
  if (op == "keras_GRU" && !given.json("arguments").value("reset_after", true))
    return run<GruResetBefore<double>>(given, 3);
  if (op == "keras_GRU" || op == "keras_Embedding_mask_zero_GRU") return run<Gru<double>>(given, 3);
  throw Unsupported(text("the operation '", op, "'"));
}

}  // namespace conformance
