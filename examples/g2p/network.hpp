#pragma once
// Networks that write phonemes for letters, whatever cell and score they have, and the list of those that there are.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "unroll/data/pairs.hpp"
#include "unroll/io/formats/safetensors.hpp"
#include "unroll/models/stack.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/train/fit_options.hpp"

namespace g2p {

struct NetworkOptions {
  std::string cell = "gru", attention = "bahdanau", score = "additive";
  unroll::Index units = 96, embedding = 48;
};

/// A network that writes for the words it has read: what greedy() and beam_search() ask for, compiled once for all
/// kinds.
class Writer {
 public:
  using Scalar = float;

  virtual ~Writer() = default;
  virtual void read(const unroll::MatrixX<float>& letters, const unroll::Timeline& timeline) = 0;
  virtual unroll::Index vocabulary() const = 0;
  virtual unroll::Index sources() const = 0;
  virtual unroll::Index source_length(unroll::Index source) const = 0;
  virtual unroll::ConstView<float> start() = 0;
  virtual unroll::ConstView<float> step(std::span<const unroll::Index> parents,
                                        std::span<const unroll::Index> tokens) = 0;
  virtual unroll::ConstView<float> attention() const = 0;  // without data where there is none
};

using Pairs = unroll::SequencePairs<float>;
using PairFitOptions = unroll::FitOptions<float, Pairs>;

class Network {
 public:
  virtual ~Network() = default;
  virtual bool attends() const = 0;
  virtual void initialise(std::uint64_t seed) = 0;
  virtual unroll::Index parameters() const = 0;
  /// As a file holds them.
  virtual unroll::SafeTensors tensors(std::map<std::string, std::string> metadata) const = 0;
  virtual void take(const unroll::SafeTensors& file) = 0;
  virtual void fit(const Pairs& pairs, unroll::Adam<float>& adam, const PairFitOptions& options) = 0;
  /// With the present parameters; refers to the network.
  virtual std::unique_ptr<Writer> writer() const = 0;
};

/// What can be asked for; attention and score are "none" together.
struct Kind {
  std::string cell, attention, score;
  std::unique_ptr<Network> (*make)(const NetworkOptions&, unroll::Index letters, unroll::Index tokens);
};
const std::vector<Kind>& kinds();
/// nullptr where there is no such kind.
const Kind* find_kind(const NetworkOptions& options);
/// "gru, bahdanau attention, additive score"
std::string name_of(const NetworkOptions& options);

/// Throws ValueError where there is no such kind.
std::unique_ptr<Network> make_network(const NetworkOptions& options, unroll::Index letters, unroll::Index tokens);

/// Embedded letters, read in both directions. For a dot score each direction has half the units, so that what was read
/// is as long as the state that it is compared with.
unroll::Stack<float> make_encoder(const NetworkOptions& options, unroll::Index letters);

}  // namespace g2p
