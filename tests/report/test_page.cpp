// Page of a report, read by a small parser, and its data files.

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "support/catch.hpp"
#include "support/temporary.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/report.hpp"

namespace test_page {

using namespace unroll;

namespace {

const std::string hostile = "<script>alert(1)</script><img src=x onerror='a()'> \"&\xff\x01";

/// HTML element with attributes and children.
struct Element {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::vector<Element> inside;

  template <class F>
  void each(const F& f) const {
    f(*this);
    for (const Element& element : inside) element.each(f);
  }
};

/// Strict HTML parser: tags are closed in order unless void, attributes are in double quotes and contain no less-than
/// sign. Fails the test otherwise.
class Parser {
 public:
  explicit Parser(std::string_view page) : page_(page) {}

  Element parse() {
    REQUIRE(page_.starts_with("<!DOCTYPE html>\n"));
    at_ = 16;
    Element root{"root", {}, {}};
    parse_inside(root);
    CHECK(at_ == page_.size());
    return root;
  }

 private:
  void parse_inside(Element& parent) {
    while (at_ < page_.size()) {
      at_ = std::min(page_.find('<', at_), page_.size());
      if (at_ == page_.size()) return;
      if (page_.substr(at_, 2) == "</") {
        const std::string end = "</" + parent.name + ">";
        INFO(std::string(page_.substr(at_, 60)));
        REQUIRE(page_.substr(at_, end.size()) == end);
        at_ += end.size();
        return;
      }
      parent.inside.push_back(parse_tag());
      if (parent.inside.back().name != "meta" && parent.inside.back().name != "img") parse_inside(parent.inside.back());
    }
  }

  Element parse_tag() {
    const std::size_t end = page_.find('>', at_);
    REQUIRE(end != std::string_view::npos);
    std::string_view tag = page_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    Element element{std::string(tag.substr(0, tag.find(' '))), {}, {}};
    tag.remove_prefix(element.name.size());
    while (!tag.empty()) {
      const std::size_t equals = tag.find("=\""), quote = tag.find('"', equals + 2);
      INFO(std::string(tag.substr(0, 60)));
      REQUIRE((tag.front() == ' ' && equals != tag.npos && quote != tag.npos));
      const std::string name(tag.substr(1, equals - 1));
      CHECK(element.attributes.emplace(name, tag.substr(equals + 2, quote - equals - 2)).second);
      CHECK(element.attributes[name].find('<') == std::string::npos);
      tag.remove_prefix(quote + 1);
    }
    return element;
  }

  std::string_view page_;
  std::size_t at_ = 0;
};

std::size_t count(const Element& page, const std::string& name) {
  std::size_t found = 0;
  page.each([&](const Element& element) { found += element.name == name; });
  return found;
}

/// Checks common to all pages: no scripts, no external resources, a caption and an alternative text for every picture.
void check_page(const Element& page) {
  std::set<std::string> ids;
  page.each([&](const Element& element) {
    CHECK(std::set<std::string>{"script", "iframe", "link", "object", "svg"}.count(element.name) == 0);
    for (const auto& [name, value] : element.attributes) {
      CHECK_FALSE(name.starts_with("on"));
      if (name == "id") CHECK(ids.insert(value).second);
      if (name == "src") CHECK(value.starts_with("data:image/"));
      if (name == "href") CHECK(value.starts_with("./"));
      if (name == "alt") CHECK_FALSE(value.empty());
    }
    if (element.name == "img") CHECK(element.attributes.count("alt") == 1);
    if (element.name == "figure") CHECK(count(element, "figcaption") == 1);
    if (element.name == "figure") CHECK(count(element, "table") == 1);
  });
  CHECK(count(page, "title") == 1);
  CHECK(count(page, "h1") == 1);
}

void fill(Report& report) {
  report.paragraph(hostile);
  report.metric({"top-1", 95.25, 1.5, "%", "sample standard deviation of 3 seeds"});
  report.metric({.name = hostile, .value = 3972, .unit = hostile});
  report.settings({{"cell", "gru"}, {hostile, hostile}});
  report.environment(environment("2026-11-22"));
  report.heading(hostile);
  report.table("cells", {{"cell", hostile}, {{"gru", 0.123456789}, {hostile, NAN}}}, hostile);
  report.figure(
      "loss",
      figure::Curves{
          .title = hostile, .x = {"epoch"}, .y = {hostile}, .series = {figure::over_steps(hostile, {3, 2, 1.5}, 1)}},
      "Loss after every epoch.", "It falls to 1.5. " + hostile);
  report.file("a b#\".txt", hostile);
  report.write();
}

std::string bytes(const std::filesystem::path& path) { return detail::bytes_of(path); }

bool has(const std::string& whole, const std::string& part) { return whole.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("report page: is valid HTML, complete and escapes all text", "[report]") {
  const support::TemporaryFolder folder;
  Report report(hostile, folder.path);
  fill(report);
  const std::string html = bytes(folder.path / "report.html");
  const Element page = Parser(html).parse();
  check_page(page);
  CHECK(count(page, "img") == (report.missing().empty() ? 1 : 0));
  CHECK(count(page, "figure") == 1);
  CHECK(has(html, "95.25 \xc2\xb1 1.5\xc2\xa0%"));
  CHECK(has(html, "href=\"./a%20b%23%22.txt\""));
  CHECK_FALSE(has(html, "<script"));
}

TEST_CASE("report page: its content is also in JSON and CSV", "[report]") {
  const support::TemporaryFolder folder;
  Report report("title", folder.path);
  fill(report);
  const auto json = nlohmann::json::parse(bytes(folder.path / "report.json"));
  CHECK(json["title"] == "title");
  CHECK(json["metrics"]["rows"][0] ==
        nlohmann::json({"top-1", 95.25, 1.5, "%", "sample standard deviation of 3 seeds"}));
  CHECK(json["metrics"]["rows"][1][2].is_null());
  CHECK(json["settings"]["cell"] == "gru");
  CHECK(json["environment"]["date"] == "2026-11-22");
  CHECK(json["environment"]["unroll"] == std::string(library_version));
  CHECK(json["tables"][0]["numbers"]["rows"][0][1] == 0.123456789);
  CHECK(json["figures"][0]["numbers"]["rows"][2] == nlohmann::json({3, 1.5}));
  CHECK(bytes(folder.path / "report.csv").starts_with("metric,value,deviation,unit,note\ntop-1,95.25,1.5,%,sample"));
  CHECK(has(bytes(folder.path / "cells.csv"), "gru,0.123456789\n"));
  CHECK(has(bytes(folder.path / "loss.csv"), ",3,1.5,,\n"));
}

TEST_CASE("report page: names the missing gnuplot and has numbers and scripts", "[report]") {
  const support::TemporaryFolder folder;
  const char* const path = std::getenv("PATH");
  const std::string before = path == nullptr ? "" : path;
  ::setenv("PATH", folder.path.c_str(), 1);
  Report report("title", folder.path);
  fill(report);
  ::setenv("PATH", before.c_str(), 1);
  CHECK(report.missing() == "gnuplot is not installed");
  const std::string html = bytes(folder.path / "report.html");
  const Element page = Parser(html).parse();
  check_page(page);
  CHECK(count(page, "img") == 0);
  CHECK(has(html, "No picture: gnuplot is not installed."));
  CHECK(std::filesystem::exists(folder.path / "loss.gp"));
}

TEST_CASE("report page: long tables are shortened on the page and complete in CSV", "[report]") {
  const support::TemporaryFolder folder;
  Report report("title", folder.path);
  DataTable table{{"step", "value"}, {}};
  for (int k = 0; k < 1001; ++k) table.rows.push_back({k, 2 * k});
  report.table("long", table, "Many numbers");
  report.write();
  const std::string html = bytes(folder.path / "report.html");
  CHECK(count(Parser(html).parse(), "tr") < 110);
  CHECK(has(html, "of 1001 rows; all are in long.csv."));
  CHECK(has(html, "<td>2000</td>"));
  CHECK(has(bytes(folder.path / "long.csv"), "\n999,1998\n1000,2000\n"));
}

TEST_CASE("report: refuses duplicate names of figures and tables", "[report]") {
  const support::TemporaryFolder folder;
  Report report("title", folder.path);
  report.table("one", {{"a"}, {{1}}}, "caption");
  CHECK_THROWS_MATCHES(report.table("one", {{"a"}, {{1}}}, "caption"), ValueError,
                       says("must be new and not 'report', got 'one'"));
  CHECK_THROWS_MATCHES(report.table("report", {}, "caption"), ValueError,
                       says("must be new and not 'report', got 'report'"));
  CHECK_THROWS_MATCHES(report.table("../one", {}, "caption"), ValueError, says("a-z, 0-9 and _"));
  CHECK_THROWS_AS(Report("title", folder.path / "nowhere").write(), FileError);
}

TEST_CASE("report: settings are read from JSON", "[report]") {
  const auto values =
      named_values(nlohmann::json::parse(R"({"cell": "gru", "data": {"words": 3, "seen": true}, "rates": [0.5]})"));
  CHECK(values == NamedValues{{"cell", "gru"}, {"data.seen", "true"}, {"data.words", "3"}, {"rates", "[0.5]"}});
}

}  // namespace test_page
