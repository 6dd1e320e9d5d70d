// Source file of a user, compiled with all common warnings, none of the project's exceptions to them, and the library
// not as a system header. It uses each kind of template, slow ones once.
#include <unroll/data/streams.hpp>
#include <unroll/infer/beam.hpp>
#include <unroll/infer/generate.hpp>
#include <unroll/infer/seq2seq_decoder.hpp>
#include <unroll/infer/streaming.hpp>
#include <unroll/io/checkpoint.hpp>
#include <unroll/io/dataset.hpp>
#include <unroll/io/formats/npz.hpp>
#include <unroll/io/import/keras.hpp>
#include <unroll/io/import/pytorch.hpp>
#include <unroll/io/model_file.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/models/summary.hpp>
#include <unroll/report/report.hpp>
#include <unroll/train/leak/leak_test.hpp>
#include <unroll/train/seq2seq_step.hpp>
#include <unroll/train/train.hpp>
#include <unroll/unroll.hpp>
#include <unroll/word2vec/word2vec.hpp>

using namespace unroll;

namespace {

Stack<float> layers() {
  Graph<float> graph;
  const auto in = graph.input();
  const auto coarse = graph.add(Conv1d{.units = 8, .kernel = 5, .stride = 4, .padding = same()}, in);
  const auto fine = graph.add(Upsample{.factor = 4}, graph.add(BatchNorm{}, coarse));
  graph.add(Dense{.units = 3},
            graph.concat({in, fine, graph.add(ConvTranspose1d{.units = 2, .kernel = 4, .stride = 4}, coarse)}));
  return Stack<float>(2, {MaxPool1d{.kernel = 2}, graph, AveragePool1d{.kernel = 5}, LayerNorm{}, Activate<Tanh>{},
                          Dropout{.rate = 0.1}, Bidirectional<Lstm>{.units = 4}, MeanOverTime{}});
}

template <class O>
void train(O optimizer, Dataset<float>& data) {
  Sequential model(data.features(), Recurrent<LayerNormGru>{.units = 6}, Recurrent<Slstm>{.units = 6}, MaxOverTime{},
                   Dense{.units = 3});
  model.initialise(1);
  const SoftmaxCrossEntropy<float> loss({.smoothing = 0.1});
  fit(model, loss, optimizer, data, {.epochs = 2, .clip_norm = 1});
  evaluate(model, data, loss);
  const auto kept = summary(model, 10, 2);
  save(model, "model.safetensors");
  load(model, "model.safetensors");
  export_pytorch(model, {"rnn.", "rnn.", "", "out."});
}

template <class S>
void translate() {
  const auto encoder = sequential<S>(1, Embedding{.size = 5, .dimension = 3}, Bidirectional<Gru>{.units = 4});
  Seq2Seq<std::remove_const_t<decltype(encoder)>, BahdanauGru<S>> model(encoder,
                                                                        {.vocabulary = 6, .embedding = 3, .units = 4});
  SGD<S> sgd({.learning_rate = 0.1});
  Seq2SeqStep step(model, SoftmaxCrossEntropy<S>(), sgd, {});
  Seq2SeqDecoder decoder(model, 4);
  beam_search(decoder, {.beams = 2});
}

}  // namespace

int main() {
  auto data = to_dataset(read_ts("data.ts"));
  train(Adam<float>(), data);
  translate<float>();
  layers().initialise(1);
  auto model = sequential<double>(2, Recurrent<PeepholeLstm>{.units = 3}, Dense{.units = 1});
  const Streaming<decltype(Sequential(2, Recurrent<Gru>{.units = 3}))> streaming(
      Sequential(2, Recurrent<Gru>{.units = 3}));
  auto stream = streaming.stream();
}
