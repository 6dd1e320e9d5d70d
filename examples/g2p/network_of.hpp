#pragma once
// Network and decoder for a given decoder cell.

#include "../support/trained.hpp"
#include "network.hpp"
#include "unroll/infer/seq2seq_decoder.hpp"
#include "unroll/io/model_details.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"
#include "words.hpp"

namespace g2p {

template <class Model>
class WordDecoderOf final : public WordDecoder {
 public:
  explicit WordDecoderOf(const Model& model) : decoder_(model, special_tokens.begin) {}

  void read(const unroll::MatrixX<float>& letters, const unroll::Timeline& timeline) override {
    decoder_.read(letters, timeline);
  }
  unroll::Index vocabulary() const override { return decoder_.vocabulary(); }
  unroll::Index sources() const override { return decoder_.sources(); }
  unroll::Index source_length(unroll::Index source) const override { return decoder_.source_length(source); }
  unroll::ConstView<float> start() override { return decoder_.start(); }
  unroll::ConstView<float> step(std::span<const unroll::Index> parents,
                                std::span<const unroll::Index> tokens) override {
    return decoder_.step(parents, tokens);
  }
  unroll::ConstView<float> attention() const override { return decoder_.attention(); }

 private:
  unroll::Seq2SeqDecoder<Model> decoder_;
};

template <unroll::Cell C>
class NetworkOf final : public Network {
  using Model = unroll::Seq2Seq<unroll::Stack<float>, C>;

 public:
  NetworkOf(const NetworkOptions& options, unroll::Index letters, unroll::Index tokens, bool has_readout)
      : model_(make_encoder(options, letters), {.vocabulary = tokens,
                                                .embedding = options.embedding,
                                                .units = options.units,
                                                .sizes = sizes(options, has_readout)}) {}

  bool attends() const override { return Model::attends; }
  void initialise(std::uint64_t seed) override { model_.initialise(seed); }
  unroll::Index parameters() const override { return model_.parameters().size(); }
  void save(const std::filesystem::path& file, const unroll::ModelDetails& details,
            const std::map<std::string, std::string>& metadata) const override {
    unroll::save(model_, file, details, metadata);
  }
  void take(const unroll::SafeTensors& file) override { unroll::from_tensors(model_, file); }
  void fit(const Pairs& pairs, unroll::Adam<float>& adam, const PairFitOptions& options,
           const example::RunControl& control, State& state) override {
    example::train(model_, unroll::SoftmaxCrossEntropy<float>(), adam, pairs, options, control, state);
  }
  std::unique_ptr<WordDecoder> decoder() const override { return std::make_unique<WordDecoderOf<Model>>(model_); }

 private:
  static std::vector<std::pair<std::string, unroll::Index>> sizes(const NetworkOptions& options, bool has_readout) {
    if (!has_readout) return {};
    return {{"readout", options.units}};
  }

  Model model_;
};

template <unroll::Cell C, bool has_readout = true>
std::unique_ptr<Network> make(const NetworkOptions& options, unroll::Index letters, unroll::Index tokens) {
  return std::make_unique<NetworkOf<C>>(options, letters, tokens, has_readout);
}

}  // namespace g2p
