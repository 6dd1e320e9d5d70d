#pragma once
// Structure of a model: layers, the shapes between them, and one vector of all parameters.

#include <algorithm>
#include <limits>

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/detail/layer_checks.hpp"

namespace unroll::detail {

/// Number of columns of scores that a pass processes at a time. They fill 1 MiB, to stay in cache, but there are enough
/// of them that sums over columns rarely leave the registers.
template <class S>
constexpr Index cached_columns(Index rows) {
  return std::max<Index>(192, 1024 * 1024 / (rows * Index(sizeof(S))));
}

/// Base class of Chain. `Layers` holds the layers: ListedLayers of stack.hpp.
template <class Layers>
class Description {
 public:
  using Scalar = typename Layers::Scalar;

  Index features() const { return shapes_.front().features; }
  Index outputs() const { return shapes_.back().features; }
  /// Names and rows of the inputs, as the first layer that reads them has them; empty: one input without a name.
  NamedRows inputs() const {
    NamedRows named;
    each([&](const auto& layer, auto k) {
      if (named.empty() && shapes_[k].of_model) named = layer.inputs();
    });
    return named;
  }
  /// Whether the output has one column per step, not one per sequence.
  bool per_step() const { return shapes_.back().per_step; }
  /// Throws ValueError for input [features x columns] that is invalid for the first layer, such as a number that is not
  /// a token.
  void check_input(const ConstView<Scalar>& x) const {
    each([&](const auto& layer, auto k) {
      if (k == 0) this->within(k, layer, [&] { layer.check_input(x); });
    });
  }
  /// Number of output columns, and so of targets, for an unmasked sequence of `steps`. Throws ShapeError if a layer
  /// cannot run on such a sequence.
  Index output_steps(Index steps) const {
    detail::check_between<ShapeError>("model", "steps of a sequence", steps, 0, most_entries);
    each([&](const auto& layer, auto k) {
      this->within(k, layer, [&] { steps = shapes_[k + 1].per_step ? layer.steps_after(steps) : 1; });
    });
    return steps;
  }
  /// Whether no step depends on a later one. A sequence can then run window by window with its state carried over.
  bool causal() const {
    bool all = true;
    each([&](const auto& layer, auto) { all = all && layer.causal(); });
    return all;
  }
  /// Shape of the input of layer k; at depth(): of the model's output. Throws ValueError for an invalid k.
  const Shape& shape(std::size_t k) const { return of(shapes_, k); }
  std::size_t depth() const { return layers_.size(); }  ///< number of layers

  Parameters<Scalar>& parameters() { return parameters_; }
  const Parameters<Scalar>& parameters() const { return parameters_; }

  /// Offset of the first parameter of layer k. Throws ValueError for an invalid k.
  Index parameter_offset(std::size_t k) const { return of(offsets_, k); }

  /// Calls f(layer, number).
  template <class F>
  void each_layer(F&& f) const {
    each([&](const auto& layer, auto k) { f(layer, k); });
  }

  /// Initialises all parameters from one seed, each block by its role or by the initializer that its layer names.
  void initialise(std::uint64_t seed) {
    parameters_.values().setZero();
    std::uint64_t number = 0;
    each([&](const auto& layer, auto k) {
      // Blocks are numbered across the whole model, so that each has its own random numbers.
      for (const ParameterBlock& block : layer.parameters().blocks())
        detail::initializer_of(layer, block)
            .fill(parameters_[text(std::size_t(k), ".", block.name)], Random(seed, Purpose::initialise, number++));
      layer.set_given(parameters_.values().data() + offsets_[k]);
    });
  }

  /// Number of running statistics of all layers; see Chain::add_statistics.
  Index statistics() const { return statistics_; }
  /// Updates the running means and variances, once per update of the parameters.
  void update_statistics(const double* from) {
    if (statistics_ == 0) return;
    each([&](const auto& layer, auto k) {
      layer.update_statistics(from, parameters_.values().data() + offsets_[k]);
      from += layer.statistics();
    });
  }

  /// Columns per block of the last layer in `learn`. No limit if that layer is not columnwise.
  Index piece_columns() const {
    return last_is_columnwise() ? cached_columns<Scalar>(outputs()) : std::numeric_limits<Index>::max();
  }

 protected:
  /// `features` per input step. Throws ShapeError or ValueError with the name of the layer that does not fit.
  Description(Index features, Layers layers) : layers_(std::move(layers)) {
    detail::check_between<ShapeError>("model", "features per step", features, 1, most_features);
    shapes_.push_back({.features = features, .of_model = true});
    ParameterTable table;
    layers_.each_mutable([&](auto& layer) { connect(layer, table); });
    parameters_ = Parameters<Scalar>(std::move(table));
  }
  const Layers& layers() const { return layers_; }
  /// Rows of the states of layer k.
  const std::vector<Index>& states(std::size_t k) const { return states_[k]; }
  /// Calls f(layer, number).
  template <class F>
  void each(F&& f) const {
    layers_.each(f);
  }

  bool last_is_columnwise() const { return last_is_columnwise_; }

  template <class L, class F>
  static void within(std::size_t k, const L& layer, F&& f) {
    detail::within("layer ", k, layer, f);
  }
  /// Random numbers of layer k are keyed by its number among all layers, including nested ones.
  Pass pass_of(std::size_t k, Pass pass) const {
    pass.layer = numbers_[k];
    return pass;
  }

  static const State<Scalar>& no_state() {
    static const State<Scalar> none;
    return none;
  }
  /// Checks the numbers of states; the layers check the shapes.
  void check_states(std::string_view what, const std::vector<State<Scalar>>& given) const {
    require<ShapeError>(given.empty() || given.size() == depth(), "model: ", what,
                        " must have as many entries as layers, ", depth(), ", got ", given.size());
    for (std::size_t k = 0; k < given.size(); ++k)
      require<ShapeError>(given[k].empty() || given[k].size() == states_[k].size(), "layer ", k, ": matrices of ", what,
                          " must be ", states_[k].size(), ", got ", given[k].size());
  }
  void check_size(const Parameters<Scalar>& gradient) const {
    detail::check_as_many("model", "gradient", "entries as parameters", gradient.size(), parameters().size());
  }

  std::string non_finite_parameter() const {
    for (Index k = 0; k < parameters_.size(); ++k)
      if (!is_finite(parameters_.values()[k])) return "parameter '" + parameters_.table().holding(k).name + "'";
    return {};
  }

 private:
  template <class T>
  static const T& of(const std::vector<T>& list, std::size_t k) {
    detail::check_index("model", "layer", Index(k), Index(list.size()));
    return list[k];
  }

  template <class L>
  [[gnu::cold]] void connect(L& layer, ParameterTable& table) {
    const std::size_t k = offsets_.size();
    within(k, layer, [&] {
      if (const std::optional<Index> owner = layer.tied_to()) layer.tie(tied_weight(*owner, table));
      shapes_.push_back(checked(layer.connect(shapes_.back())));
      offsets_.push_back(table.append(layer.parameters(), text(k, ".")));
    });
    states_.push_back(layer.state_rows());
    last_is_columnwise_ = layer.columnwise();
    statistics_ += layer.statistics();
    numbers_.push_back(numbers_.back() + layer.layers_inside());
  }

  /// Makes the block dense: the tied layer multiplies the whole matrix, so every batch touches all columns.
  [[gnu::cold]] TiedWeight tied_weight(Index owner, ParameterTable& table) const {
    const ParameterBlock* const found = owner < 0 ? nullptr : table.find(text(owner, ".weight"));
    const bool is_matrix = found != nullptr && found->role == Role::input_weight && found->taps == 0;
    require<ValueError>(is_matrix, "embedding must be the number of an earlier layer with a matrix 'weight', got ",
                        owner);
    table.make_dense(found->name);
    TiedWeight weight{*found, found->offset - table.size(), text("layer ", owner)};
    each([&](const auto& other, auto k) {
      if (Index(k) == owner) weight.owner += text(" (", other.name(), ")");
    });
    return weight;
  }

  Layers layers_;
  std::vector<Shape> shapes_;
  std::vector<Index> offsets_;
  std::vector<std::vector<Index>> states_;    // rows of the states, by layer
  std::vector<std::uint64_t> numbers_ = {0};  // by layer, followed by the next free number
  bool last_is_columnwise_ = false;
  Index statistics_ = 0;
  Parameters<Scalar> parameters_;
};

}  // namespace unroll::detail
