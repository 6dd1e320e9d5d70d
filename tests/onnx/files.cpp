// onnx_files FOLDER: writes each model of models.hpp as FOLDER/NAME.onnx, and its inputs and outputs as
// FOLDER/NAME@STEPSxBATCH.npz, outputs named "out:NAME" with NaN where they are not defined. scripts/check_onnx runs
// the files in ONNX Runtime.

#include <cstdio>
#include <filesystem>
#include <limits>
#include <map>
#include <unroll/io/formats/npz.hpp>
#include <unroll/io/onnx/write_onnx.hpp>

#include "scan_models.hpp"

namespace {

using namespace onnx_models;
using Arrays = std::map<std::string, Tensor>;

struct Size {
  Index steps, batch;
};

/// Columns of (step, sequence) as a tensor (steps, batch, rows); (batch, rows) of one column per sequence.
Tensor tensor_of(const MatrixX<float>& columns, Index batch, bool per_step) {
  const std::span<const float> numbers(columns.data(), std::size_t(columns.size()));
  if (!per_step) return Tensor::of(numbers, {batch, columns.rows()});
  return Tensor::of(numbers, {columns.cols() / batch, batch, columns.rows()});
}

Tensor input_tensor(const Named& named, const MatrixX<float>& x, Index batch) {
  if (!named.of_tokens) return tensor_of(x, batch, true);
  std::vector<std::int64_t> numbers;
  for (Index k = 0; k < x.size(); ++k) numbers.push_back(std::int64_t(x.data()[k]));
  return Tensor::of(numbers, {x.cols() / batch, batch});
}

/// Names of the states of a recurrent layer, from "state(h[projected], c)".
std::vector<std::string> state_names(const LayerOptions& options) {
  const auto lines = detail::option_or<std::vector<std::string>>(options, "equations", {});
  std::vector<std::string> names;
  std::string written = lines.front().substr(6);
  for (std::size_t at = 0; at < written.size(); at = written.find_first_of(",)", at) + 2)
    names.push_back(written.substr(at, written.find_first_of(",)[", at) - at));
  return names;
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
    to[prefix + name + end] =
        Tensor::of(numbers, {Index(parts.size()) * groups, parts[0]->cols(), parts[0]->rows() / groups});
  };
  if (kind == "conv1d" && !state.empty()) add("x", {&state[0]}, state[0].rows() / features);
  if (kind != "recurrent" && kind != "bidirectional") return;
  const std::vector<std::string> names = state_names(options);
  const std::size_t each = names.size();
  for (std::size_t s = 0; s < each; ++s)
    add(names[s], each == state.size() ? std::vector{&state[s]} : std::vector{&state[s], &state[s + each]}, 1);
}

bool has_graph(const Stack<float>& model) {
  bool found = false;
  model.each_layer([&](const auto& layer, std::size_t) { found = found || layer.name() == "graph"; });
  return found;
}

class Writer {
 public:
  explicit Writer(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void write(const Named& named, const std::vector<Size>& sizes) {
    const Stack<float> model = model_of(named);
    run({named, model, sizes});
    if (has_graph(model)) return;
    bool some = false;
    model.each_layer([&](const auto& layer, std::size_t) { some = some || !layer.state_rows().empty(); });
    if (!some) return;
    run({named, model, sizes, "_first", {}, true});
    run({named, model, sizes, "_states", {.states = true}, true});
    try {
      run({named, model, sizes, "_lengths", {.lengths = true}});
      run({named, model, sizes, "_lengths_states", {.lengths = true, .states = true}, true});
    } catch (const ValueError&) {  // a layer of windows
    }
  }
  int files() const { return files_; }

 private:
  struct Case {
    const Named& named;
    const Stack<float>& model;
    const std::vector<Size>& sizes;
    std::string end = {};
    OnnxOptions options = {};
    bool initial = false;  ///< initial states other than 0
  };

  /// Initial states, of one sequence if they are written in the file.
  static ModelState<float> initial(const Case& of, Index batch) {
    ModelState<float> all(of.model.depth());
    of.model.each_layer([&](const auto& layer, std::size_t k) {
      const Random random(k + 20, Purpose::sample);
      for (const Index rows : layer.state_rows())
        all[k].push_back(MatrixX<float>::NullaryExpr(rows, of.options.states ? batch : 1, [&](Index r, Index c) {
          return float(random.normal(std::uint64_t(r + 50 * c) + 999 * all[k].size()));
        }));
    });
    return all;
  }

  void run(const Case& of) {
    const ModelState<float> first = of.initial && !of.options.states ? initial(of, 1) : ModelState<float>();
    write_onnx(of.model, folder_ / (of.named.name + of.end + ".onnx"), first, of.options);
    ++files_;
    for (const Size& size : of.sizes)
      write_npz(folder_ / text(of.named.name, of.end, "@", size.steps, "x", size.batch, ".npz"), arrays(of, size));
  }

  static Arrays arrays(const Case& of, const Size& size) {
    const auto [steps, batch] = size;
    std::vector<Index> lengths{steps - steps / 3, steps, steps / 3};
    lengths.resize(std::size_t(batch));
    const Timeline timeline =
        of.options.lengths ? Timeline::from_lengths(lengths) : Timeline::rectangular(batch, steps);
    ModelState<float> first = of.initial ? initial(of, batch) : ModelState<float>();
    if (!of.options.states)
      for (auto& states : first)
        for (auto& state : states) state = state.replicate(1, batch).eval();
    const MatrixX<float> x = input_of(of.named, steps, batch);
    Arrays arrays{{"x", input_tensor(of.named, x, batch)}};
    if (of.options.lengths)
      arrays["lengths"] = Tensor::of(std::vector<std::int32_t>(lengths.begin(), lengths.end()), {batch});
    Stack<float>::Tape tape;
    MatrixX<float> y = of.model.forward(of.options.lengths ? packed(timeline, x) : x, timeline, tape, {}, first);
    if (of.options.lengths && of.model.per_step()) y = unpacked(timeline, y, steps * batch);
    if (of.options.lengths && !of.model.per_step()) y = timeline.by_sample(y);
    arrays["out:y"] = tensor_of(y, batch, of.model.per_step());
    if (of.options.states) {
      const ModelState<float> last = of.model.final_state(tape);
      of.model.each_layer([&](const auto& layer, std::size_t k) {
        add_states(layer.options(), text(k, "."), first[k], "", arrays);
        add_states(layer.options(), text("out:", k, "."), last[k], "_next", arrays);
      });
    }
    return arrays;
  }

  /// Without the steps after those of the longest sequence.
  static MatrixX<float> packed(const Timeline& timeline, const MatrixX<float>& x) {
    return timeline.pack(x.leftCols(timeline.steps() * timeline.batch()).eval());
  }
  static MatrixX<float> unpacked(const Timeline& timeline, const MatrixX<float>& y, Index columns) {
    MatrixX<float> all = MatrixX<float>::Constant(y.rows(), columns, std::numeric_limits<float>::quiet_NaN());
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
  for (const Named& named : all()) writer.write(named, {{7, 3}});
  for (const Named& named : scan_models()) writer.write(named, {{7, 3}, {1, 1}, {7, 1}, {1, 3}});
  std::printf("%d files\n", writer.files());
}
