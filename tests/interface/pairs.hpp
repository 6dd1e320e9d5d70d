#pragma once
// Encoders and decoders of any type behind virtual functions, so that their tests are compiled once.

#include <functional>
#include <memory>
#include <unroll/cells/gru.hpp>
#include <unroll/data/batches.hpp>
#include <unroll/infer/seq2seq_decoder.hpp>
#include <unroll/io/model_file.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/train/seq2seq_step.hpp>

#include "interface/random_optimizer.hpp"

namespace interface {

using Encoder = Sequential<S, Embedding, Bidirectional<Gru>>;

/// Type-erased decoder for greedy, sample and beam_search.
class AnyDecoder {
 public:
  using Scalar = S;
  virtual ~AnyDecoder() = default;
  virtual void read(const PairBatch<S>& batch) = 0;
  virtual Index vocabulary() const = 0;
  virtual Index sources() const = 0;
  virtual Index source_length(Index source) const = 0;
  virtual ConstView<S> start() = 0;
  virtual ConstView<S> step(std::span<const Index> parents, std::span<const Index> tokens) = 0;
  virtual ConstView<S> attention() const = 0;
};

/// Training on pairs: updates with all pairs in one batch.
struct Lesson {
  Index updates = 2, shard = 0;
  Seq2SeqStepOptions options = {};
};

class PairsModel {
 public:
  virtual ~PairsModel() = default;
  virtual std::unique_ptr<PairsModel> copy() const = 0;
  virtual Parameters<S>& parameters() = 0;
  virtual void initialise(std::uint64_t seed) = 0;
  virtual void learn(const SequencePairs<S>& pairs, const Lesson& lesson, AnyOptimizer& optimizer) = 0;
  virtual SafeTensors tensors() const = 0;
  virtual void take(const SafeTensors& file) = 0;
  /// The decoder keeps a reference to the model.
  virtual std::unique_ptr<AnyDecoder> decoder(Index begin) const = 0;
};

template <class Model>
class DecoderOf final : public AnyDecoder {
 public:
  DecoderOf(const Model& model, Index begin) : decoder_(model, begin) {}
  void read(const PairBatch<S>& batch) override { decoder_.read(batch.x(), batch.sources()); }
  Index vocabulary() const override { return decoder_.vocabulary(); }
  Index sources() const override { return decoder_.sources(); }
  Index source_length(Index source) const override { return decoder_.source_length(source); }
  ConstView<S> start() override { return decoder_.start(); }
  ConstView<S> step(std::span<const Index> parents, std::span<const Index> tokens) override {
    return decoder_.step(parents, tokens);
  }
  ConstView<S> attention() const override { return decoder_.attention(); }

 private:
  Seq2SeqDecoder<Model> decoder_;
};

template <class Cell>
class PairsModelOf final : public PairsModel {
 public:
  using Model = Seq2Seq<Encoder, Cell>;

  PairsModelOf(const Encoder& encoder, const Seq2SeqOptions& options) : model_(encoder, options) {}
  std::unique_ptr<PairsModel> copy() const override { return std::make_unique<PairsModelOf>(*this); }
  Parameters<S>& parameters() override { return model_.parameters(); }
  void initialise(std::uint64_t seed) override { model_.initialise(seed); }
  void learn(const SequencePairs<S>& pairs, const Lesson& lesson, AnyOptimizer& optimizer) override {
    Seq2SeqStep step(model_, SoftmaxCrossEntropy<S>(), optimizer, lesson.options);
    ShardedBatch<S, PairBatch<S>> batch;
    batch.gather(pairs, all_samples(pairs.size()), lesson.shard);
    for (Index k = 0; k < lesson.updates; ++k) step.step(batch);
  }
  SafeTensors tensors() const override { return to_tensors(model_); }
  void take(const SafeTensors& file) override { from_tensors(model_, file); }
  std::unique_ptr<AnyDecoder> decoder(Index begin) const override {
    return std::make_unique<DecoderOf<Model>>(model_, begin);
  }

 private:
  Model model_;
};

using MakePairsModel = std::unique_ptr<PairsModel> (*)(const Encoder&, const Seq2SeqOptions&);
template <class Cell>
std::unique_ptr<PairsModel> make_pairs_model(const Encoder& encoder, const Seq2SeqOptions& options) {
  return std::make_unique<PairsModelOf<Cell>>(encoder, options);
}

/// Models whose cells attend before (bahdanau) or after (luong) the state's update; cells without attention are in the
/// latter list.
std::span<const MakePairsModel> bahdanau_models();
std::span<const MakePairsModel> luong_models();

/// Decodes all sources with random options. Checks that results are the same in a batch and alone, and within the
/// limits.
void try_decoding(Choices& choose, Report& report, const PairsModel& model, const SequencePairs<S>& pairs);

}  // namespace interface
