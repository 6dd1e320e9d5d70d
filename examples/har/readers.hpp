#pragma once
// Files of recordings as people have them, told apart by what they are.

#include <filesystem>

#include "recordings.hpp"

namespace har {

/// Windows of activities. `path` is one of:
///
/// - an HDF5 file with trX, tstX [windows, steps, channels] and trY, tstY [windows, classes], one of a row 1, the
/// others 0
/// - the folder `UCI HAR Dataset`, or the one it is in
/// - the raw text of WISDM v1.1 (user,activity,time,x,y,z;), or the folder it is in
/// - one of a pair NAME_TRAIN.ts and NAME_TEST.ts, or a folder with one such pair
///
/// `window`: steps that are cut from longer recordings (WISDM), 0: as is usual. Throws FileError that says what was
/// expected, and where.
Recordings read_recordings(const std::filesystem::path& path, unroll::Index window);

/// Recordings with a label at every step. `path` is one of:
///
/// - CSV with a channel in each column and a class from 0 in the last one (negative: not scored), with or without
/// names;
///   columns called timestamp or time are left out
/// - text of the Daphnet set: time, nine channels in mg, and 0 (not scored), 1 or 2 (frozen), with blanks between them
/// - a folder with several of one kind
/// - one of a pair NAME_TRAIN.ts and NAME_TEST.ts, whose recordings are joined end to end
///
/// The last `test_share` of each recording is kept for the test (of a pair, the test file). Throws FileError, also
/// where one part has steps of one class alone: there is nothing to tell apart.
StreamParts read_streams(const std::filesystem::path& path, double test_share);

/// Windows as one long recording for each part.
StreamParts join_recordings(const Recordings& recordings);

// The kinds by themselves.
Recordings read_ts_pair(const std::string& train, const std::string& test);
Recordings read_course_file(const std::string& path);
Recordings read_smartphone_folder(const std::filesystem::path& folder);
Recordings read_wisdm(const std::string& path, unroll::Index window);

}  // namespace har
