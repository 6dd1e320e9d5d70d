#pragma once
// Operations over all rows of a column: words, and what the compiler of equations reads of each.
//
// How they run is in recurrence/columns.

#include <string>

#include "unroll/recurrence/language/operations.hpp"
#include "unroll/recurrence/language/score.hpp"
#include "unroll/recurrence/language/values.hpp"

namespace unroll::language {

/// An operation over the rows of a named value. It is an equation by itself.
///
/// A Word says `result_size`, the name of the size of its result, and `operand_size()`, that of its operand; empty: the
/// size of its equation. `copies_operand()`: it reads the operand as it is, not multiplied by weights.
/// `written(latex)`: see WrittenOperation.
template <class Word, class Named>
struct OverColumn {
  static constexpr int operations = 2;  // its operand is a linear term
  Word word;
};

/// How a query is compared with the keys of a memory, see the words in `symbols`. The additive scores have rows of
/// their own, the size "attention", which is the cell's units unless it is given.
template <ScoreKind kind, bool biased = false, bool normalised = false>
struct Score {};

template <class T>
inline constexpr bool is_score = false;
template <ScoreKind kind, bool biased, bool normalised>
inline constexpr bool is_score<Score<kind, biased, normalised>> = true;

/// attend(score, query)
struct AttentionWord {
  ScoreKind score = ScoreKind::dot;
  bool biased = false;      ///< the projected keys have a bias
  bool normalised = false;  ///< the vector of an additive score has a length of its own

  static constexpr std::string_view result_size = "memory";
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
    return {};  // every ScoreKind has its case
  }
};

namespace parts {
template <ScoreKind kind, bool biased, bool normalised>
constexpr AttentionWord attention_word(Score<kind, biased, normalised>) {
  return {kind, biased, normalised};
}
}  // namespace parts

/// The sum of the values of the memory that is handed to the engine, weighted by the softmax of the query's scores. It
/// stands alone on the right of a name, which then has the memory's rows.
template <class ScoreWord, class Query>
constexpr OverColumn<AttentionWord, Query> attend(ScoreWord score, Query) {
  static_assert(is_score<ScoreWord>,
                "unroll: attend(score, query) takes a score first: dot, scaled_dot, general, concat, additive");
  static_assert(is_named<Query>,
                "unroll: attend(score, query) is asked by a named value: give the expression an "
                "equation of its own");
  return {parts::attention_word(score)};
}

}  // namespace unroll::language
