#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/core/tables/data_table.hpp"
#include "unroll/report/detail/markup.hpp"

namespace unroll {

enum class PictureFormat { svg, png };

/// Picture: numbers and the gnuplot commands that draw them.
struct Picture {
  DataTable numbers;              ///< input of the commands, as the file `data`
  DataTable shown;                ///< the numbers as a table for readers
  std::string commands;           ///< of gnuplot, appended to those of `gnuplot_script`
  int width = 640, height = 420;  ///< in pixels; letters are 17 pixels high, readable at half the size
};

/// Axis of a picture.
struct Axis {
  std::string title;                          ///< title with unit: "time (s)"
  std::optional<double> low = {}, high = {};  ///< default: range of the data
  bool logarithmic = false;
};

namespace detail {

/// Colours of Okabe & Ito 2008 ("Color Universal Design"), distinguishable with red-green colour blindness.
inline constexpr std::array<std::string_view, 6> colours{"#0072b2", "#d55e00", "#009e73",
                                                         "#cc79a7", "#e69f00", "#56b4e9"};
inline constexpr std::array point_types{7, 5, 9, 13, 11, 15};

/// Point type of a curve or group. The 36 first ones differ in colour or point type.
inline int point_type(std::size_t number) {
  return point_types[(number + number / colours.size()) % point_types.size()];
}

inline constexpr std::string_view pale_to_dark = "defined (0 '#ffffff', 50 '#6baed6', 100 '#08306b')";
inline constexpr std::string_view blue_to_red =
    "defined (-1 '#2166ac', -0.5 '#92c5de', 0 '#f7f7f7', 0.5 '#f4a582', 1 '#b2182b')";

/// Title broken into lines that fit into a picture of `width` pixels.
inline std::vector<std::string> title_lines(std::string_view title, int width) {
  std::vector<std::string> lines;
  while (!title.empty()) {
    const std::size_t end = title.find(' ');
    const std::string word(title.substr(0, end));
    title.remove_prefix(end == std::string_view::npos ? title.size() : end + 1);
    if (lines.empty() || 10 * int(letter_count(lines.back()) + 1 + letter_count(word)) > width)
      lines.push_back(word);
    else
      lines.back() += " " + word;
  }
  return lines;
}

inline int title_height(const std::vector<std::string>& lines) { return 12 + 23 * int(lines.size()); }

/// Labels for the title at explicit positions, above everything else.
inline std::string title_commands(const std::vector<std::string>& lines, int height) {
  std::string commands;
  for (std::size_t k = 0; k < lines.size(); ++k)
    commands += text("set label ", 10 + k, " ", detail::gnuplot_quoted(lines[k]), " center at screen 0.5,",
                     1 - (18 + 23 * double(k)) / height, "\n");
  return commands;
}

/// Title and key above the axes, with one line per key entry, so that the data are not covered.
struct Head {
  std::vector<std::string> title;
  int keys;

  Head(std::string_view words, std::size_t entries) : title(title_lines(words, 640)), keys(int(entries)) {}

  int height() const { return title_height(title) + 26 * keys + 14; }

  std::string commands(int whole) const {
    const auto from_top = [&](int pixels) { return 1 - double(pixels) / whole; };
    return text(title_commands(title, whole), "set key at screen 0.03, screen ", from_top(title_height(title)),
                " left top Left reverse vertical maxcols 1 samplen 2\nset tmargin at screen ", from_top(height()),
                "\n");
  }
};

/// Label of a tic. A percent sign is doubled, because gnuplot replaces it by the position of the tic.
inline std::string tic_label(std::string_view name) {
  std::string safe;
  for (const char c : name) safe += c == '%' ? std::string("%%") : std::string(1, c);
  return detail::gnuplot_quoted(safe);
}

/// Tics at 0, step, 2 step ...: "('standing' 0, 'walking' 1)".
inline std::string tics(const std::vector<std::string>& names, std::size_t step = 1) {
  std::string list;
  for (std::size_t k = 0; k < names.size(); k += step)
    list += text(list.empty() ? "" : ", ", tic_label(names[k]), " ", k);
  return "(" + list + ")";
}

inline std::string range(const std::optional<double>& low, const std::optional<double>& high) {
  return text("[", low ? text(*low) : "*", ":", high ? text(*high) : "*", "]");
}

inline std::string axis_commands(const char* letter, const Axis& axis) {
  return text("set ", letter, "label ", detail::gnuplot_quoted(axis.title), "\nset ", letter, "range ",
              range(axis.low, axis.high), "\n",
              axis.logarithmic
                  ? text("set logscale ", letter, "\nset m", letter, "tics 1\nset format ", letter, " '%h'\n")
                  : std::string());
}

inline std::size_t longest(const std::vector<std::string>& names) {
  std::size_t most = 0;
  for (const std::string& name : names) most = std::max(most, letter_count(name));
  return most;
}

}  // namespace detail

inline std::string picture_file(std::string_view name, PictureFormat format) {
  return text(name, format == PictureFormat::svg ? ".svg" : ".png");
}

namespace detail {
/// Variable of gnuplot that sends a picture to standard output.
inline constexpr std::string_view to_standard_output = "to_standard_output";
}  // namespace detail

/// Complete NAME.gp, which reads NAME.csv and draws NAME.svg or NAME.png.
inline std::string gnuplot_script(const Picture& picture, std::string_view name, PictureFormat format) {
  const bool svg = format == PictureFormat::svg;
  const std::string file = picture_file(name, format);
  const int scale = svg ? 1 : 2;  // PNG has twice the pixels: sharp on a phone and in print
  return text("# gnuplot ", name, ".gp draws ", file, " from ", name, ".csv\nset terminal ", svg ? "svg" : "pngcairo",
              " size ", scale * picture.width, ",", scale * picture.height,
              svg ? " dynamic" : " fontscale 2 linewidth 2 pointscale 2",
              " noenhanced font 'sans,17' background '#ffffff'\nif (!exists('", detail::to_standard_output,
              "')) set output '", file, "'\ndata = '", name, R"(.csv'
set encoding utf8
set datafile separator ','
set datafile commentschars ''
set datafile missing ''
set tics nomirror out
set border 3 lc rgb '#555555'
set style fill transparent solid 0.2 noborder
)",
              picture.commands);
}

}  // namespace unroll
