#pragma once
// Readers for recordings in common formats, detected from the contents.

#include <filesystem>

#include "recordings.hpp"

namespace har {

/// Reads windows with an activity each. `path` is one of:
///
/// - an HDF5 file with trX, tstX [windows, steps, channels] and one-hot trY, tstY [windows, classes]
/// - the folder `UCI HAR Dataset`, or its parent
/// - the raw text of WISDM v1.1 (user,activity,time,x,y,z;), or its folder
/// - one file of a pair NAME_TRAIN.ts and NAME_TEST.ts, or a folder with one such pair
///
/// `window`: steps of the windows cut from longer recordings (WISDM); 0: the default. Throws FileError, with the
/// expected content and the place.
Recordings read_recordings(const std::filesystem::path& path, unroll::Index window);

/// Reads recordings with a label at every step. `path` is one of:
///
/// - CSV with one channel per column and a class from 0 in the last column (negative: not scored), with or without a
///   header; columns called timestamp or time are skipped
/// - text of the Daphnet data set, separated by blanks: time, nine channels in mg, and 0 (not scored), 1 or 2 (frozen)
/// - a folder with several files of one of these kinds
/// - one file of a pair NAME_TRAIN.ts and NAME_TEST.ts, whose recordings are concatenated
///
/// The last `test_share` of each recording is the test part (of a pair, the test file). Throws FileError, also if a
/// part of CSV or Daphnet recordings has steps of a single class only.
StreamParts read_streams(const std::filesystem::path& path, double test_share);

/// One long recording per part, the windows concatenated in random order.
StreamParts join_recordings(const Recordings& recordings);

// Readers of the individual formats.
Recordings read_ts_pair(const std::string& train, const std::string& test);
Recordings read_course_file(const std::string& path);
Recordings read_smartphone_folder(const std::filesystem::path& folder);
Recordings read_wisdm(const std::string& path, unroll::Index window);

}  // namespace har
