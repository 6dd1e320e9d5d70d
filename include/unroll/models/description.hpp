#pragma once
// What a model consists of: layers, the shapes between them, and all of their parameters in one vector.

#include <algorithm>
#include <limits>

#include "unroll/layers/detail/layer_checks.hpp"

namespace unroll::detail {

/// Columns of scores that a pass keeps in memory at a time: as many as 1 MiB holds, so that they stay in a cache; but
/// enough for the sums over columns to leave the registers seldom.
template <class S>
constexpr Index cached_columns(Index rows) {
  return std::max<Index>(192, 1024 * 1024 / (rows * Index(sizeof(S))));
}

/// `Layers` holds the layers: FixedLayers of sequential.hpp, ListedLayers of stack.hpp.
template <class Layers>
class Description {
 public:
  using Scalar = typename Layers::Scalar;

  Index features() const { return shapes_.front().features; }
  Index outputs() const { return shapes_.back().features; }
  /// Whether the output has a column for every step, or one for every sequence.
  bool per_step() const { return shapes_.back().per_step; }
  /// Throws ValueError for input [features x columns] that the first layer cannot read: a number that is no token.
  void check_input(const ConstView<Scalar>& x) const {
    each([&](const auto& layer, auto k) {
      if (k == 0) this->within(k, layer, [&] { layer.check_input(x); });
    });
  }
  /// Columns of output for a sequence of `steps` steps, none of them masked; its targets go by it.
  /// Throws ShapeError where a layer cannot run on such a sequence.
  Index output_steps(Index steps) const {
    require<ShapeError>(steps >= 0 && steps <= most_entries, "model: a sequence of ", steps, " steps, expected 0 to ",
                        most_entries);
    each([&](const auto& layer, auto k) {
      this->within(k, layer, [&] { steps = shapes_[k + 1].per_step ? layer.steps_after(steps) : 1; });
    });
    return steps;
  }
  /// No step depends on a later one, so a sequence may be run window by window with its state carried.
  bool causal() const {
    bool all = true;
    each([&](const auto& layer, auto) { all = all && layer.causal(); });
    return all;
  }
  /// What comes into layer k; at depth(): what the model gives. Throws ValueError for a layer that is not there.
  const Shape& shape(std::size_t k) const { return of(shapes_, k); }
  std::size_t depth() const { return layers_.size(); }  ///< how many layers there are

  Parameters<Scalar>& parameters() { return parameters_; }
  const Parameters<Scalar>& parameters() const { return parameters_; }

  /// Of the first parameter of layer k. Throws ValueError for a layer that is not there.
  Index parameter_offset(std::size_t k) const { return of(offsets_, k); }

  /// f(layer, its number)
  template <class F>
  void each_layer(F&& f) const {
    each([&](const auto& layer, auto k) { f(layer, k); });
  }

  /// First values of all parameters, from one seed: each block by its role, or as its layer asks for.
  void initialise(std::uint64_t seed) {
    parameters_.values().setZero();
    std::uint64_t number = 0;
    each([&](const auto& layer, auto k) {
      // Blocks are numbered through the whole model, so that each has its own random numbers.
      for (const ParameterBlock& block : layer.parameters().blocks())
        detail::first_values_of(layer, block)
            .fill(parameters_[text(std::size_t(k), ".", block.name)], Random(seed, Purpose::initialise, number++));
      layer.set_given(parameters_.values().data() + offsets_[k]);
    });
  }

  /// How many numbers tell what the layers' running means and variances are to follow; see Chain::add_statistics.
  Index statistics() const {
    Index numbers = 0;
    each([&](const auto& layer, auto) { numbers += layer.statistics(); });
    return numbers;
  }
  /// Brings them up to date, which is done once for every update of the parameters.
  void update_statistics(const double* from) {
    each([&](const auto& layer, auto k) {
      layer.update_statistics(from, parameters_.values().data() + offsets_[k]);
      from += layer.statistics();
    });
  }

  /// Columns that the last layer works on at a time in `learn`. No limit where it needs all at once.
  Index piece_columns() const {
    return last_is_columnwise() ? cached_columns<Scalar>(outputs()) : std::numeric_limits<Index>::max();
  }

 protected:
  /// `features` per step come in. Throws ShapeError or ValueError naming the layer that does not fit.
  Description(Index features, Layers layers) : layers_(std::move(layers)) {
    require<ShapeError>(features > 0 && features <= most_features, "model: expects 1 to ", most_features,
                        " features per step, got ", features);
    shapes_.push_back({features, true});
    ParameterTable table;
    layers_.each_mutable([&](auto& layer) { connect(layer, table); });
    parameters_ = Parameters<Scalar>(std::move(table));
  }
  const Layers& layers() const { return layers_; }
  /// Rows of the states of layer k.
  const std::vector<Index>& states(std::size_t k) const { return states_[k]; }
  /// f(layer, its number)
  template <class F>
  void each(F&& f) const {
    layers_.each(f);
  }

  bool last_is_columnwise() const {
    bool last = false;
    each([&](const auto& layer, auto) { last = layer.columnwise(); });
    return last;
  }

  template <class L, class F>
  static void within(std::size_t k, const L& layer, F&& f) {
    detail::within("layer ", k, layer, f);
  }
  /// Random numbers of layer k are keyed by its number among all layers, those counted that others hold.
  Pass pass_of(std::size_t k, Pass pass) const {
    pass.layer = numbers_[k];
    return pass;
  }

  static const State<Scalar>& no_state() {
    static const State<Scalar> none;
    return none;
  }
  /// Their shapes are checked by the layers.
  void check_states(std::string_view what, const std::vector<State<Scalar>>& given) const {
    require<ShapeError>(given.empty() || given.size() == depth(), "model: ", what, ": expects those of ", depth(),
                        " layers, got ", given.size());
    for (std::size_t k = 0; k < given.size(); ++k)
      require<ShapeError>(given[k].empty() || given[k].size() == states_[k].size(), "layer ", k, ": ", what,
                          ": expects ", states_[k].size(), " matrices, got ", given[k].size());
  }
  void check_size(const Parameters<Scalar>& gradient) const {
    require<ShapeError>(gradient.size() == parameters().size(), "model: has ", parameters().size(),
                        " parameters, the gradient ", gradient.size(), " entries");
  }

  std::string non_finite_parameter() const {
    for (Index k = 0; k < parameters_.size(); ++k)
      if (!is_finite(parameters_.values()[k])) return "parameter '" + parameters_.table().holding(k).name + "'";
    return {};
  }

 private:
  template <class T>
  static const T& of(const std::vector<T>& list, std::size_t k) {
    require<ValueError>(k < list.size(), "model: there is no layer ", k);
    return list[k];
  }

  template <class L>
  void connect(L& layer, ParameterTable& table) {
    const std::size_t k = offsets_.size();
    within(k, layer, [&] {
      if (const std::optional<Index> owner = layer.tied_to()) layer.tie(tied_weight(*owner, table));
      shapes_.push_back(checked(layer.connect(shapes_.back())));
      offsets_.push_back(table.append(layer.parameters(), text(k, ".")));
    });
    states_.push_back(layer.state_rows());
    numbers_.push_back(numbers_.back() + layer.layers_inside());
  }

  /// The other layer's matrix is now multiplied as a whole, so every batch reaches all of it.
  TiedWeight tied_weight(Index owner, ParameterTable& table) const {
    const ParameterBlock* const found = owner < 0 ? nullptr : table.find(text(owner, ".weight"));
    const bool is_matrix = found != nullptr && found->role == Role::input_weight && found->taps == 0;
    require<ValueError>(is_matrix, "is tied to the weights of layer ", owner,
                        ", expected an earlier layer that has a matrix 'weight', such as an Embedding");
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
  std::vector<std::vector<Index>> states_;    // rows of each layer's states
  std::vector<std::uint64_t> numbers_ = {0};  // of each layer, and of the next one
  Parameters<Scalar> parameters_;
};

}  // namespace unroll::detail
