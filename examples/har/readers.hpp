#pragma once
// Readers for recordings in common formats, detected from the contents.

#include <filesystem>
#include <utility>

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

/// The same data with training windows that are read when a batch needs them: of an HDF5 file or a pair of .ts files.
/// Each window is read once to check it. Throws FileError as read_recordings, and for other formats.
LazyRecordings read_lazily(const std::filesystem::path& path);
LazyRecordings read_ts_pair_lazily(const std::string& train, const std::string& test);

/// Reads recordings with a label at every step. `path` is one of:
///
/// - CSV with one channel per column and the class in the last column: a number from 0 (negative: not scored), with or
///   without a header, or a text (empty: not scored), with one; columns called timestamp or time are skipped
/// - text of the Daphnet data set, separated by blanks: time, nine channels in mg, and 0 (not scored), 1 or 2 (frozen)
/// - a folder with several files of one of these kinds
/// - one file of a pair NAME_TRAIN.ts and NAME_TEST.ts, whose recordings are concatenated
///
/// The last `test_share` of each recording is the test part (of a pair, the test file). Throws FileError, also if a
/// part of CSV or Daphnet recordings has steps of a single class only.
StreamParts read_streams(const std::filesystem::path& path, double test_share);

/// Reads windows for a model with these classes; names of classes identify them. `part` is "training", "test" or "all"
/// of data with a training and a test part; empty: the test part, or all windows of WISDM, whose files have no parts. A
/// .ts file is read as it is, with or without labels. Throws FileError as read_recordings, and for other classes.
NewRecordings read_new(const std::filesystem::path& path, unroll::Index window, const std::vector<std::string>& classes,
                       const std::string& part);
/// The windows of a part of `recordings` for a model with these classes. Throws FileError for other classes.
NewRecordings part_of(Recordings recordings, const std::vector<std::string>& classes, const std::string& part);

/// Reads whole recordings for a model of `channels` channels with these classes; the label in the last column of CSV
/// and Daphnet files may be missing. Each series of a .ts file is a recording. Throws FileError as read_streams.
NewStreams read_new_streams(const std::filesystem::path& path, unroll::Index channels,
                            const std::vector<std::string>& classes);

/// Reads a .ts file of validation data with these classes and channels.
unroll::Dataset<float> read_validation(const std::filesystem::path& file, const std::vector<std::string>& classes,
                                       unroll::Index channels);

/// One long recording per part, the windows concatenated in random order.
StreamParts join_recordings(const Recordings& recordings);

/// The files NAME_TRAIN.ts and NAME_TEST.ts, given one of the two.
std::pair<std::string, std::string> ts_pair_of(const std::filesystem::path& one);

// Readers of the individual formats.
Recordings read_ts_pair(const std::string& train, const std::string& test);
Recordings read_course_file(const std::string& path);
LazyRecordings read_course_file_lazily(const std::string& path);
Recordings read_smartphone_folder(const std::filesystem::path& folder);
/// `divided`: false: all people are in the test part, and the training part is empty.
Recordings read_wisdm(const std::string& path, unroll::Index window, bool divided = true);

}  // namespace har
