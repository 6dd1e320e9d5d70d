#include "attention_model.hpp"

#include <cmath>

#include "fitting.hpp"
#include "unroll/attention/bahdanau.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/infer/seq2seq_decoder.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/models/stack.hpp"

namespace hcp {

using namespace unroll;

namespace {

/// Pairs of a recording and the class of every step; there is no end token.
SequencePairs<float> pairs(const Dataset<float>& data) {
  std::vector<MatrixX<float>> sources;
  std::vector<std::vector<Index>> targets;
  for (Index s = 0; s < data.size(); ++s) {
    sources.push_back(data.sequence(s));
    const auto labels = data.labels(s);
    targets.emplace_back(labels.begin(), labels.end());
  }
  return {std::move(sources), std::move(targets), {.begin = data.classes()}};
}

/// Cross-entropy and hits of outputs.
Evaluation evaluation_of(const Outputs& outputs, const Dataset<float>& data) {
  Evaluation result;
  Accuracy accuracy;
  for (Index s = 0; s < data.size(); ++s) {
    const MatrixX<float>& scores = outputs[std::size_t(s)];
    const Labels& labels = data.labels(s);
    accuracy.add(scores, labels);
    for (Index t = 0; t < labels.size(); ++t) {
      const VectorX<double> column = scores.col(t).cast<double>();
      const double largest = column.maxCoeff();
      result.loss.sum += largest + std::log((column.array() - largest).exp().sum()) - column[labels[t]];
      result.loss.count += 1, ++result.loss.scored;
    }
  }
  result.hits = accuracy.hits();
  return result;
}

class AttentionModel : public Model {
  using Network = Seq2Seq<Stack<float>, BahdanauGru<float>>;
  using Decoder = Seq2SeqDecoder<Network>;

 public:
  /// A causal model: the encoder is unidirectional, attention covers past steps only, and the decoder's initial state
  /// is zero.
  AttentionModel(const ModelOptions& options, Index regions, Index classes)
      : network_(Stack<float>(regions, encoder(options)), {.vocabulary = classes + 1,
                                                           .embedding = 8,
                                                           .units = options.units,
                                                           .sizes = {{"readout", options.units}},
                                                           .bridge = Bridge::zero,
                                                           .causal = true}) {}

  void initialise(std::uint64_t seed) override { network_.initialise(seed); }
  Training train(const Dataset<float>& data, const Dataset<float>* validation, const TrainingOptions& options,
                 const std::function<void(const Epoch&)>& on_epoch) override {
    FitOptions<float, SequencePairs<float>> own{.teacher = teacher_forcing::constant(0)};
    if (validation != nullptr) own.validate = [=, this] { return evaluation_of(predict(*validation), *validation); };
    return fitted(network_, network_.encoder().parameters().size(), pairs(data), std::move(own), options, on_epoch);
  }

  Outputs predict(const Dataset<float>& data) const override {
    Decoder decoder(network_, classes());
    Outputs outputs;
    for (Index first = 0; first < data.size(); first += 64) {
      const Index count = std::min<Index>(64, data.size() - first);
      std::vector<Index> samples;
      for (Index k = 0; k < count; ++k) samples.push_back(first + k);
      Batch<float> batch;
      batch.gather(data, samples);
      decoder.read(batch.x(), batch.timeline());
      for (Index b = 0; b < count; ++b) outputs.emplace_back(classes(), decoder.source_length(b));
      decode(decoder, [&](Index t, const ConstView<float>& scores) {
        for (Index b = 0; b < count; ++b)
          if (t < decoder.source_length(b)) outputs[std::size_t(first + b)].col(t) = scores.col(b).head(classes());
      });
    }
    return outputs;
  }

  MatrixX<double> attention(const MatrixX<float>& recording) const override {
    Decoder decoder(network_, classes());
    decoder.read(recording, Timeline::rectangular(1, recording.cols()));
    MatrixX<double> weights = MatrixX<double>::Zero(recording.cols(), recording.cols());
    decode(decoder, [&](Index t, const ConstView<float>&) {
      const auto now = decoder.attention();
      weights.col(t).head(now.rows()) = now.col(0).cast<double>();
    });
    return weights;
  }

  bool sees_length() const override { return false; }
  Index parameters() const override { return network_.parameters().size(); }
  void save(const std::filesystem::path& file, ModelDetails details, const std::vector<std::string>& classes,
            Metadata metadata) const override {
    details.tokens = classes;  // the last token of the vocabulary, the begin token, has no name
    unroll::save(network_, file, details, std::move(metadata));
  }
  void load(const std::filesystem::path& file) override { unroll::load(network_, file); }

 private:
  static std::vector<AnyLayer<float>> encoder(const ModelOptions& options) {
    std::vector<AnyLayer<float>> all;
    for (Index k = 0; k < options.layers; ++k) {
      all.push_back(Recurrent<Gru>{.units = options.units});
      if (options.dropout > 0) all.push_back(Dropout{.rate = options.dropout});
    }
    return all;
  }

  Index classes() const { return network_.vocabulary() - 1; }

  /// Calls f(t, scores) for every step of the longest source. The best class is fed to the next step.
  template <class F>
  void decode(Decoder& decoder, const F& f) const {
    const Index sources = decoder.sources();
    Index longest = 0;
    std::vector<Index> parents(static_cast<std::size_t>(sources)), tokens(static_cast<std::size_t>(sources));
    for (Index b = 0; b < sources; ++b) {
      parents[std::size_t(b)] = b;
      longest = std::max(longest, decoder.source_length(b));
    }
    auto scores = decoder.start();
    for (Index t = 0; t < longest; ++t) {
      f(t, scores);
      for (Index b = 0; b < sources; ++b)
        scores.col(b).head(classes()).maxCoeff(&tokens[std::size_t(b)]);  // excludes the begin token
      if (t + 1 < longest) new (&scores) ConstView<float>(decoder.step(parents, tokens));
    }
  }

  Network network_;
};

}  // namespace

std::unique_ptr<Model> make_attention_model(const ModelOptions& options, Index regions, Index classes) {
  return std::make_unique<AttentionModel>(options, regions, classes);
}

}  // namespace hcp
