// Negative sampling in skip-gram and CBOW, with words that occur more than once.

#include "case.hpp"
#include "unroll/word2vec/negative_sampling.hpp"

namespace conformance {
namespace {

/// Words with the shape (B) or (B, n), n words per prediction.
struct Words {
  Words(const Case& given, const std::string& name, Index batch, Index vocabulary) {
    const auto& shape = given.input(name).shape;
    require<ShapeError>(!shape.empty() && shape.size() <= 2 && shape[0] == batch && given.input(name).size() > 0,
                        "tensor '", name, "' has the shape ", unroll::detail::shape_text(shape), ", expected ", batch,
                        " rows of words");
    each = shape.size() == 2 ? shape[1] : 1;
    const auto numbers = given.integers(name, shape, 0, vocabulary - 1);
    all.assign(numbers.begin(), numbers.end());
  }
  std::span<const std::int32_t> of(Index b) const {
    return std::span(all).subspan(std::size_t(b * each), std::size_t(each));
  }

  std::vector<std::int32_t> all;
  Index each = 1;
};

}  // namespace

SafeTensors compute_word2vec(const Case& given) {
  const auto op = given.at<std::string>("op");
  if (op != "word2vec_skipgram_ns" && op != "word2vec_cbow_ns") given.options().refuse("op");
  const bool skip_gram = op == "word2vec_skipgram_ns";
  const Index batch = given.extent("centre", 0, 1), words = given.extent("W_in", 0, 2),
              dimension = given.extent("W_in", 1, 2);
  given.only("cbow_mean", {true}), given.only("reduction", {"mean", "sum"});
  const double share = given.word("reduction", "mean") == "sum" ? 1 : 1 / double(batch);
  given.check("V", words), given.check("D", dimension), given.check("B", batch);
  const WordTables<double> tables{given.columns<double>("W_in"), given.columns<double>("W_out", {words, dimension})};
  WordTables<double> gradient{0 * tables.in, 0 * tables.out};
  const Words known(given, skip_gram ? "centre" : "context", batch, words),
      wanted(given, skip_gram ? "context" : "centre", batch, words), drawn(given, "negatives", batch, words);
  require<ShapeError>(wanted.each == 1, "expects one word to predict, got ", wanted.each);
  given.check("K", drawn.each);
  NegativeSampling<double> step(dimension, 1 + drawn.each);
  double loss = 0;
  for (Index b = 0; b < batch; ++b) {
    std::vector<std::int32_t> predicted{wanted.of(b)[0]};
    predicted.insert(predicted.end(), drawn.of(b).begin(), drawn.of(b).end());
    loss += step(tables, {known.of(b), predicted}, share, gradient);
  }
  SafeTensors out;
  out.tensors["loss"] = number(loss * share);
  out.tensors["d_W_in"] = tensor(gradient.in, {words, dimension});
  out.tensors["d_W_out"] = tensor(gradient.out, {words, dimension});
  return out;
}

}  // namespace conformance
