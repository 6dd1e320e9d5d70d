#include "interface/random_model.hpp"

#include "interface/random_layers.hpp"

namespace interface {

RandomModel random_model(Choices& choose, Report& report) {
  RandomModel made;
  const bool odd = choose.one_in(3);
  const Index depth = 1 + choose.below(4), odd_layer = odd ? choose.below(depth) : -1;
  made.features = odd && choose.one_in(6) ? choose.size(true) : 1 + choose.below(4);
  std::string words = text("seed ", choose.seed(), ":");
  RandomLayers<S> layers(choose, words);
  std::vector<AnyLayer<S>> all;
  if (made.features == 1 && choose.coin()) {
    made.tokens = choose.size(odd && choose.one_in(4));
    const Index dimension = choose.size(odd && choose.one_in(4));
    words += text(" embedding(", made.tokens, " x ", dimension, ")");
    all.push_back(Embedding{.size = made.tokens, .dimension = dimension});
  }
  for (Index k = 0; k < depth; ++k) all.push_back(layers.any(k == odd_layer));
  report.now(words);
  if (!report.attempt("model", [&] { made.model.emplace(made.features, all); })) return {};
  if (made.model->parameters().size() > 3000000 || made.features > 100000) return {};  // valid, but slow
  report.attempt("initialise", [&] { made.model->initialise(choose.seed()); });
  return made;
}

RandomBatch random_batch(Choices& choose, Index features, Index tokens) {
  RandomBatch made;
  const Index batch = choose.one_in(12) ? 0 : 1 + choose.below(9), steps = choose.one_in(15) ? 0 : 1 + choose.below(20);
  made.mask = MatrixX<bool>(batch, steps);
  for (Index b = 0; b < batch; ++b) {
    const Index kind = choose.below(4), length = choose.below(steps + 1);
    for (Index t = 0; t < steps; ++t) made.mask(b, t) = kind == 0 ? false : kind == 1 ? choose.coin() : t < length;
  }
  made.timeline = Timeline::from_mask(made.mask);
  made.padded = MatrixX<S>::Constant(features, steps * batch, std::numeric_limits<S>::quiet_NaN());
  for (Index b = 0; b < batch; ++b)
    for (Index t = 0; t < steps; ++t)
      for (Index r = 0; made.mask(b, t) && r < features; ++r)
        made.padded(r, t * batch + b) = tokens > 0 ? S(choose.below(tokens)) : S(choose.number());
  made.x = made.timeline.pack(made.padded);
  return made;
}

}  // namespace interface
