#pragma once
// Reader of recordings.

#include <filesystem>

#include "data.hpp"

namespace hcp {

/// Reads recordings, cuts each sequence after `steps` steps (0: never) and z-scores it. `data`: a .npy file [sequences
/// x steps x regions], or a .npz file whose only array or array X has this shape; sequences are zero-padded at the end.
/// `meta`: one line per sequence, in the same order, with the columns participant, class (name or number), run and
/// length. `classes`: names of the classes; without them those of the clips, or, if no class of the file is a clip or a
/// number, the names in the file in alphabetical order. Throws unroll::Error, with file and line, for missing files,
/// mismatched files, unknown classes and non-finite numbers.
Data read_recordings(const std::filesystem::path& data, const std::filesystem::path& meta, unroll::Index steps,
                     const std::vector<std::string>& classes = {});

/// Reads recordings to predict, as read_recordings. `meta` may be empty: a sequence then ends after its last step that
/// is not 0. It needs the column `length` only; without the column `class` the labels are -1.
Data read_unlabelled(const std::filesystem::path& data, const std::filesystem::path& meta, unroll::Index steps,
                     const std::vector<std::string>& classes);

/// Names in a file, one per line, without blank lines. Throws FileError for a file without names and for a name that
/// occurs twice.
std::vector<std::string> read_names(const std::filesystem::path& file);

}  // namespace hcp
