#pragma once
// Letter-to-phoneme networks behind type-erased interfaces, and the list of available kinds.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/data/pairs.hpp"
#include "unroll/io/formats/safetensors.hpp"
#include "unroll/models/stack.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/train/fit_options.hpp"

namespace example {
struct RunControl;
}
namespace unroll {
struct ModelDetails;
}

namespace g2p {

struct NetworkOptions {
  std::string cell = "gru", attention = "bahdanau", score = "additive";
  unroll::Index units = 96, layers = 1, embedding = 48;  // layers: of the encoder
  double dropout = 0;                                    // after each layer of the encoder
};

/// Type-erased decoder, used by greedy() and beam_search(), so that these are compiled once for all kinds. Its
/// functions are those of Seq2SeqDecoder.
class WordDecoder {
 public:
  using Scalar = float;

  virtual ~WordDecoder() = default;
  virtual void read(const unroll::MatrixX<float>& letters, const unroll::Timeline& timeline) = 0;
  virtual unroll::Index vocabulary() const = 0;
  virtual unroll::Index sources() const = 0;
  virtual unroll::Index source_length(unroll::Index source) const = 0;
  virtual unroll::ConstView<float> start() = 0;
  virtual unroll::ConstView<float> step(std::span<const unroll::Index> parents,
                                        std::span<const unroll::Index> tokens) = 0;
  virtual unroll::ConstView<float> attention() const = 0;  // no data for networks without attention
};

using Pairs = unroll::SequencePairs<float>;
using PairFitOptions = unroll::FitOptions<float, Pairs>;

/// State of a training run, with the error rates of the validation words after each epoch: edits, phonemes, wrong words
/// and words.
struct State : unroll::TrainingState<float> {
  unroll::VectorX<double> rates;

  template <class F>
  void visit_state(F&& f) {
    unroll::TrainingState<float>::visit_state(f);
    f(std::string_view("rates"), rates);
  }
};

class Network {
 public:
  virtual ~Network() = default;
  virtual bool attends() const = 0;
  virtual void initialise(std::uint64_t seed) = 0;
  virtual unroll::Index parameters() const = 0;
  /// Writes a model file atomically.
  virtual void save(const std::filesystem::path& file, const unroll::ModelDetails& details,
                    const std::map<std::string, std::string>& metadata) const = 0;
  virtual void take(const unroll::SafeTensors& file) = 0;
  /// Trains from `state`, or from the checkpoint of `control` if it exists.
  virtual void fit(const Pairs& pairs, unroll::Adam<float>& adam, const PairFitOptions& options,
                   const example::RunControl& control, State& state) = 0;
  /// Decoder with the present parameters. It refers to the network, which must outlive it.
  virtual std::unique_ptr<WordDecoder> decoder() const = 0;
};

/// Available combination of cell, attention and score; attention and score are both "none" or neither is.
struct Kind {
  std::string cell, attention, score;
  std::unique_ptr<Network> (*make)(const NetworkOptions&, unroll::Index letters, unroll::Index tokens);
};
const std::vector<Kind>& kinds();
/// The kind of these options; nullptr if it is not available.
const Kind* find_kind(const NetworkOptions& options);
/// Name for messages and legends: "gru, bahdanau attention, additive score".
std::string name_of(const NetworkOptions& options);

/// Network of this kind; its parameters need initialise() or take(). Throws ValueError if the kind is not available.
std::unique_ptr<Network> make_network(const NetworkOptions& options, unroll::Index letters, unroll::Index tokens);

/// Encoder: embedding of letters and bidirectional recurrent layers. Dot scores compare keys with the decoder state,
/// so both must have the same length: each direction then has half the units.
unroll::Stack<float> make_encoder(const NetworkOptions& options, unroll::Index letters);

}  // namespace g2p
