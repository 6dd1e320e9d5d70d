#pragma once
// Where a network looks while it writes a word.

#include <filesystem>

#include "decoding.hpp"

namespace g2p {

/// Writes map.dat and map.gp into the folder and lets gnuplot draw map.svg: a row for each phoneme of `written`, a
/// column for each letter. Empty when it is drawn, otherwise why not.
std::string draw_map(const std::filesystem::path& folder, const std::string& word, const Vocabulary& vocabulary,
                     const unroll::Hypothesis<float>& written, const std::string& network);

}  // namespace g2p
