// Comparison of all cells of the library on a data set, with equal settings: one recurrent layer, its last output, and
// a dense layer, trained with Adam. Prints a Markdown table.
//
//     ./gains DATA... [options] [cell=NAME...]     DATA: `gait`, or see data_of in sequences.hpp; default: all cells
//       --units H, --epochs N, --seeds N, --batch B, --rate R     default: 32, 20, 5, 32, 0.003
//
// The data set "digits" is sklearn/datasets/data/digits.csv.gz of the Python package scikit-learn, uncompressed.

#include <cstdio>
#include <exception>
#include <map>
#include <unroll/layers/dense.hpp>

#include "comparison.hpp"
#include "har/stand_in.hpp"
#include "model/registry.hpp"

namespace {

using namespace bench;

/// Windows of 2 seconds of the simulated freezing of gait [9 x 64], half of its values, labelled as their last step.
/// The last quarter of each recording is for tests.
SplitData gait() {
  constexpr Index steps = 64, every = 2;
  const har::StreamParts parts = har::make_gait_stand_in({}, 0.25);
  std::vector<MatrixX<float>> windows;
  std::vector<Index> labels;
  const auto add = [&](const std::vector<har::Stream>& streams) {
    for (const har::Stream& stream : streams)
      for (Index first = 0; first + steps * every <= stream.labels.size(); first += steps * every / 4) {
        windows.push_back(MatrixX<float>::NullaryExpr(
            stream.channels.rows(), steps, [&](Index r, Index t) { return stream.channels(r, first + every * t); }));
        labels.push_back(stream.labels[first + every * (steps - 1)]);
      }
  };
  add(parts.train);
  const Index training = std::ssize(labels);
  add(parts.test);
  return SplitData::of(std::move(windows), labels, training, 2);
}

unroll::AnyLayer<float> layer_of(const std::string& cell, Index units) {
  nlohmann::json options{
      {"layer", "recurrent"}, {"cell", cell}, {"units", units}, {"direction", "forward"}, {"returns", "last"}};
  const std::map<std::string, nlohmann::json> sizes{{"scrn", {{"context", units / 4}, {"outputs", units}}},
                                                    {"lru", {{"outputs", units}}},
                                                    {"lmu", {{"order", units / 2}}},
                                                    {"gated deltanet", {{"keys", units / 4}}},
                                                    {"mlstm with heads", {{"heads", 4}, {"keys", units / 4}}},
                                                    {"gated deltanet with heads", {{"heads", 4}, {"keys", units / 4}}},
                                                    {"rwkv-6", {{"rank", units / 4}}}};
  if (const auto found = sizes.find(cell); found != sizes.end()) options["sizes"] = found->second;
  if (cell.find("project") != cell.npos) options["sizes"] = {{"projected", units / 2}};
  return model_program::registry().make(unroll::StoredOptions(unroll::detail::JsonNode(options, "gains")));
}

}  // namespace

int main(int count, char** arguments) try {
  Settings settings;
  std::vector<std::string> words = read_settings(count, arguments, settings), cells;
  std::erase_if(words, [&](const std::string& word) {
    if (!word.starts_with("cell=")) return false;
    cells.push_back(word.substr(5));
    return true;
  });
  if (cells.empty()) cells = model_program::registry().cells();
  const SplitData data = words == std::vector<std::string>{"gait"} ? gait() : data_of(words);
  std::printf("| cell | parameters | ms per epoch | test accuracy, %% |\n|---|---|---|---|\n");
  for (const std::string& cell : cells) {
    const Index classes = data.train.classes();
    try {
      compare(cell, {data.train.features(), {layer_of(cell, settings.units), unroll::Dense{.units = classes}}}, data,
              settings);
    } catch (const unroll::NonFiniteError& error) {
      std::printf("| %s | | | not finite: %s |\n", cell.c_str(), error.what());
    }
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "gains: %s\n", error.what());
  return 1;
}
