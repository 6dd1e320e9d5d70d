#pragma once
// What decoding gives, and what it must keep to.

#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// Rules for every hypothesis. Either `longest` or `longest_of` has to be given.
struct Limits {
  Index end = -1;                      ///< the token that ends a hypothesis; -1: none does
  Index shortest = 0;                  ///< with fewer tokens the end token is forbidden
  Index longest = 0;                   ///< with so many tokens, the end token not counted, a hypothesis goes no further
  std::vector<Index> longest_of = {};  ///< the same for each source, 0 allowed: labels per step have exactly that many
  Index no_repeat_ngram = 0;           ///< a token that would repeat a run of so many tokens is forbidden; 0: none is
};

/// What was written for a source.
template <std::floating_point Scalar>
struct Hypothesis {
  std::vector<Index> tokens = {};  ///< without the end token
  double log_probability = 0;      ///< in nats, of the tokens and the end token, by the model alone: as if it had been
                                   ///< forced along them, whatever was forbidden, scaled or cut off while choosing
  double score = 0;                ///< what beams are ranked by; elsewhere the log-probability
  bool ended = false;              ///< by the end token. If not: it has the largest length, or no token was possible
  MatrixX<Scalar> attention = {};  ///< [source x tokens] if asked for: how much each token looked at each source step
};

namespace detail {

inline Index longest(const Limits& limits, Index source) {
  return limits.longest_of.empty() ? limits.longest : limits.longest_of[std::size_t(source)];
}

inline void check_longest(const Limits& limits, Index sources) {
  const bool each = !limits.longest_of.empty();
  require<ValueError>(!each || limits.longest == 0, "decoding: expects longest or longest_of, got both");
  require<ShapeError>(!each || Index(limits.longest_of.size()) == sources, "decoding: longest_of has ",
                      limits.longest_of.size(), " entries for ", sources, " sources");
  require<ValueError>(each || sources == 0 || limits.longest > 0,
                      "decoding: expects the largest number of tokens, longest, to be at least 1, got ",
                      limits.longest);
  for (Index b = 0; b < sources; ++b) {
    require<ValueError>(longest(limits, b) >= limits.shortest, "decoding: source ", b, ": the shortest hypothesis has ",
                        limits.shortest, " tokens, the longest ", longest(limits, b));
  }
}

/// Throws unless the limits suit the decoder.
inline void check(const Limits& limits, Index vocabulary, Index sources) {
  require<ValueError>(vocabulary > 0, "decoding: the vocabulary is empty");
  require<ValueError>(limits.end >= -1 && limits.end < vocabulary, "decoding: the end token is ", limits.end,
                      ", expected one of ", vocabulary, " tokens, or -1 for none");
  require<ValueError>(limits.shortest >= 0, "decoding: the shortest hypothesis has ", limits.shortest,
                      " tokens, expected 0 or more");
  require<ValueError>(limits.no_repeat_ngram >= 0, "decoding: no_repeat_ngram is ", limits.no_repeat_ngram,
                      ", expected a length, or 0 for none");
  check_longest(limits, sources);
}

}  // namespace detail
}  // namespace unroll
