// Negative sampling in both models, with words that are given or drawn more than once.

#include "case.hpp"
#include "unroll/text/negative_sampling.hpp"

namespace conformance {
namespace {

/// Row b of integers (B, n), or the b-th of integers (B).
std::vector<std::int32_t> words_of(const Case& given, const std::string& name, Index b) {
  const auto all = given.integers(name);
  const Index each = Index(all.size()) / given.extent(name, 0);
  return {all.begin() + b * each, all.begin() + (b + 1) * each};
}

}  // namespace

SafeTensors compute_word2vec(const Case& given) {
  const bool skip_gram = given.word("op") == "word2vec_skipgram_ns";
  const std::string known = skip_gram ? "centre" : "context", wanted = skip_gram ? "context" : "centre";
  const WordTables<double> tables{given.columns<double>("W_in"), given.columns<double>("W_out")};
  WordTables<double> gradient{0 * tables.in, 0 * tables.out};
  NegativeSampling<double> step(tables.in.rows(), 1 + given.extent("negatives", 1));
  const Index batch = given.extent("centre", 0);
  double loss = 0;
  for (Index b = 0; b < batch; ++b) {
    const auto known_words = words_of(given, known, b), drawn = words_of(given, "negatives", b);
    auto predicted = words_of(given, wanted, b);
    predicted.insert(predicted.end(), drawn.begin(), drawn.end());
    loss += step(tables, {known_words, predicted}, 1 / double(batch), gradient);
  }
  SafeTensors out;
  out.tensors["loss"] = number(loss / double(batch));
  out.tensors["d_W_in"] = tensor(gradient.in, given.input("W_in").shape);
  out.tensors["d_W_out"] = tensor(gradient.out, given.input("W_out").shape);
  return out;
}

}  // namespace conformance
