#pragma once
// Recurrent modules of a state_dict, whose kind follows from the shapes of their tensors.

#include <string>

#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/formats/safetensors.hpp"
#include "unroll/layers/any_layer.hpp"
#include "unroll/layers/recurrent.hpp"

namespace unroll::detail {

/// One layer of an nn.LSTM or nn.GRU, in one direction or both.
struct StateDictCell {
  bool is_lstm = false, both = false, biased = false;
  Index inputs = 0, units = 0;

  Index outputs() const { return both ? 2 * units : units; }

  /// Layer of the forward direction.
  template <class S>
  AnyLayer<S> forward() const {
    if (is_lstm) return Recurrent<Lstm>{.units = units, .biased = biased};
    return Recurrent<Gru>{.units = units, .biased = biased};
  }
};

/// Cell of the tensors PREFIXweight_ihSUFFIX, ...; `suffix` is that of a layer, or empty for nn.LSTMCell and
/// nn.GRUCell. A module with any bias has biases in all layers. Throws FileError for missing or other tensors, and for
/// an nn.RNN, whose function is not in the file.
inline StateDictCell state_dict_cell(const SafeTensors& file, const std::string& prefix, const std::string& suffix) {
  const std::string where = text(file.file, ": the module ", in_quotes(prefix));
  const auto matrix = [&](const std::string& name) {
    const auto found = file.tensors.find(prefix + name);
    return found == file.tensors.end() || found->second.shape.size() != 2 ? nullptr : &found->second.shape;
  };
  const std::string input = "weight_ih" + suffix, recurrent = "weight_hh" + suffix;
  const auto* const hh = matrix(recurrent);
  require<FileError>(hh != nullptr && (*hh)[1] >= 1, where, " must have a matrix ", in_quotes(recurrent));
  const Index rows = (*hh)[0], units = (*hh)[1];
  require<FileError>(rows != units, where,
                     " must be an nn.LSTM or nn.GRU, got an nn.RNN, whose function is not in the file; construct the "
                     "model and import its parameters");
  require<FileError>(!file.contains(prefix + "weight_hr" + suffix), where,
                     " must be an nn.LSTM or nn.GRU without a projection, got ", in_quotes("weight_hr" + suffix),
                     "; construct the model and import its parameters");
  require<FileError>((rows == 4 * units || rows == 3 * units), where, " must have 4 (LSTM) or 3 (GRU) times ", units,
                     " rows in ", in_quotes(recurrent), ", got ", rows);
  const auto* const ih = matrix(input);
  require<FileError>(ih != nullptr && (*ih)[0] == rows, where, " must have a matrix ", in_quotes(input), " of ", rows,
                     " rows");
  const auto bias = file.tensors.lower_bound(prefix + "bias_");
  return {.is_lstm = rows == 4 * units,
          .both = file.contains(prefix + input + "_reverse"),
          .biased = bias != file.tensors.end() && bias->first.starts_with(prefix + "bias_"),
          .inputs = (*ih)[1],
          .units = units};
}

}  // namespace unroll::detail
