#pragma once
// Decoder of the example g2p that needs no training.

#include <memory>
#include <vector>

#include "g2p/decoding.hpp"
#include "g2p/network.hpp"

namespace g2p {

using namespace unroll;

/// Decoder that writes each letter's number plus 2 plus `shift`, `repeats` times, and then the end.
class Speller : public WordDecoder {
 public:
  Speller(Index repeats, Index shift, float logit) : repeats_(repeats), shift_(shift), logit_(logit) {}

  void read(const MatrixX<float>& letters, const Timeline& timeline) override {
    words_.assign(std::size_t(timeline.batch()), {});
    lengths_.clear();
    for (Index b = 0; b < timeline.batch(); ++b) lengths_.push_back(timeline.length(timeline.rank(b)));
    for (Index c = 0; c < letters.cols(); ++c) {
      auto& word = words_[std::size_t(timeline.sample_of(c))];
      word.insert(word.end(), std::size_t(repeats_), Index(letters(0, c)) + 2 + shift_);
    }
  }
  Index vocabulary() const override { return 8; }
  Index sources() const override { return Index(words_.size()); }
  Index source_length(Index source) const override { return lengths_[std::size_t(source)]; }
  ConstView<float> start() override {
    of_.clear();
    for (Index k = 0; k < sources(); ++k) of_.push_back(k);
    step_ = 0;
    return logits();
  }
  ConstView<float> step(std::span<const Index> parents, std::span<const Index>) override {
    std::vector<Index> next;
    for (const Index parent : parents) next.push_back(of_[std::size_t(parent)]);
    of_ = next;
    ++step_;
    return logits();
  }
  ConstView<float> attention() const override { return nothing<float>(); }

 private:
  ConstView<float> logits() {
    logits_.setZero(8, Index(of_.size()));
    for (std::size_t k = 0; k < of_.size(); ++k) {
      const auto& word = words_[std::size_t(of_[k])];
      logits_(step_ < word.size() ? word[step_] : special_tokens.end, Index(k)) = logit_;
    }
    return view(std::as_const(logits_));
  }

  Index repeats_, shift_;
  float logit_;
  std::vector<std::vector<Index>> words_;
  std::vector<Index> of_, lengths_;
  std::size_t step_ = 0;
  MatrixX<float> logits_;
};

class SpellerNetwork : public Network {
 public:
  explicit SpellerNetwork(Index repeats = 1, Index shift = 0, float logit = 5)
      : repeats_(repeats), shift_(shift), logit_(logit) {}

  bool attends() const override { return false; }
  void initialise(std::uint64_t) override {}
  Index parameters() const override { return 0; }
  void save(const std::filesystem::path&, const ModelDetails&,
            const std::map<std::string, std::string>&) const override {}
  void take(const SafeTensors&) override {}
  void fit(const Pairs&, Adam<float>&, const PairFitOptions&, const example::RunControl&, State&) override {}
  std::unique_ptr<WordDecoder> decoder() const override { return std::make_unique<Speller>(repeats_, shift_, logit_); }

 private:
  Index repeats_, shift_;
  float logit_;
};

}  // namespace g2p
