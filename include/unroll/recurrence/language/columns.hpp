#pragma once
// Column operations (over all rows of a column): the expression that all of them share, and attention.
//
// recurrence/columns implements them. language/rows.hpp has the words of operations on the rows of one value.

#include <string>

#include "unroll/recurrence/language/operations.hpp"
#include "unroll/recurrence/language/score.hpp"
#include "unroll/recurrence/language/values.hpp"

namespace unroll::language {

/// Column operation on a named value or a linear term. It is the whole right side of an equation.
///
/// A Word has `result_size()`, the name of the size of its result, and `operand_size()`, that of its operand; empty:
/// the size of its equation, or of the operand if `of_any_size()`. `copies_operand()`: true if a named operand is read
/// without multiplication by weights. `replaces_operand()`: true if the gradient is a function of the result, which has
/// the rows of the operand, so that one is stored in place of the other. `written(latex)`: its notation, see
/// WrittenOperation. `heads_size`: the size whose rows are the number of its heads; empty: none.
template <class Word, class Operand>
struct OverColumn {
  static constexpr int operations = 2 + Operand::operations;  // its operand is a linear term
  Word word;
  Operand operand;
};

/// Score of a query and the keys of a memory; the words are in `symbols`. Additive scores have rows of size
/// "attention", by default the cell's units.
template <ScoreKind kind, bool biased = false, bool normalised = false>
struct Score {};

template <class T>
inline constexpr bool is_score = false;
template <ScoreKind kind, bool biased, bool normalised>
inline constexpr bool is_score<Score<kind, biased, normalised>> = true;

/// Word of attend(score, query).
struct AttentionWord {
  ScoreKind score = ScoreKind::dot;
  bool biased = false;      ///< the projected keys have a bias
  bool normalised = false;  ///< the vector of an additive score is g v / |v|, with a learned length g
  static constexpr std::string_view heads_size = {};

  static constexpr std::string_view result_size() { return "memory"; }
  static constexpr bool replaces_operand() { return false; }
  static constexpr bool of_any_size() { return false; }
  constexpr std::string_view operand_size() const { return score == ScoreKind::additive ? "attention" : "keys"; }
  constexpr bool copies_operand() const { return score == ScoreKind::dot || score == ScoreKind::scaled_dot; }

  WrittenOperation written(bool latex) const {
    const std::string name(score_name());
    if (latex) return {.function = "\\mathrm{attend}_{\\mathrm{" + name + "}}"};
    return {.function = "attend", .before = name + ", "};
  }

 private:
  constexpr std::string_view score_name() const {
    switch (score) {
      case ScoreKind::dot:
        return "dot";
      case ScoreKind::scaled_dot:
        return "scaled dot";
      case ScoreKind::general:
        return "general";
      case ScoreKind::additive:
        return normalised ? "additive normalised" : biased ? "additive biased" : "additive";
    }
    return {};  // unreachable
  }
};

namespace parts {
template <ScoreKind kind, bool biased, bool normalised>
constexpr AttentionWord attention_word(Score<kind, biased, normalised>) {
  return {kind, biased, normalised};
}
}  // namespace parts

/// Attention: the sum of the memory's values, weighted by the softmax of the query's scores. It must be the whole right
/// side of an equation, whose symbol then has the memory's rows.
template <class ScoreWord, class Query>
constexpr OverColumn<AttentionWord, Query> attend(ScoreWord score, Query query) {
  static_assert(is_score<ScoreWord>,
                "unroll: the score of attend(score, query) must be dot, scaled_dot, general, concat or additive");
  static_assert(
      is_named<Query>,
      "unroll: the query of attend(score, query) must be a named value; give the expression a separate equation");
  return {parts::attention_word(score), query};
}

}  // namespace unroll::language
