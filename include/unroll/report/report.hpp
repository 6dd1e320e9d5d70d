#pragma once

#include <nlohmann/json.hpp>
#include <set>

#include "unroll/report/page.hpp"

namespace unroll {

/// Settings in a JSON object; nested objects give full names ("data.words").
inline NamedValues named_values(const nlohmann::json& object, const std::string& prefix = {}) {
  NamedValues values;
  for (const auto& [name, value] : object.items()) {
    const NamedValues inside = value.is_object() ? named_values(value, prefix + name + ".") : NamedValues{};
    values.insert(values.end(), inside.begin(), inside.end());
    if (!value.is_object())
      values.emplace_back(prefix + name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return values;
}

/// Row of the results table. `note` states the kind of deviation.
struct Metric {
  std::string name;
  double value = 0;
  double deviation = std::numeric_limits<double>::quiet_NaN();  ///< NaN: none
  std::string unit = {};
  std::string note = {};
};

/// Report of a run: a page for readers and files for programs, written into a folder.
///
///     report.html        one page with pictures and their numbers, no network, no script
///     report.json        full content of the page
///     report.csv         metrics
///     NAME.csv           numbers of each table and picture
///     NAME.gp, NAME.svg  gnuplot script of each picture, and the picture
///
///     Report report("Human activities", folder);
///     report.settings({{"cell", "gru"}, {"units", "64"}});
///     report.metric({"top-1", 95.2, 1.1, "%", "mean and sample standard deviation of 3 seeds"});
///     report.figure("loss", figure::learning_curves(histories), "Loss after every epoch.", "Both fall to 0.1.");
///     report.write();
class Report {
 public:
  /// The folder must exist. Names of tables and figures are file names of a-z, 0-9 and _.
  Report(std::string title, std::filesystem::path folder, PictureFormat format = PictureFormat::svg)
      : title_(std::move(title)), folder_(std::move(folder)), format_(format) {}

  /// Adds a paragraph. On the page metrics come first and settings, environment and files last; everything else is in
  /// the order of calls.
  void paragraph(const std::string& words) {
    body() += text("<p>", detail::html_text(words), "</p>\n"), json_["text"].push_back(readable(words));
  }
  /// Starts a new section.
  void heading(const std::string& words) { sections_.push_back({words, {}}); }

  void metric(Metric metric) { metrics_.push_back(std::move(metric)); }
  void settings(const NamedValues& values) { settings_.insert(settings_.end(), values.begin(), values.end()); }
  void environment(const NamedValues& values) { environment_.insert(environment_.end(), values.begin(), values.end()); }
  /// Lists a file in the folder that was not written by this report.
  void file(const std::string& name, const std::string& what) { files_.emplace_back(name, what); }

  /// Adds a table. Throws ValueError for a name that is in use, ShapeError for rows of another length than the columns.
  void table(const std::string& name, const DataTable& table, const std::string& caption) {
    take(name);
    write_text(folder_ / (name + ".csv"), to_csv(table));
    files_.emplace_back(name + ".csv", caption);
    body() += detail::html_table(table, caption, name + ".csv");
    json_["tables"].push_back({{"name", name}, {"caption", readable(caption)}, {"numbers", json_of(table)}});
  }

  /// Adds a figure and draws it. `what` is any argument of `picture`: figure::Curves, HeatMap, Confusion, Scatter,
  /// Bars. `description` is a text alternative for readers who cannot see the picture. Without gnuplot the page states
  /// that the picture is missing.
  template <class Figure>
  void figure(const std::string& name, const Figure& what, const std::string& caption, const std::string& description) {
    add_picture(name, picture(what), caption, description);
  }

  /// Reason why the last missing picture was not drawn; empty if all were.
  const std::string& missing() const { return missing_; }

  /// Writes the page, the JSON and the CSV file, each atomically. Throws FileError.
  void write() {
    const std::string json = as_json().dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    write_text(folder_ / "report.csv", to_csv(metric_table()));
    write_text(folder_ / "report.json", json);
    write_text(folder_ / "report.html", detail::html_page(title_, as_html()));
  }

 private:
  struct Section {
    std::string heading, inside;
  };

  void take(const std::string& name) {
    detail::check_name(name);
    require<ValueError>(name != "report" && names_.insert(name).second,
                        "report: a name must be new and not 'report', got '", name, "'");
  }

  std::string& body() {
    if (sections_.empty()) sections_.push_back({"Pictures and tables", {}});
    return sections_.back().inside;
  }

  void add_picture(const std::string& name, const Picture& picture, const std::string& caption,
                   const std::string& description) {
    take(name);
    const std::string why = draw(picture, folder_, name, format_), file = picture_file(name, format_);
    if (!why.empty()) missing_ = why;
    const std::string image =
        why.empty()
            ? detail::html_picture(folder_ / file, format_, picture.width, picture.height, description)
            : text("<p class=\"missing\">No picture: ", detail::html_text(why), ". ", detail::html_text(description),
                   " The numbers are in ", name, ".csv, the script is ", name, ".gp.</p>\n");
    body() += text("<figure id=\"", name, picture.width > 720 ? "\" class=\"large\">\n" : "\">\n", image,
                   "<figcaption>", detail::html_text(caption),
                   "</figcaption>\n<details>\n<summary>Numbers</summary>\n<p>", detail::html_text(description),
                   "</p>\n", detail::html_table(picture.shown, caption, name + ".csv"), "</details>\n</figure>\n");
    files_.emplace_back(why.empty() ? file : name + ".gp", caption);
    files_.emplace_back(name + ".csv", "its numbers");
    json_["figures"].push_back({{"name", name},
                                {"caption", readable(caption)},
                                {"description", readable(description)},
                                {"numbers", json_of(picture.shown)}});
  }

  DataTable metric_table() const {
    DataTable table{{"metric", "value", "deviation", "unit", "note"}, {}};
    for (const Metric& m : metrics_) table.rows.push_back({m.name, m.value, m.deviation, m.unit, m.note});
    return table;
  }

  /// Results table for readers: value, deviation and unit in one cell.
  DataTable results() const {
    DataTable table{{"", "result", ""}, {}};
    for (const Metric& m : metrics_)
      table.rows.push_back(
          {m.name,
           text(TableValue(m.value).rounded(),
                is_finite(m.deviation) ? text(" \u00b1 ", TableValue(m.deviation).rounded()) : std::string(),
                m.unit.empty() ? "" : "\u00a0", m.unit),
           m.note});
    return table;
  }

  static nlohmann::json json_of(const TableValue& value) {
    if (value.is_text()) return readable(value.letters());
    return value.is_missing() ? nlohmann::json() : nlohmann::json(value.number());
  }
  static nlohmann::json json_of(const DataTable& table) {
    nlohmann::json object{{"columns", nlohmann::json::array()}, {"rows", nlohmann::json::array()}};
    for (const std::string& name : table.columns) object["columns"].push_back(readable(name));
    for (const auto& row : table.rows) {
      object["rows"].push_back(nlohmann::json::array());
      for (const TableValue& value : row) object["rows"].back().push_back(json_of(value));
    }
    return object;
  }
  static nlohmann::json json_of(const NamedValues& values) {
    nlohmann::json object = nlohmann::json::object();
    for (const auto& [name, value] : values) object[readable(name)] = readable(value);
    return object;
  }

  nlohmann::json as_json() const {
    nlohmann::json all = json_;
    all["title"] = readable(title_);
    all["metrics"] = json_of(metric_table());
    all["settings"] = json_of(settings_);
    all["environment"] = json_of(environment_);
    all["files"] = json_of(files_);
    return all;
  }

  std::string as_html() const {
    std::string page = text("<header>\n<h1>", detail::html_text(title_), "</h1>\n</header>\n<main>\n");
    if (!metrics_.empty())
      page += detail::html_section("Results", detail::html_table(results(), "Metrics of the run", "report.csv"));
    for (const Section& section : sections_) page += detail::html_section(section.heading, section.inside);
    if (!settings_.empty())
      page += detail::html_section("Settings", detail::html_names(settings_, "Options of the run"));
    if (!environment_.empty())
      page += detail::html_section("Environment", detail::html_names(environment_, "Compiler and machine"));
    return page + detail::html_section("Files", file_list()) + "</main>\n";
  }

  std::string file_list() const {
    std::string list = text("<li>", detail::html_link("report.json"), ": all of this page</li>\n<li>",
                            detail::html_link("report.csv"), ": the results</li>\n");
    for (const auto& [name, what] : files_)
      list += text("<li>", detail::html_link(name), ": ", detail::html_text(what), "</li>\n");
    return "<ul>\n" + list + "</ul>\n";
  }

  std::string title_;
  std::filesystem::path folder_;
  PictureFormat format_;
  std::set<std::string> names_;
  std::vector<Section> sections_;
  std::vector<Metric> metrics_;
  NamedValues settings_, environment_, files_;
  nlohmann::json json_ = nlohmann::json::object();
  std::string missing_;
};

}  // namespace unroll
