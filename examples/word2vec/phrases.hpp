#pragma once

#include <string>
#include <vector>

#include "unroll/core/types.hpp"

namespace word2vec {

/// Joins words that occur together more often than by chance: "new york" becomes "new_york". Mikolov, Sutskever, Chen,
/// Corrado, Dean 2013, "Distributed representations of words and phrases and their compositionality", section 4:
///
///     score(a, b) = (count(a b) - least) / (count(a) count(b)) * words
///
/// The factor, the number of words in the texts, is that of the word2phrase program: thresholds do not depend on the
/// length of the text. Pairs with a score above `threshold` are joined from left to right; words that occur less than
/// `least` times are not joined. Pairs do not cross the ends of sentences. Returns the number of different phrases.
unroll::Index join_phrases(std::vector<std::vector<std::string>>& sentences, unroll::Index least, double threshold);

}  // namespace word2vec
