#pragma once
// Where a network looks while it writes a word, and what all runs gave as a page.

#include <filesystem>

#include "report.hpp"

namespace g2p {

/// Draws map.svg in the folder: a row for each phoneme of `written`, a column for each letter. Empty when it is drawn,
/// otherwise why not.
std::string draw_map(const std::filesystem::path& folder, const std::string& word, const Vocabulary& vocabulary,
                     const unroll::Hypothesis<float>& written, const std::string& network);

/// Writes report.html and what belongs to it into the folder. Empty when all pictures are drawn, otherwise why not.
std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const std::vector<Study>& studies);

}  // namespace g2p
