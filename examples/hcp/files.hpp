#pragma once
// Reader of recordings.

#include <filesystem>

#include "data.hpp"

namespace hcp {

/// Reads recordings, cuts each sequence after `steps` steps (0: never) and z-scores it. `data`: a .npy file [sequences
/// x steps x regions], or a .npz file whose only array or array X has this shape; sequences are zero-padded at the end.
/// `meta`: one line per sequence, in the same order, with the columns participant, class (name or number of a clip),
/// run and length. Throws unroll::Error, with file and line, for missing files, mismatched files, unknown classes and
/// non-finite numbers.
Data read_recordings(const std::filesystem::path& data, const std::filesystem::path& meta, unroll::Index steps);

}  // namespace hcp
