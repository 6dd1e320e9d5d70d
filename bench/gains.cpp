// Comparison of all cells of the library on a data set, with equal settings: one recurrent layer, its last output, and
// a dense layer, trained with Adam. Prints a Markdown table.
//
//     ./gains DATA... [options] [cell=NAME...]     DATA: see data_of in sequences.hpp; default: all cells
//       --units H, --epochs N, --seeds N, --batch B, --rate R     default: 32, 20, 5, 32, 0.003
//
// The data set "digits" is sklearn/datasets/data/digits.csv.gz of the Python package scikit-learn, uncompressed.

#include <cstdio>
#include <exception>
#include <map>
#include <unroll/layers/dense.hpp>

#include "comparison.hpp"
#include "model/registry.hpp"

namespace {

using namespace bench;

unroll::AnyLayer<float> layer_of(const std::string& cell, Index units) {
  nlohmann::json options{
      {"layer", "recurrent"}, {"cell", cell}, {"units", units}, {"direction", "forward"}, {"returns", "last"}};
  const std::map<std::string, nlohmann::json> sizes{{"scrn", {{"context", units / 4}, {"outputs", units}}},
                                                    {"lru", {{"outputs", units}}},
                                                    {"lmu", {{"order", units / 2}}},
                                                    {"gated deltanet", {{"keys", units / 4}}},
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
  const SplitData data = data_of(words);
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
