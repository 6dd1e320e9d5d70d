#pragma once
// Words of operations on all rows of a value: normalisation, softmax, and sums.

#include <string>

#include "unroll/recurrence/language/columns.hpp"
#include "unroll/recurrence/language/terms.hpp"

namespace unroll::language {

enum class RowsKind : unsigned char { layer_norm, rms_norm, softmax, mean, sum, max_of, row_sums, column_sums };

/// Word of an operation on the rows of a value, or on the rows of each head.
struct RowsWord {
  RowsKind kind = RowsKind::layer_norm;
  double epsilon = 0;                ///< added to the variance or to the mean square
  int heads = 1;                     ///< groups of adjacent rows, each with a separate result
  std::string_view heads_size = {};  ///< size whose rows are the number of groups; empty: `heads`

  /// True if the result is one row.
  constexpr bool reduces() const { return kind == RowsKind::mean || kind == RowsKind::sum || kind == RowsKind::max_of; }
  /// True if the result is one number, or one for each row of a matrix.
  constexpr bool one_each() const { return reduces() || kind == RowsKind::row_sums; }
  /// True if the result is one number for each row or column of a matrix.
  constexpr bool of_matrix() const { return kind == RowsKind::row_sums || kind == RowsKind::column_sums; }
  constexpr bool normalises() const { return kind == RowsKind::layer_norm || kind == RowsKind::rms_norm; }
  constexpr std::string_view result_size() const { return reduces() ? one_row : ""; }
  static constexpr std::string_view operand_size() { return ""; }
  constexpr bool of_any_size() const { return reduces() || of_matrix(); }
  static constexpr bool copies_operand() { return true; }
  constexpr bool replaces_operand() const { return !of_any_size(); }

  WrittenOperation written(bool latex) const {
    constexpr std::string_view names[] = {"layer_norm", "rms_norm", "softmax",  "mean",
                                          "sum",        "max_of",   "row_sums", "column_sums"};
    constexpr std::string_view formulas[] = {"\\mathrm{LN}",   "\\mathrm{RMSNorm}", "\\mathrm{softmax}",
                                             "\\mathrm{mean}", "\\mathrm{sum}",     "\\max",
                                             "\\mathrm{rows}", "\\mathrm{columns}"};
    std::string numbers = epsilon > 0 ? text(epsilon) : "";
    if (heads > 1) numbers += text(numbers.empty() ? "" : ", ", "heads ", heads);
    if (!heads_size.empty()) numbers += text(numbers.empty() ? "" : ", ", "heads_of ", heads_size);
    const std::string name(latex ? formulas[int(kind)] : names[int(kind)]);
    if (numbers.empty()) return {.function = name};
    return {.function = latex ? text(name, "_{", numbers, "}") : text(name, "[", numbers, "]")};
  }
};

/// Number that a normalisation adds to a mean square. Throws ValueError below 0 or from 1e30 on, in equations at
/// compile time.
struct Epsilon {
  double value;
  constexpr Epsilon(double number) : value(number) {  // NOLINT: implicit conversion from a number
    if (!(number >= 0 && number < 1e30))
      throw ValueError(text("the epsilon of layer_norm or rms_norm must be at least 0 and below 1e30, got ", number));
  }
};

namespace parts {
template <class E>
constexpr OverColumn<RowsWord, E> over_rows(RowsWord word, E operand) {
  static_assert(
      is_named<E> || is_linear<E>,
      "unroll: an operation on rows, such as layer_norm(...), must read a named value or linear(...); give the "
      "expression a separate equation");
  return {word, operand};
}
template <class E>
constexpr OverColumn<RowsWord, E> over_named(RowsWord word, E operand) {
  static_assert(
      is_named<E>,
      "unroll: mean(...), sum(...), max_of(...), row_sums(...) and column_sums(...) must read a named value; give the "
      "expression a separate equation");
  return {word, operand};
}
}  // namespace parts

/// Heads of a size: `layer_norm(e, heads_of<"heads">)` has as many as the size has rows.
template <Name size>
struct HeadsOf {};
template <Name size>
inline constexpr HeadsOf<size> heads_of{};

namespace parts {
template <class H>
inline constexpr bool is_heads = false;
template <int n>
inline constexpr bool is_heads<Heads<n>> = true;
template <Name size>
inline constexpr bool is_heads<HeadsOf<size>> = true;

template <int n>
constexpr RowsWord grouped(RowsKind kind, double epsilon, Heads<n>) {
  return {kind, epsilon, n};
}
template <Name size>
constexpr RowsWord grouped(RowsKind kind, double epsilon, HeadsOf<size>) {
  return {kind, epsilon, 1, size.view()};
}
}  // namespace parts

/// Groups of rows, the last argument of operations on rows: `heads<n>` or `heads_of<"heads">`.
template <class H>
concept HeadsOption = parts::is_heads<H>;

/// (e - mean) / sqrt(variance + epsilon) over the rows of e, without gain and shift: Ba et al. 2016 (arXiv:1607.06450),
/// equation 4. With `heads<n>` or `heads_of<"heads">`, over the rows of each head. It is the whole right side of an
/// equation.
template <class E, HeadsOption H = Heads<1>>
constexpr auto layer_norm(E e, Epsilon epsilon = 1e-5, H heads = {}) {
  return parts::over_rows(parts::grouped(RowsKind::layer_norm, epsilon.value, heads), e);
}
template <class E, HeadsOption H>
constexpr auto layer_norm(E e, H heads) {
  return layer_norm(e, 1e-5, heads);
}
/// e / sqrt(mean square + epsilon) over the rows of e: Zhang and Sennrich 2019 (arXiv:1910.07467), equation 4.
template <class E, HeadsOption H = Heads<1>>
constexpr auto rms_norm(E e, Epsilon epsilon = 1e-6, H heads = {}) {
  return parts::over_rows(parts::grouped(RowsKind::rms_norm, epsilon.value, heads), e);
}
template <class E, HeadsOption H>
constexpr auto rms_norm(E e, H heads) {
  return rms_norm(e, 1e-6, heads);
}
/// Softmax over the rows of e, or over those of each head.
template <class E, HeadsOption H = Heads<1>>
constexpr auto softmax(E e, H heads = {}) {
  return parts::over_rows(parts::grouped(RowsKind::softmax, 0, heads), e);
}
/// Mean of the rows of a value: one row.
template <class E>
constexpr auto mean(E e) {
  return parts::over_named({RowsKind::mean}, e);
}
/// Sum of the rows of a value: one row.
template <class E>
constexpr auto sum(E e) {
  return parts::over_named({RowsKind::sum}, e);
}
/// Sums of the rows of a matrix, whose size is a product such as "units*keys": one number for each row. The product of
/// a matrix C and a vector q is row_sums(p) with p = C * by_column(q).
template <class E>
constexpr auto row_sums(E e) {
  return parts::over_named({RowsKind::row_sums}, e);
}
/// Sums of the columns of a matrix: one number for each column. The product of its transpose and a vector v is
/// column_sums(p) with p = C * by_row(v).
template <class E>
constexpr auto column_sums(E e) {
  return parts::over_named({RowsKind::column_sums}, e);
}
/// Greatest row of a value: one row. Equal rows share the gradient equally.
template <class E>
constexpr auto max_of(E e) {
  return parts::over_named({RowsKind::max_of}, e);
}

}  // namespace unroll::language
