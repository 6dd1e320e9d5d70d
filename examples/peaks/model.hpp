#pragma once
// Three families of networks for finding peaks. All have one positive output per bin.

#include <string>
#include <vector>

#include "unroll/models/stack.hpp"

namespace peaks {

using Network = unroll::Stack<float>;

struct ModelOptions {
  std::string kind = "cnn";
  unroll::Index units = 0;   // 0: the default of the kind, see completed()
  unroll::Index layers = 0;  // likewise
  bool batch_norm = false;   // after each convolution except the last, and each recurrent layer
};

/// Names of the kinds: "cnn", "rnn", "rcnn".
std::vector<std::string> model_kinds();

/// Options with defaults in place of zeros.
ModelOptions completed(const ModelOptions& options);

/// Downsampling factor of a kind; the number of bins must be a multiple of it, so that upsampling restores their
/// number.
unroll::Index stride_of(const std::string& kind);

/// Network of a kind:
///
/// - cnn: convolutions over 25, 15, ..., 15 and 5 bins; `layers` of them, `units` channels in the first.
/// - rnn: `layers` bidirectional LSTMs with `units` per direction, a bidirectional LSTM with 1 unit whose directions
///   are averaged, and a dense layer, because outputs of an LSTM are limited to (-1, 1).
/// - rcnn: convolutions of the inputs; a branch downsampled by 4 with `layers` bidirectional LSTMs of `units`,
///   upsampled by a transposed convolution; convolutions of both concatenated.
///
/// Throws ValueError for another kind.
Network make_network(const ModelOptions& options);

}  // namespace peaks
