// onnx_files FOLDER: writes each model of models.hpp as FOLDER/NAME.onnx, and its inputs and outputs as
// FOLDER/NAME.npz, outputs named "out:NAME" with NaN where they are not defined. scripts/check_onnx runs the files in
// ONNX Runtime.

#include <cstdio>
#include <filesystem>
#include <limits>
#include <map>
#include <unroll/io/formats/npz.hpp>
#include <unroll/io/onnx/write_onnx.hpp>

#include "models.hpp"

namespace {

using namespace onnx_models;
using Arrays = std::map<std::string, Tensor>;

constexpr Index steps = 7, batch = 3;

/// Columns of (step, sequence) as a tensor (steps, batch, rows); (batch, rows) of one column per sequence.
Tensor tensor_of(const MatrixX<float>& columns, bool per_step) {
  const std::span<const float> numbers(columns.data(), std::size_t(columns.size()));
  if (!per_step) return Tensor::of(numbers, {batch, columns.rows()});
  return Tensor::of(numbers, {columns.cols() / batch, batch, columns.rows()});
}

Tensor input_tensor(const Named& named, const MatrixX<float>& x) {
  if (!named.of_tokens) return tensor_of(x, true);
  std::vector<std::int64_t> numbers;
  for (Index k = 0; k < x.size(); ++k) numbers.push_back(std::int64_t(x.data()[k]));
  return Tensor::of(numbers, {steps, batch});
}

/// States of one layer by the names of inputs. Directions are stacked.
void add_states(const LayerOptions& options, const std::string& prefix, const State<float>& state,
                const std::string& end, Arrays& to) {
  const std::string kind = detail::word_of(options, "layer");
  const auto add = [&](const std::string& name, const std::vector<const MatrixX<float>*>& parts, Index groups) {
    std::vector<float> numbers;
    for (const MatrixX<float>* part : parts)
      for (Index g = 0; g < groups; ++g) {
        const MatrixX<float> rows = part->middleRows(g * (part->rows() / groups), part->rows() / groups);
        numbers.insert(numbers.end(), rows.data(), rows.data() + rows.size());
      }
    to[prefix + name + end] = Tensor::of(numbers, {Index(parts.size()) * groups, batch, parts[0]->rows() / groups});
  };
  if (kind == "conv1d" && !state.empty()) add("x", {&state[0]}, state[0].rows() / features);
  if (kind != "recurrent" && kind != "bidirectional") return;
  const std::size_t each = state.size() / (kind == "bidirectional" ? 2 : 1);
  for (std::size_t s = 0; s < each; ++s)
    add(s == 0 ? "h" : "c", each == state.size() ? std::vector{&state[s]} : std::vector{&state[s], &state[s + each]},
        1);
}

bool has_graph(const Stack<float>& model) {
  bool found = false;
  model.each_layer([&](const auto& layer, std::size_t) { found = found || layer.name() == "graph"; });
  return found;
}

class Writer {
 public:
  explicit Writer(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void write(const Named& named) {
    const Stack<float> model = model_of(named);
    const MatrixX<float> x = input_of(named, steps, batch);
    run(named, model, x, "", {}, {});
    if (has_graph(model)) return;
    ModelState<float> first(model.depth()), all(model.depth());
    bool some = false;
    model.each_layer([&](const auto& layer, std::size_t k) {
      const Random random(k + 20, Purpose::sample);
      for (const Index rows : layer.state_rows()) {
        const auto number = [&](Index r, Index c) {
          return float(random.normal(std::uint64_t(r + 50 * c) + 999 * all[k].size()));
        };
        all[k].push_back(MatrixX<float>::NullaryExpr(rows, batch, number));
        first[k].push_back(all[k].back().col(0));
        some = true;
      }
    });
    if (!some) return;
    run(named, model, x, "_first", {}, first);
    run(named, model, x, "_states", {.states = true}, all);
    try {
      run(named, model, x, "_lengths", {.lengths = true}, {});
    } catch (const ValueError&) {  // a layer of windows
    }
  }
  int files() const { return files_; }

 private:
  void run(const Named& named, const Stack<float>& model, const MatrixX<float>& x, const std::string& end,
           const OnnxOptions& options, ModelState<float> first) {
    const std::vector<Index> lengths{4, steps, 2};
    const Timeline timeline = options.lengths ? Timeline::from_lengths(lengths) : Timeline::rectangular(batch, steps);
    write_onnx(model, folder_ / (named.name + end + ".onnx"), options.states ? ModelState<float>() : first, options);
    Arrays arrays{{"x", input_tensor(named, x)}};
    if (options.lengths) arrays["lengths"] = Tensor::of(std::vector<std::int32_t>{4, steps, 2}, {batch});
    if (!first.empty() && !options.states)
      for (auto& states : first)
        for (auto& state : states) state = state.replicate(1, batch).eval();
    Stack<float>::Tape tape;
    MatrixX<float> y = model.forward(options.lengths ? padded(timeline, x) : x, timeline, tape, {}, first);
    if (options.lengths && model.per_step()) y = unpacked(timeline, y);
    if (options.lengths && !model.per_step()) y = timeline.by_sample(y);
    arrays["out:y"] = tensor_of(y, model.per_step());
    if (options.states) {
      const ModelState<float> last = model.final_state(tape);
      model.each_layer([&](const auto& layer, std::size_t k) {
        add_states(layer.options(), text(k, "."), first[k], "", arrays);
        Arrays outputs;
        add_states(layer.options(), text("out:", k, "."), last[k], "_next", outputs);
        arrays.insert(outputs.begin(), outputs.end());
      });
    }
    write_npz(folder_ / (named.name + end + ".npz"), arrays);
    ++files_;
  }

  static MatrixX<float> padded(const Timeline& timeline, const MatrixX<float>& x) {
    return timeline.pack(x.leftCols(steps * batch).eval());
  }
  static MatrixX<float> unpacked(const Timeline& timeline, const MatrixX<float>& y) {
    MatrixX<float> all = MatrixX<float>::Constant(y.rows(), steps * batch, std::numeric_limits<float>::quiet_NaN());
    for (Index c = 0; c < timeline.columns(); ++c) all.col(timeline.padded_column(c)) = y.col(c);
    return all;
  }

  std::filesystem::path folder_;
  int files_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: onnx_files FOLDER\n", stderr);
    return 2;
  }
  Writer writer(arguments[1]);
  for (const Named& named : all()) writer.write(named);
  std::printf("%d files\n", writer.files());
}
