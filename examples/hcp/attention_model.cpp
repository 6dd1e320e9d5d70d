#include "attention_model.hpp"

#include "data.hpp"
#include "unroll/attention/bahdanau.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/infer/seq2seq_decoder.hpp"
#include "unroll/io/model_file.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"
#include "unroll/models/stack.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/parameters/decay_mask.hpp"
#include "unroll/train/fit.hpp"

namespace hcp {

using namespace unroll;

namespace {

Index clips() { return Index(clip_names().size()); }

/// Pairs of a recording and the clip of every step; there is no end token.
SequencePairs<float> pairs(const Dataset<float>& data) {
  std::vector<MatrixX<float>> sources;
  std::vector<std::vector<Index>> targets;
  for (Index s = 0; s < data.size(); ++s) {
    sources.push_back(data.sequence(s));
    const auto labels = data.labels(s);
    targets.emplace_back(labels.begin(), labels.end());
  }
  return {std::move(sources), std::move(targets), {.begin = clips()}};
}

class AttentionModel : public Model {
  using Network = Seq2Seq<Stack<float>, BahdanauGru<float>>;

 public:
  /// A causal model: the encoder is unidirectional, attention covers past steps only, and the decoder's initial state
  /// is zero.
  AttentionModel(const ModelOptions& options, Index regions)
      : network_(Stack<float>(regions, std::vector<AnyLayer<float>>(std::size_t(options.layers),
                                                                    Recurrent<Gru>{.units = options.units})),
                 {.vocabulary = clips() + 1,
                  .embedding = 8,
                  .units = options.units,
                  .sizes = {{"readout", options.units}},
                  .bridge = Bridge::zero,
                  .causal = true}) {}

  void train(const Dataset<float>& data, const TrainingOptions& options,
             const std::function<void(const Epoch&)>& on_epoch) override {
    network_.initialise(options.seed);
    Adam<float> adam({.learning_rate = options.rate, .weight_decay = 2 * options.l2});
    adam.set_decay_mask(input_weights());
    fit(network_, SoftmaxCrossEntropy<float>(), adam, pairs(data),
        {.epochs = options.epochs,
         .batches = {.size = options.batch},
         .seed = options.seed,
         .clip_norm = options.clip,
         .teacher = teacher_forcing::constant(0),
         .on_epoch =
             [&](const Epoch& row) {
               on_epoch(row);
               return true;
             },
         .progress = Progress::quiet});
  }

  Outputs predict(const Dataset<float>& data) const override {
    Seq2SeqDecoder decoder(network_, clips());
    Outputs outputs;
    for (Index first = 0; first < data.size(); first += 64) {
      const Index count = std::min<Index>(64, data.size() - first);
      std::vector<Index> samples;
      for (Index k = 0; k < count; ++k) samples.push_back(first + k);
      Batch<float> batch;
      batch.gather(data, samples);
      decoder.read(batch.x(), batch.timeline());
      write(decoder, outputs);
    }
    return outputs;
  }

  bool sees_length() const override { return false; }
  Index parameters() const override { return network_.parameters().size(); }
  void save(const std::filesystem::path& file, Metadata metadata) const override {
    unroll::save(network_, file, std::move(metadata));
  }
  void load(const std::filesystem::path& file) override { unroll::load(network_, file); }

 private:
  /// Decay mask, 1 for input weights of the encoder only, as in the other models.
  VectorX<float> input_weights() const {
    auto mask = decay_mask<float>(network_.parameters().table(), {Role::bias, Role::recurrent_weight, Role::gain});
    const Index encoder = network_.encoder().parameters().size();
    mask.tail(mask.size() - encoder).setZero();
    return mask;
  }

  /// Scores of every step; the best clip is fed to the next step.
  static void write(Seq2SeqDecoder<Network>& decoder, Outputs& outputs) {
    const Index sources = decoder.sources();
    const std::size_t from = outputs.size();
    Index longest = 0;
    for (Index b = 0; b < sources; ++b) {
      outputs.emplace_back(clips(), decoder.source_length(b));
      longest = std::max(longest, decoder.source_length(b));
    }
    std::vector<Index> parents(std::size_t(sources), 0), tokens(std::size_t(sources), 0);
    for (Index b = 0; b < sources; ++b) parents[std::size_t(b)] = b;
    auto scores = decoder.start();
    for (Index t = 0; t < longest; ++t) {
      for (Index b = 0; b < sources; ++b) {
        const auto some = scores.col(b).head(clips());  // excludes the begin token
        if (t < decoder.source_length(b)) outputs[from + std::size_t(b)].col(t) = some;
        some.maxCoeff(&tokens[std::size_t(b)]);
      }
      if (t + 1 < longest) new (&scores) ConstView<float>(decoder.step(parents, tokens));
    }
  }

  Network network_;
};

}  // namespace

std::unique_ptr<Model> make_attention_model(const ModelOptions& options, Index regions) {
  return std::make_unique<AttentionModel>(options, regions);
}

}  // namespace hcp
