#pragma once
// Tokens that an encoder-decoder model writes for sequences.

#include <filesystem>

#include "run.hpp"

namespace model_program {

struct DecodeOptions {
  unroll::Index begin = 0;      ///< token before the first one
  unroll::Index end = 0;        ///< token that ends a sequence; -1: none
  unroll::Index longest = 100;  ///< most tokens of a sequence
  unroll::Index beams = 0;      ///< hypotheses that are followed at a time; 0: greedy decoding
};

struct Decoded {
  unroll::Tensor tokens;    ///< (batch, longest), -1 after the last token
  unroll::Index ended = 0;  ///< sequences that the end token ended
};

/// Whether a file is one of this library with an encoder and a decoder.
bool is_encoder_decoder(const std::filesystem::path& path);

/// Tokens of the most likely hypotheses for `sequences`, which are standardized as the file says, unless `raw`. Throws
/// FileError for a decoder with a cell that this program does not have, ShapeError and ValueError for sequences and
/// options that do not match the model.
Decoded decoded(const std::filesystem::path& path, Sequences sequences, bool raw, const DecodeOptions& options);

}  // namespace model_program
