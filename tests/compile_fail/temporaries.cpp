// Messages of the compiler for temporaries to which a reference would be kept.
#include <unroll/cells/gru.hpp>
#include <unroll/infer/greedy.hpp>
#include <unroll/infer/seq2seq_decoder.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/text/language_decoder.hpp>

using namespace unroll;

using Model = decltype(Sequential(1, Recurrent<Gru>{.units = 2}, Dense{.units = 3}));
using Pairs = Seq2Seq<Model, Gru<float>>;
Model made();

#if CASE == 0
void allowed(const Model& model, Model::Tape& tape, Model::Weights& weights, const MatrixX<float>& x) {
  const Timeline timeline = Timeline::rectangular(1, 2);
  model.forward(x, timeline, tape);
  model.forward(view(x), timeline, tape);
  model.forward(weights, x.leftCols(2), Timeline::rectangular(1, 2), tape);
  model.forward(2 * x, Timeline::rectangular(1, 2), tape, {.training = true}, {});
  model.begin_learning(weights, MatrixX<float>(x), Timeline::rectangular(1, 2), tape);
}
void allowed(const Pairs& model) {
  Seq2SeqDecoder decoder(model, 0);
  decoder.read(MatrixX<float>::Ones(1, 2), Timeline::rectangular(1, 2));
  greedy(Seq2SeqDecoder(model, 0), {.limits = {.longest = 3}});
}
#endif

// CASE 1: unroll: a reference to this argument is kept, so it must not be a temporary; store it in a variable
#if CASE == 1
LanguageDecoder decoder(made());
#endif

// CASE 2: unroll: a reference to this argument is kept, so it must not be a temporary; store it in a variable
#if CASE == 2
Seq2SeqDecoder<Pairs> decode(Pairs (*make)()) { return Seq2SeqDecoder<Pairs>(make(), 0); }
#endif

// CASE 3: unroll: a reference to this argument is kept, so it must not be a temporary; store it in a variable
#if CASE == 3
void pass(const Gru<float>& cell, Tape<Gru<float>>& tape, const float* theta) {
  OverTime<Gru<float>> run(cell, Timeline::rectangular(1, 2), Direction::forward, tape, theta);
}
#endif

// CASE 4: unroll: a reference to this argument is kept, so it must not be a temporary; store it in a variable
#if CASE == 4
void pass(const Model& model, Model::Tape& tape, const MatrixX<float>& x) {
  model.forward(Model::Weights(), x, Timeline::rectangular(1, 2), tape);
}
#endif

// CASE 5: unroll: a reference to this argument is kept, so it must not be a temporary; store it in a variable
#if CASE == 5
void pass(const Model& model, Model::Tape& tape) {
  model.forward(view(MatrixX<float>(1, 2)), Timeline::rectangular(1, 2), tape);
}
#endif

// CASE 6: unroll: a reference to this argument is kept, so it must not be a temporary; store it in a variable
#if CASE == 6
StepByStep<Gru<float>> steps(const Gru<float>& cell) { return {cell, Gru<float>::Weights()}; }
#endif
