#pragma once
// HTML fragments of a report page. The page needs neither network nor scripts, and repeats the content of its pictures
// as text and numbers.

#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "unroll/report/environment.hpp"
#include "unroll/report/gnuplot.hpp"

namespace unroll::detail {

/// Style for phones from 360 pixels on, desktops, dark mode and paper.
inline constexpr std::string_view page_style = R"(
:root { color-scheme: light dark; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --back: #ffffff; --head: #f3f5f7; --link: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e9ed; --soft: #a3acb8; --line: #3d444d; --back: #16191d; --head: #22272e; --link: #79b8ff; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; color: var(--text); background: var(--back);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); }
p { max-width: 44rem; }
a { color: var(--link); }
figure { margin: 1rem 0; max-width: 100%; min-width: 0; }
.wide { overflow-x: auto; max-width: 100%; }
.picture { width: fit-content; border: 1px solid var(--line); background: #ffffff; }
.picture img { display: block; max-width: 100%; height: auto; }
figcaption { margin: .5rem 0; max-width: 44rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
.caption { margin: .5rem 0; color: var(--soft); font-size: .9rem; }
th, td { border: 1px solid var(--line); padding: .25rem .5rem; text-align: right; overflow-wrap: normal; vertical-align: top; }
th { background: var(--head); font-weight: 600; }
td.text, th.text { text-align: left; }
.names td, .names th { text-align: left; overflow-wrap: anywhere; }
.names th { overflow-wrap: break-word; }
summary { cursor: pointer; color: var(--link); }
.missing { border: 1px dashed var(--line); padding: 1rem; color: var(--soft); }
@media (max-width: 45rem) {
  .large figcaption::after { content: " The picture is wider than the screen and moves sideways."; color: var(--soft); }
}
@media (min-width: 80rem) {
  figure { display: inline-block; vertical-align: top; margin-right: 1rem; max-width: 35rem; }
  figure.large { display: block; max-width: 100%; }
}
@media print {
  :root { --text: #000000; --soft: #333333; --line: #999999; --back: #ffffff; --head: #eeeeee; --link: #000000; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  figure, tr { break-inside: avoid; }
  h2, .caption { break-after: avoid; }
  .picture img { min-width: 0 !important; max-width: 13cm; }
  .wide { overflow: visible; }
  details:not([open]) { display: none; }
}
)";

/// Evenly spaced row numbers, at most about 100 and including the last one; the file contains all rows.
inline std::vector<std::size_t> shown_rows(std::size_t rows) {
  constexpr std::size_t most = 100;
  const std::size_t every = (rows + most - 1) / most;
  std::vector<std::size_t> shown;
  for (std::size_t k = 0; k < rows; ++k)
    if (k % every == 0 || k + 1 == rows) shown.push_back(k);
  return shown;
}

inline std::string html_cell(const TableValue& value, bool heads_row) {
  const std::string inside = detail::html_text(value.rounded());
  if (heads_row) return text("<th scope=\"row\" class=\"text\">", inside, "</th>");
  return text(value.is_text() ? "<td class=\"text\">" : "<td>", inside, "</td>");
}

/// Table that scrolls separately if it is wider than the page.
inline std::string html_table(const DataTable& table, std::string_view caption, std::string_view file) {
  const auto shown = shown_rows(table.rows.size());
  std::string head, rows;
  for (std::size_t k = 0; k < table.columns.size(); ++k) {
    const bool letters = !table.rows.empty() && (k == 0 || table.rows.front()[k].is_text());
    head +=
        text("<th scope=\"col\"", letters ? " class=\"text\"" : "", ">", detail::html_text(table.columns[k]), "</th>");
  }
  for (const std::size_t k : shown) {
    rows += "<tr>";
    for (std::size_t c = 0; c < table.columns.size(); ++c) rows += html_cell(table.rows[k][c], c == 0);
    rows += "</tr>\n";
  }
  const std::string rest = shown.size() == table.rows.size()
                               ? std::string()
                               : text(" ", shown.size(), " of ", table.rows.size(), " rows; all are in ", file, ".");
  // The caption is outside of the part that scrolls.
  return text("<p class=\"caption\">", detail::html_text(caption), detail::html_text(rest),
              "</p>\n<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"", detail::html_text(caption),
              "\">\n<table>\n<thead><tr>", head, "</tr></thead>\n<tbody>\n", rows, "</tbody>\n</table>\n</div>\n");
}

inline std::string html_names(const NamedValues& values, std::string_view label) {
  std::string rows;
  for (const auto& [name, value] : values)
    rows +=
        text("<tr><th scope=\"row\">", detail::html_text(name), "</th><td>", detail::html_text(value), "</td></tr>\n");
  return text("<table class=\"names\" aria-label=\"", detail::html_text(label), "\">\n<tbody>\n", rows,
              "</tbody>\n</table>\n");
}

inline std::string html_section(std::string_view heading, const std::string& inside) {
  return inside.empty() ? std::string()
                        : text("<section>\n<h2>", detail::html_text(heading), "</h2>\n", inside, "</section>\n");
}

/// Link to a file in the folder of the page; reserved characters are percent-encoded.
inline std::string html_link(std::string_view file) {
  std::string address;
  for (const char c : file) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._/").find(c) != std::string_view::npos;
    char code[4];
    std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    address += plain ? std::string(1, c) : std::string(code);
  }
  return text("<a href=\"./", address, "\">", detail::html_text(file), "</a>");
}

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  require<FileError>(file.good(), path.string(), ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Picture as a separate image, so that its content cannot affect the page.
inline std::string html_picture(const std::filesystem::path& path, PictureFormat format, int width, int height,
                                std::string_view description) {
  return text("<div class=\"wide picture\" role=\"region\" tabindex=\"0\" aria-label=\"picture\">\n<img width=\"",
              width, "\" height=\"", height, "\" style=\"min-width: ", width * 11 / 25, "px\" alt=\"",
              detail::html_text(description), "\" src=\"data:image/", format == PictureFormat::svg ? "svg+xml" : "png",
              ";base64,", detail::base64(bytes_of(path)), "\">\n</div>\n");
}

inline std::string html_page(std::string_view title, const std::string& body) {
  return text(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<title>",
      detail::html_text(title), "</title>\n<style>", page_style, "</style>\n</head>\n<body>\n", body,
      "</body>\n</html>\n");
}

}  // namespace unroll::detail
