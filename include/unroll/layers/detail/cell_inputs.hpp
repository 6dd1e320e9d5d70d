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

  /// `given`: option `inputs` of the layer; empty: the rows follow from the sizes in the equations, in the order of
  /// the cell's inputs. Throws ShapeError or ValueError if they do not match the cell or the input of the layer.
  template <class C, class Options>
  static CellInputs of(Shape in, const Options& options) {
    constexpr int count = input_count<C>();
    const NamedRows& given = options.inputs;
    if (count <= 1 && given.empty()) return {{}, {0}, {in.features}};
    if constexpr (NamesInputs<C>) {
      CellInputs to{given.empty() ? derived<C>(in, options) : given, {}, {}};
      std::string names;
      for (int k = 0; k < count; ++k) names += text(k == 0 ? "" : ", ", C::program.input[k]);
      require<ValueError>(to.named.size() == std::size_t(count), "inputs must be those of the cell, ", names, ", got ",
                          rows_text(to.named));
      for (int k = 0; k < count; ++k) {
        const std::string_view name = C::program.input[k];
        require<ValueError>(to.named.has(name), "inputs must be those of the cell, ", names, ", got ",
                            rows_text(to.named));
        to.first.push_back(to.named.first(name));
        to.rows.push_back(to.named.rows(name));
      }
      require<ShapeError>(to.named.rows() == in.features, "features per step must be ", to.named.rows(),
                          ", those of the inputs ", rows_text(to.named), ", got ", in.features);
      return to;
    } else {
      throw ValueError(text("inputs must be empty, because the cell does not name its input, got ", rows_text(given)));
    }
  }

 private:
  /// Rows of an input by the name of its size; 0: it shares the remaining features of the layer with all inputs of
  /// the same size.
  template <class Options>
  static Index known_rows(std::string_view size, const Options& options) {
    Index known = size == "one" ? 1 : size == "units" ? options.units : 0;
    for (const auto& [name, rows] : options.sizes)
      if (name == size) known = rows;
    constexpr Index most = Index(1) << 40;
    check_between<ShapeError>("", text("rows of the size '", size, "'"), known, 0, most);
    return known;
  }

  template <class C, class Options>
  static NamedRows derived(Shape in, const Options& options) {
    const auto& program = C::program;
    std::map<std::string, int> shared;  // inputs of each unknown size
    Index known = 0;
    std::string names;
    for (int k = 0; k < program.inputs; ++k) {
      const Index rows = known_rows(program.input_size[k], options);
      known += rows;
      names += text(k == 0 ? "" : ", ", "{\"", program.input[k], "\", rows}");
      if (rows == 0) ++shared[program.input_size[k].empty() ? text(" ", k) : std::string(program.input_size[k])];
    }
    require<ShapeError>(in.of_model && shared.size() <= 1, "inputs must be given, {", names,
                        "} in the order of the rows, ",
                        in.of_model ? "because their rows do not follow from the equations"
                                    : "because the layer does not read the input of the model");
    const Index sharing = shared.empty() ? 0 : shared.begin()->second, rest = in.features - known;
    require<ShapeError>(sharing == 0 ? rest == 0 : rest > 0 && rest % sharing == 0, "features per step must be ", known,
                        sharing == 0  ? ""
                        : sharing > 1 ? text(" and a multiple of ", sharing, " above 0")
                                      : std::string(" and at least 1 more"),
                        " for the inputs of the cell, {", names, "}, got ", in.features);
    NamedRows to;
    for (int k = 0; k < program.inputs; ++k) {
      const Index rows = known_rows(program.input_size[k], options);
      to.add(std::string(program.input[k]), rows == 0 ? rest / sharing : rows);
    }
    return to;
  }
};

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
inline void add_inputs(LayerOptions& options, const NamedRows& inputs) {
  if (inputs.empty()) return;
  std::vector<LayerOptions> parts;
  for (const NamedRows::Part& part : inputs) parts.push_back({{"input", part.name}, {"rows", part.rows}});
  options.emplace_back("inputs", std::move(parts));
}

}  // namespace unroll::detail
