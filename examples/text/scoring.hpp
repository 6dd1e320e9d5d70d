#pragma once
// Losses of the tokens of new texts.

#include <string>
#include <vector>

#include "corpus.hpp"
#include "model_file.hpp"
#include "unroll/core/tables/data_table.hpp"

namespace lm {

/// Predicted tokens of a unit, with their losses.
struct Scores {
  std::string file = {};
  unroll::Index unit = 0;         // in its file, from 1; in a stream the line
  unroll::Index first = 0;        // tokens of the unit before the predicted ones: 1 in the first line of a stream
  Tokens tokens = {};             // as in the text, with the end token
  std::vector<bool> known = {};   // whether they are in the vocabulary
  std::vector<double> nats = {};  // their losses
};

/// Scores of the units of a text. Each unit of a model of units is read alone; a stream is read with carried state, its
/// first token is not predicted, and its lines are units. `threads` process units in parallel.
std::vector<Scores> score(const Model& model, const std::string& file, const std::string& column,
                          const unroll::Threads& threads);

/// Sum over tokens.
struct Total {
  unroll::Index tokens = 0, unknown = 0;
  double nats = 0;
  Total& operator+=(const Scores& scores);
  double mean() const { return nats / double(tokens); }
};
Total total_of(const std::vector<Scores>& all);

/// Rows of tokens: file, unit, position in the unit from 1, token, known, bits, probability.
unroll::DataTable token_table(const std::vector<Scores>& all);
/// Rows of units: file, unit, tokens, unknown, bits per token, perplexity, bits, text.
unroll::DataTable unit_table(const std::vector<Scores>& all, const Options& options);

}  // namespace lm
