#pragma once
// Result of decoding, and constraints on it.

#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// Constraints on every hypothesis. Either `longest` or `longest_of` must be given. For one label per step,
/// `longest_of` holds the number of steps of each source.
struct Limits {
  Index end = -1;                      ///< token that ends a hypothesis; -1: none
  Index shortest = 0;                  ///< with fewer tokens, the end token is forbidden
  Index longest = 0;                   ///< largest number of tokens, excluding the end token
  std::vector<Index> longest_of = {};  ///< the same for each source, 0 allowed
  Index no_repeat_ngram = 0;           ///< tokens that would repeat an n-gram of this length are forbidden; 0: none
};

/// Decoded hypothesis of a source.
template <std::floating_point Scalar>
struct Hypothesis {
  std::vector<Index> tokens = {};  ///< without the end token
  double log_probability = 0;      ///< in nats, of tokens and end token under the model alone: as in forced decoding,
                                   ///< regardless of tokens forbidden, scaled or cut off during decoding
  double score = 0;                ///< ranking score of a beam search; otherwise the log-probability
  bool ended = false;              ///< true: by the end token; false: at the largest length, or no token was possible
  MatrixX<Scalar> attention = {};  ///< [source x tokens] if requested: attention of each token to each source step
};

namespace detail {

inline Index longest(const Limits& limits, Index source) {
  return limits.longest_of.empty() ? limits.longest : limits.longest_of[std::size_t(source)];
}

inline void check_longest(const Limits& limits, Index sources) {
  const bool each = !limits.longest_of.empty();
  require<ValueError>(!each || limits.longest == 0, "decoding: longest must be 0 if longest_of is given, got ",
                      limits.longest);
  require<ShapeError>(!each || Index(limits.longest_of.size()) == sources, "decoding: longest_of must have ", sources,
                      " entries, one for each source, got ", limits.longest_of.size());
  require<ValueError>(each || sources == 0 || limits.longest > 0, "decoding: longest must be at least 1 token, got ",
                      limits.longest);
  for (Index b = 0; b < sources; ++b) {
    require<ValueError>(longest(limits, b) >= limits.shortest, "decoding: source ", b, ": longest must be at least ",
                        limits.shortest, " tokens, as shortest, got ", longest(limits, b));
  }
}

/// Throws ValueError or ShapeError if the limits do not match the decoder.
inline void check(const Limits& limits, Index vocabulary, Index sources) {
  require<ValueError>(vocabulary > 0, "decoding: the vocabulary must have at least 1 token, got ", vocabulary);
  require<ValueError>(limits.end >= -1 && limits.end < vocabulary, "decoding: end must be -1 to ", vocabulary - 1,
                      " (-1: none), got ", limits.end);
  require<ValueError>(limits.shortest >= 0, "decoding: shortest must be at least 0 tokens, got ", limits.shortest);
  require<ValueError>(limits.no_repeat_ngram >= 0,
                      "decoding: no_repeat_ngram must be at least 0 tokens (0: none), got ", limits.no_repeat_ngram);
  check_longest(limits, sources);
}

}  // namespace detail
}  // namespace unroll
