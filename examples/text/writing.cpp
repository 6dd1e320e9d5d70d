#include "writing.hpp"

#include "corpus.hpp"
#include "unroll/infer/sampling.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/text/language_decoder.hpp"

namespace lm {

using namespace unroll;

namespace {

[[noreturn]] void refuse_unknown(const Vocabulary& vocabulary, const std::string& token, const std::string& tokens) {
  std::vector<std::string_view> names;
  for (Index k = 0; k < vocabulary.size(); ++k) names.push_back(vocabulary.token(k));
  throw ValueError(text("--prompt must contain only the ", vocabulary.size(), " ", tokens, " of the vocabulary, got ",
                        detail::in_quotes(token),
                        tokens == "words" ? "; the most similar are " + detail::nearest_names(token, names) : ""));
}

/// Tokens read before the first prediction.
std::vector<Index> beginning(const Model& model, const std::vector<std::string>& prompt) {
  const Vocabulary& vocabulary = model.vocabulary;
  std::vector<Index> numbers;
  if (vocabulary.start() >= 0) numbers.push_back(vocabulary.start());
  for (const std::string& token : prompt) {
    if (!vocabulary.find(token)) refuse_unknown(vocabulary, token, model.options.tokens);
    numbers.push_back(vocabulary.number(token));
  }
  if (!numbers.empty()) return numbers;
  // A stream has no start token: the end of a preceding unit or line is the nearest substitute.
  const auto line_end = vocabulary.find("\n");
  return {vocabulary.end() >= 0 ? vocabulary.end() : line_end.value_or(vocabulary.size() > 1 ? 1 : 0)};
}

}  // namespace

std::vector<std::string> write(const Model& model, const Options& options, std::uint64_t seed) {
  const Vocabulary& vocabulary = model.vocabulary;
  const auto prompt = tokens_of(options.prompt, model.options);
  if (options.samples == 0) return {};
  LanguageDecoder decoder(model.network, {vocabulary.unknown(), vocabulary.start()});
  decoder.read({beginning(model, prompt)});
  const auto written = sample(decoder, {.limits = {.end = model.options.streams() ? -1 : vocabulary.end(),
                                                   .shortest = options.least_length,
                                                   .longest = options.length},
                                        .samples = options.samples,
                                        .temperature = options.temperature,
                                        .top_k = options.top_k,
                                        .top_p = options.top_p,
                                        .seed = seed});
  std::vector<std::string> texts;
  for (const auto& one : written.front()) {
    std::vector<std::string> tokens = prompt;
    for (const Index token : one.tokens) tokens.push_back(vocabulary.token(token));
    texts.push_back(text_of(tokens, model.options));
  }
  return texts;
}

}  // namespace lm
