#pragma once
// Constructors of layers from their options in a model file.

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "unroll/io/model_description.hpp"
#include "unroll/io/open/library_layers.hpp"
#include "unroll/layers/bidirectional.hpp"
#include "unroll/layers/graph.hpp"
#include "unroll/recurrence/describe.hpp"

namespace unroll {

/// Layers that open_model constructs, by their names in model files: all layers and activations of the library, and the
/// cells that are added.
///
///     LayerRegistry<float> registry;
///     registry.add<Gru, Lstm>();                                  // cells, in Recurrent and Bidirectional
///     registry.add<EquationsOf<my::equations>::Cell>();           // a cell of the user
///     registry.add_layer("scale", [](const StoredOptions& options) -> AnyLayer<float> {
///       return Scale{.power = options.number("power")};           // a layer of the user
///     });
template <class S>
class LayerRegistry {
 public:
  using Maker = std::function<AnyLayer<S>(const StoredOptions&)>;

  LayerRegistry() {
    detail::add_library_layers<S>(makers_);
    detail::each_library_activation([this](auto make) { this->add_activation(make); });
  }

  /// Adds cells. A cell is identified by its name and, if it has them, its equations.
  template <template <class, int...> class... Cells>
  LayerRegistry& add() {
    (add_cell<Cells>(), ...);
    return *this;
  }

  /// Adds an activation of the user; `make(options)` returns the function with its parameters.
  template <class Make>
  requires Activation<std::invoke_result_t<Make, const StoredOptions&>> LayerRegistry& add_activation(Make make) {
    using A = std::invoke_result_t<Make, const StoredOptions&>;
    activations_[std::string(A::name)] = [make](const StoredOptions& options) { return Activate<A>{make(options)}; };
    return *this;
  }

  /// Adds a layer of the user. `kind` is the first entry of its options(), or its name() if it has no options.
  LayerRegistry& add_layer(std::string kind, Maker make) {
    makers_[std::move(kind)] = std::move(make);
    return *this;
  }

  /// Names of the cells, in the order of addition.
  std::vector<std::string> cells() const {
    std::vector<std::string> names;
    for (const CellMaker& cell : cells_) names.push_back(cell.name);
    return names;
  }

  /// Layer with these options. Throws FileError for a layer, cell or activation that is not registered and for options
  /// that are missing or of another type.
  AnyLayer<S> make(const StoredOptions& options) const {
    const char* const key = options.has("layer") ? "layer" : "name";
    const std::string& kind = options.word(key);
    if (kind == "graph") return graph(options);
    if (kind == "activation") return found(activations_, options, "function")(options);
    if (kind == "recurrent") return cell(options).recurrent(options);
    if (kind == "bidirectional") return cell(options).bidirectional(options);
    return found(makers_, options, key)(options);
  }

 private:
  struct CellMaker {
    std::string name;
    std::vector<std::string> equations;  // empty for a handwritten cell
    Maker recurrent, bidirectional;
  };

  template <template <class, int...> class C>
  void add_cell() {
    CellMaker maker{std::string(detail::OneDirection<C<S>>::name()), {}, {}, {}};
    if constexpr (requires(const C<S>& cell) { describe(cell, Notation::source); })
      maker.equations = detail::lines_of(describe(C<S>(), Notation::source));
    maker.recurrent = [](const StoredOptions& options) -> AnyLayer<S> {
      return Recurrent<C>{.units = options.integer("units"),
                          .direction = options.choice("direction", {"forward", "backward"}) == 0 ? Direction::forward
                                                                                                 : Direction::backward,
                          .returns = detail::stored_value(options, "returns", detail::all_returns),
                          .sizes = options.sizes("sizes"),
                          .inputs = options.named_rows("inputs"),
                          .biased = options.flag("biased", true)};
    };
    maker.bidirectional = [](const StoredOptions& options) -> AnyLayer<S> {
      return Bidirectional<C>{.units = options.integer("units"),
                              .merge = detail::stored_value(options, "merge", detail::all_merges),
                              .returns = detail::stored_value(options, "returns", detail::all_returns),
                              .sizes = options.sizes("sizes"),
                              .inputs = options.named_rows("inputs"),
                              .biased = options.flag("biased", true)};
    };
    cells_.push_back(std::move(maker));
  }

  static const Maker& found(const std::map<std::string, Maker>& makers, const StoredOptions& options, const char* key) {
    const auto maker = makers.find(options.word(key));
    if (maker == makers.end()) {
      std::vector<std::string_view> names;
      for (const auto& item : makers) names.push_back(item.first);
      options.expect(false, key, "one of the registered " + detail::listed(names));
    }
    return maker->second;
  }

  /// The cell with the name and the equations in the file. A cell with the name only is refused later, when the
  /// equations are compared, with the first that differs.
  const CellMaker& cell(const StoredOptions& options) const {
    const std::string& name = options.word("cell");
    if (options.has("equations")) {
      const auto lines = options.words("equations");
      const auto same = std::ranges::find_if(
          cells_, [&](const CellMaker& one) { return one.name == name && one.equations == lines; });
      if (same != cells_.end()) return *same;
    }
    const auto named = std::ranges::find(cells_, name, &CellMaker::name);
    if (named == cells_.end()) {
      const auto names = cells();
      options.expect(false, "cell",
                     names.empty() ? "registered with LayerRegistry::add, which has no cell yet"
                                   : "one of the registered " + detail::listed(names) + " (LayerRegistry::add)");
    }
    return *named;
  }

  AnyLayer<S> graph(const StoredOptions& options) const {
    using Node = typename Graph<S>::Node;
    Graph<S> graph;
    for (const StoredOptions& node : options.parts("nodes")) {
      std::vector<Node> reads;
      for (const Index number : node.integers("reads")) {
        node.expect(number >= 0, "reads", "a list of numbers of nodes");
        reads.push_back({std::size_t(number)});
      }
      if (node.has("input")) {
        node.expect(reads.size() == 1 && reads[0].number == 0, "reads", "the number of the input, 0");
        graph.input(node.word("input"), node.integer("rows"));
      } else if (!node.has("layer") && !node.has("name")) {
        graph.merge(detail::stored_value(node, "merge", detail::all_merges), reads);
      } else {
        node.expect(reads.size() == 1, "reads", "the number of one node, which the layer reads");
        graph.add(make(node), reads[0]);
      }
    }
    return graph;
  }

  std::map<std::string, Maker> makers_, activations_;
  std::vector<CellMaker> cells_;
};

}  // namespace unroll
