#pragma once
// What the trainings gave, as text and as a page with pictures.

#include "study.hpp"

namespace peaks {

std::string data_text(const EventSets& events);
/// How far a fixed level gets, without a model.
std::string baseline_text(const Baseline& baseline, const Events& test);
/// A line for each value of a study; empty without one.
std::string study_text(const Options& options, const std::vector<Point>& points);
/// The result in one line: the only training, or the value of a study that validation events chose.
std::string result_text(const Options& options, const std::vector<Point>& points, const Events& test);

struct Written {
  std::vector<std::string> files;
  std::string missing;  // why there are no pictures; empty: there are
};

/// Writes report.html, report.json, report.csv, tables and pictures. `network` was trained last.
Written write_report(const std::filesystem::path& folder, const Options& options, const EventSets& events,
                     const Baseline& baseline, const std::vector<Point>& points, const Network& network);

}  // namespace peaks
