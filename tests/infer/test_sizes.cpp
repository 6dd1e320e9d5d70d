// Numbers of hypotheses near the limits of Index.
#include <unroll/infer/beam.hpp>
#include <unroll/infer/sampling.hpp>

#include "written.hpp"

namespace test_sizes {

using namespace written;

TEST_CASE("decoding sizes: the largest beam is accepted, and samples beyond memory are refused") {
  constexpr Index most = std::numeric_limits<Index>::max();
  const auto tokens = [](Index beams, Index n_best, Index ngram) {
    Written<double> decoder({3, 4}, 3, chain<double>(3));
    const Limits limits{.longest = 3, .no_repeat_ngram = ngram};
    std::vector<Tokens> all;
    for (const auto& source : beam_search(decoder, {.limits = limits, .beams = beams, .n_best = n_best}))
      for (const auto& hypothesis : source) all.push_back(hypothesis.tokens);
    return all;
  };
  CHECK(tokens(27, 27, 0).size() == 54);  // 3^3 per source
  CHECK(tokens(most, 27, 0) == tokens(27, 27, 0));
  CHECK(tokens(most, most, most) == tokens(27, 27, 0));
  for (const Index samples : {Index(1) << 50, most}) {
    Written<double> decoder({3, 4}, 3, chain<double>(3));
    CHECK_THROWS_MATCHES(sample(decoder, {.limits = {.longest = 3}, .samples = samples}), ShapeError, says("samples"));
  }
  Written<double> decoder({3, 4}, 3, chain<double>(3));
  CHECK(sample(decoder, {.limits = {.longest = 3}, .top_k = most, .seed = 1}).size() == 2);
}

}  // namespace test_sizes
