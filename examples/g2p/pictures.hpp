#pragma once
// Attention maps, and the HTML report of all runs.

#include <filesystem>

#include "report.hpp"

namespace g2p {

/// Draws map.svg in the folder: one row per phoneme of `hypothesis`, one column per letter. Returns an empty string on
/// success, otherwise the reason why it was not drawn.
std::string draw_map(const std::filesystem::path& folder, const std::string& word, const Vocabulary& vocabulary,
                     const unroll::Hypothesis<float>& hypothesis, const std::string& network);

/// Attention of a decoded word.
struct Attention {
  std::string word;
  unroll::Hypothesis<float> hypothesis;
};

/// Writes report.html and its files into the folder, with the attention map of a word if one is given. `settings` is a
/// JSON object. Returns an empty string if all figures were drawn, otherwise the reason.
std::string write_report(const std::filesystem::path& folder, const std::string& settings, const Sources& sources,
                         const Results& results, const Attention* attention);

}  // namespace g2p
