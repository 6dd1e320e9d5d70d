// Random tests of encoders and decoders: training on pairs, files and decoding.

#include "interface/pairs.hpp"

namespace interface {
namespace {

struct Languages {
  Index letters = 0, words = 0;
  SpecialTokens special_tokens;
};

std::optional<SequencePairs<S>> random_pairs(Choices& choose, Report& report, const Languages& languages) {
  std::vector<MatrixX<S>> sources;
  std::vector<std::vector<Index>> targets;
  const Index count = 1 + choose.below(6);
  for (Index k = 0; k < count; ++k) {
    MatrixX<S> source(1, choose.below(6));
    for (Index t = 0; t < source.cols(); ++t) source(0, t) = S(choose.below(languages.letters));
    std::vector<Index> target(std::size_t(choose.below(5)));
    for (Index& token : target) token = choose.below(std::max<Index>(1, languages.words - 2));
    sources.push_back(std::move(source)), targets.push_back(std::move(target));
  }
  std::optional<SequencePairs<S>> pairs;
  report.attempt("pairs", [&] { pairs.emplace(std::move(sources), std::move(targets), languages.special_tokens); });
  return pairs;
}

/// Trains with random options. Checks for finite parameters, and for the same bits in threads and with checkpoints.
void try_lesson(Choices& choose, Report& report, PairsModel& model, const SequencePairs<S>& pairs) {
  const bool odd = choose.one_in(3);
  Lesson lesson{.updates = 1 + choose.below(3), .shard = odd ? choose.size(true) : choose.below(4)};
  lesson.options = {.clip_norm = odd ? choose.real(true) : 1, .seed = choose.seed()};
  if (choose.one_in(3)) lesson.options.clip_value = choose.real(odd);
  if (choose.one_in(3)) lesson.options.teacher = [share = choose.real(odd)](long) { return share; };
  std::optional<AnyOptimizer> first;
  if (!report.attempt("optimizer", [&] { first.emplace(random_optimizer(choose, odd && choose.coin())); })) return;
  AnyOptimizer second = *first;
  const auto other = model.copy();
  const VectorX<S> before = model.parameters().values();
  const std::vector<double> state = first->state();
  bool diverged = false;
  const bool learned = report.attempt("training on pairs", [&] {
    try {
      model.learn(pairs, lesson, *first);
      check_finite("training on pairs", model.parameters());
    } catch (const NonFiniteError&) {
      diverged = true;
      throw;
    }
  });
  if (!learned) {
    report.expect(diverged || same_bits(before, model.parameters().values()),
                  "training on pairs is refused after it has changed parameters");
    report.expect(diverged || state == first->state(),
                  "training on pairs is refused after it has changed the optimizer");
    if (diverged) model.parameters().values() = before;
    return;
  }
  lesson.options.threads = 3;
  lesson.options.keeping = {Keep::checkpoints, choose.below(4)};
  if (!report.attempt("training on pairs in threads", [&] { other->learn(pairs, lesson, second); }))
    return report.fault("training on pairs in threads is refused, alone it is not");
  report.expect(same_bits(other->parameters().values(), model.parameters().values()),
                "training on pairs: threads and checkpoints have other bits");
}

void try_file(Choices& choose, Report& report, const PairsModel& model) {
  const auto other = model.copy();
  const VectorX<S> before = other->parameters().values();
  SafeTensors file;
  if (!report.attempt("encoder and decoder as tensors", [&] {
        file = model.tensors();
        other->initialise(choose.seed() + 1);
        other->take(file);
      }))
    return report.fault("tensors of an encoder and decoder are refused");
  report.expect(same_bits(before, other->parameters().values()), "tensors of an encoder and decoder have other bits");
  auto one = file.tensors.begin();
  std::advance(one, choose.below(Index(file.tensors.size())));
  if (one->second.bytes.empty()) return;
  if (choose.coin())
    file.tensors.erase(one);
  else
    one->second.shape.push_back(1);
  report.refused("encoder and decoder of other tensors", [&] { other->take(file); });
  report.expect(same_bits(before, other->parameters().values()), "refused tensors have changed an encoder and decoder");
}

}  // namespace

void try_pairs(Choices& choose, Report& report) {
  const bool odd = choose.one_in(4);
  Languages languages{.letters = 1 + choose.below(6), .words = 3 + choose.below(6), .special_tokens = {}};
  languages.special_tokens = {.begin = languages.words - 2, .end = languages.words - 1};
  const Index read = choose.size();  // per direction
  Seq2SeqOptions options{.vocabulary = odd && choose.coin() ? choose.size(true) : languages.words,
                         .embedding = choose.size(odd && choose.coin()),
                         // The score `dot` needs as many units as the keys have rows.
                         .units = choose.coin() ? 2 * read : choose.size(odd && choose.coin()),
                         .bridge = choose.one_of({Bridge::zero, Bridge::copy, Bridge::project}),
                         .tied = choose.one_in(4),
                         .causal = choose.one_in(4)};
  if (choose.one_in(3)) options.sizes.emplace_back("readout", choose.size(odd));
  if (choose.one_in(4)) options.sizes.emplace_back("attention", choose.size(odd));
  const auto models = choose.coin() ? bahdanau_models() : luong_models();
  const Index kind = choose.below(Index(models.size()));
  report.now(text("seed ", choose.seed(), ": encoder and decoder ", kind, " of ", models.size(), ", vocabulary ",
                  options.vocabulary, ", embedding ", options.embedding, ", units ", options.units, ", read by ",
                  read));
  std::unique_ptr<PairsModel> model;
  if (!report.attempt("encoder and decoder", [&] {
        const Encoder encoder(1, Embedding{.size = languages.letters, .dimension = choose.size()},
                              Bidirectional<Gru>{.units = read});
        model = models[std::size_t(kind)](encoder, options);
        model->initialise(choose.seed());
      }))
    return;
  if (model->parameters().size() > 3000000) return;  // valid, but slow
  const auto pairs = random_pairs(choose, report, languages);
  if (!pairs) return;
  try_lesson(choose, report, *model, *pairs);
  if (choose.one_in(3)) try_file(choose, report, *model);
  for (int k = 0; k < 2; ++k) try_decoding(choose, report, *model, *pairs);
}

}  // namespace interface
