#pragma once
// A user's own recordings.

#include <filesystem>

#include "data.hpp"

namespace hcp {

/// `data`: a .npy file [sequences x steps x regions], or a .npz file in which it is named X or alone; zero padding
/// behind the end of a sequence. `meta`: a line for each sequence in the same order with the columns participant, class
/// (name or number of a clip), run and length; a sequence is cut at `steps` (0: never) and z-scored. Throws
/// unroll::Error, in a sentence with file and line, for files that are missing, do not fit together, name unknown
/// classes, or hold a number that is not finite.
Data read_recordings(const std::filesystem::path& data, const std::filesystem::path& meta, unroll::Index steps);

}  // namespace hcp
