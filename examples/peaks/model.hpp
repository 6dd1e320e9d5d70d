#pragma once
// The three families of networks that look for peaks. All give one number for each bin, above 0.

#include <string>
#include <vector>

#include "unroll/models/stack.hpp"

namespace peaks {

using Network = unroll::Stack<float>;

struct ModelOptions {
  std::string kind = "cnn";
  unroll::Index units = 0;   // 0: the kind's own number, see model_options
  unroll::Index layers = 0;  // likewise
};

/// "cnn", "rnn", "rcnn"
std::vector<std::string> model_kinds();

/// With a number in place of each 0.
ModelOptions completed(const ModelOptions& options);

/// Bins must be a multiple of this, so that what was made shorter can be made as long again.
unroll::Index stride_of(const std::string& kind);

/// - cnn: convolutions over 25, 15, ..., 15 and 5 bins; `layers` of them, `units` channels in the first.
/// - rnn: `layers` bidirectional LSTMs of `units` per direction, one of a single unit whose directions are averaged,
///   and a weight and a bias for its output, which an LSTM keeps between -1 and 1.
/// - rcnn: the densities in every fourth bin through `layers` bidirectional LSTMs of `units`, brought back to all bins
///   and read by convolutions together with those that looked at the bins themselves.
///
/// Throws ValueError for another kind.
Network make_network(const ModelOptions& options);

}  // namespace peaks
