#pragma once
// Inputs of a cell as blocks of rows of a layer's input.

#include <array>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "unroll/core/tables/named_rows.hpp"
#include "unroll/layers/options.hpp"
#include "unroll/layers/pass.hpp"

namespace unroll::detail {

/// Cells whose inputs have names.
template <class C>
concept NamesInputs = requires {
  C::program.inputs;
  C::program.input;
  C::program.input_size;
};

/// Number of inputs of a cell in a layer: 1 for a cell without names.
template <class C>
constexpr int input_count() {
  if constexpr (NamesInputs<C>)
    return C::program.inputs;
  else
    return 1;
}

/// Rows of the input of a layer that each input of its cell reads.
struct CellInputs {
  NamedRows named = {};                 ///< in the order of the rows; empty: one input without a name
  std::vector<Index> first = {}, rows;  ///< by input of the cell
};

/// Inputs in the equations of a cell, with the names of their sizes, and the options of its layer.
struct GivenInputs {
  std::span<const std::string_view> names, sizes;
  const NamedRows& rows;  ///< option `inputs`
  Index units;
  const std::vector<std::pair<std::string, Index>>& size_rows;

  /// Rows of an input by the name of its size; 0: it shares the remaining features of the layer with all inputs of
  /// the same size.
  Index known_rows(std::size_t k) const {
    const std::string_view size = sizes[k];
    Index known = size == "one" ? 1 : size == "units" ? units : 0;
    for (const auto& [name, given] : size_rows)
      if (name == size) known = given;
    constexpr Index most = Index(1) << 40;
    check_between<ShapeError>("", text("rows of the size '", size, "'"), known, 0, most);
    return known;
  }

  /// Rows that follow from the sizes, in the order of the cell's inputs.
  [[gnu::cold]] NamedRows derived(Shape in) const {
    std::map<std::string, int> shared;  // inputs of each unknown size
    Index known = 0;
    std::string written;
    for (std::size_t k = 0; k < names.size(); ++k) {
      const Index own = known_rows(k);
      known += own;
      written += text(k == 0 ? "" : ", ", "{\"", names[k], "\", rows}");
      if (own == 0) ++shared[sizes[k].empty() ? text(" ", k) : std::string(sizes[k])];
    }
    require<ShapeError>(in.of_model && shared.size() <= 1, "inputs must be given, {", written,
                        "} in the order of the rows, ",
                        in.of_model ? "because their rows do not follow from the equations"
                                    : "because the layer does not read the input of the model");
    const Index sharing = shared.empty() ? 0 : shared.begin()->second, rest = in.features - known;
    require<ShapeError>(sharing == 0 ? rest == 0 : rest > 0 && rest % sharing == 0, "features per step must be ", known,
                        sharing == 0  ? ""
                        : sharing > 1 ? text(" and a multiple of ", sharing, " above 0")
                                      : std::string(" and at least 1 more"),
                        " for the inputs of the cell, {", written, "}, got ", in.features);
    NamedRows to;
    for (std::size_t k = 0; k < names.size(); ++k) {
      const Index own = known_rows(k);
      to.add(std::string(names[k]), own == 0 ? rest / sharing : own);
    }
    return to;
  }
};

/// Rows of each input. Throws ShapeError or ValueError if the options do not match the cell or the input of the layer.
template <class = Once>
[[gnu::cold]] CellInputs named_inputs(Shape in, const GivenInputs& given) {
  CellInputs to{given.rows.empty() ? given.derived(in) : given.rows, {}, {}};
  std::string names;
  for (const std::string_view name : given.names) names += text(names.empty() ? "" : ", ", name);
  require<ValueError>(to.named.size() == given.names.size(), "inputs must be those of the cell, ", names, ", got ",
                      rows_text(to.named));
  for (const std::string_view name : given.names) {
    require<ValueError>(to.named.has(name), "inputs must be those of the cell, ", names, ", got ", rows_text(to.named));
    to.first.push_back(to.named.first(name));
    to.rows.push_back(to.named.rows(name));
  }
  require<ShapeError>(to.named.rows() == in.features, "features per step must be ", to.named.rows(),
                      ", those of the inputs ", rows_text(to.named), ", got ", in.features);
  return to;
}

/// Rows of each input of a cell in a layer of these options. Without the option `inputs` they follow from the sizes in
/// the equations, in the order of the cell's inputs. Throws as named_inputs does.
template <class C, class Options>
CellInputs cell_inputs(Shape in, const Options& options) {
  constexpr int count = input_count<C>();
  if (count <= 1 && options.inputs.empty()) return {{}, {0}, {in.features}};
  if constexpr (NamesInputs<C>) {
    const auto& program = C::program;
    return named_inputs(in, {.names = {program.input.items, std::size_t(count)},
                             .sizes = {program.input_size.items, std::size_t(count)},
                             .rows = options.inputs,
                             .units = options.units,
                             .size_rows = options.sizes});
  } else {
    throw ValueError(
        text("inputs must be empty, because the cell does not name its input, got ", rows_text(options.inputs)));
  }
}

/// Views of the rows of each input of a cell in a matrix, without a copy; null views of a null matrix.
template <class C, class Values>
class InputViews {
  static constexpr std::size_t count = input_count<C>() > 1 ? std::size_t(input_count<C>()) : 1;

 public:
  InputViews(const CellInputs& inputs, Values whole)
      : views_(split(inputs, whole, std::make_index_sequence<count>())) {}

  std::span<Values> all() { return views_; }
  std::span<const Values> all() const { return views_; }

 private:
  template <std::size_t... k>
  static std::array<Values, count> split(const CellInputs& inputs, Values& whole, std::index_sequence<k...>) {
    if constexpr (count == 1)
      return {whole};
    else
      return {part(inputs, whole, k)...};
  }
  static Values part(const CellInputs& inputs, Values& whole, std::size_t k) {
    return {whole.data() == nullptr ? nullptr : whole.data() + inputs.first[k], inputs.rows[k], whole.cols(),
            Eigen::OuterStride<>(whole.outerStride())};
  }

  std::array<Values, count> views_;
};

/// Appends the names and rows of the inputs of a layer's cell.
template <class = Once>
[[gnu::cold]] void add_inputs(LayerOptions& options, const NamedRows& inputs) {
  if (inputs.empty()) return;
  std::vector<LayerOptions> parts;
  for (const NamedRows::Part& part : inputs) parts.push_back({{"input", part.name}, {"rows", part.rows}});
  options.emplace_back("inputs", std::move(parts));
}

}  // namespace unroll::detail
