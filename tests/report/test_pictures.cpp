// Commands for gnuplot, and the pictures drawn.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "support/catch.hpp"
#include "support/small_files.hpp"
#include "support/temporary.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/report/bars.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/gnuplot.hpp"
#include "unroll/report/heat_map.hpp"
#include "unroll/report/scatter.hpp"

namespace test_pictures {

using namespace unroll;

namespace {

const std::string hostile =
    "`touch pwned` $(touch pwned) '.system('touch pwned').' <script>alert(1)</script> %s%d 100 % \"\\";

bool has(const std::string& whole, const std::string& part) { return whole.find(part) != std::string::npos; }

figure::Curves two_runs() {
  return {.title = "",
          .x = {"epoch"},
          .y = {"loss (nats)"},
          .series = {figure::over_runs("training", {{3, 2, 1}, {5, 4}}), figure::level("guessing", 1.5, 1, 3)}};
}

/// Draws a picture and returns the bytes of its file; without gnuplot, checks only data and script.
std::string drawn(const Picture& picture, PictureFormat format = PictureFormat::svg) {
  const support::TemporaryFolder folder;
  const std::string why = draw(picture, folder.path, "figure", format);
  const bool there = std::system("command -v gnuplot > /dev/null 2>&1") == 0;
  CHECK(why == (there ? "" : "gnuplot is not installed"));
  CHECK(std::filesystem::exists(folder.path / "figure.csv"));
  CHECK(std::filesystem::exists(folder.path / "figure.gp"));
  CHECK_FALSE(std::filesystem::exists(folder.path / "pwned"));
  if (!there) return {};
  CHECK_FALSE(std::filesystem::exists(folder.path / "figure.log"));
  std::ifstream file(folder.path / picture_file("figure", format), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  CHECK_FALSE(bytes.empty());
  return bytes;
}

void check_svg(const std::string& svg, const std::string& holds) {
  if (svg.empty()) return;
  CHECK(has(svg, "</svg>"));
  CHECK_FALSE(has(svg, "<script"));
  CHECK(has(svg, holds));
}

}  // namespace

TEST_CASE("figure: over_runs has mean and range over the runs with this step", "[report]") {
  const auto series = figure::over_runs("loss", {{3, 2, 1}, {5, NAN}, {4}});
  CHECK(series.x == std::vector<double>{1, 2, 3});
  CHECK(series.y == std::vector<double>{4, 2, 1});
  CHECK(series.low == std::vector<double>{3, 2, 1});
  CHECK(series.high == std::vector<double>{5, 2, 1});
  CHECK(figure::over_runs("loss", {{3, 2}}).low.empty());
}

TEST_CASE("figure: learning curves have no validation series without validation data", "[report]") {
  History run{{.epoch = 1, .loss = 2}, {.epoch = 2, .loss = 1}};
  CHECK(figure::learning_curves({run}).series.size() == 1);
  run.front().validation_loss = 3;
  CHECK(figure::learning_curves({run, run}).series.size() == 2);
}

TEST_CASE("figure: the CSV of curves has one row for each place when places are unique", "[report]") {
  const Picture picture = figure::picture(two_runs());
  CHECK(has(picture.commands, "set xtics 1\n"));
  CHECK(to_csv(picture.shown) ==
        "epoch,training,\"training, low\""
        ",\"training, high\",guessing\n1,4,3,5,1.5\n2,3,2,4,\n3,1,1,1,1.5\n");
  CHECK(to_csv(picture.numbers).find("1,guessing,3,1.5,,\n") != std::string::npos);
  figure::Curves twice{.title = "",
                       .x = {"false positives (%)"},
                       .y = {"true positives (%)"},
                       .series = {{.name = "roc", .x = {0, 0, 1}, .y = {0, 1, 1}}}};
  CHECK(figure::picture(twice).shown.rows.size() == 3);
  twice.series[0].y.pop_back();
  CHECK_THROWS_MATCHES(figure::picture(twice), ShapeError, says("'roc' must have 3 values, one for each place, got 2"));
  twice.series = {{.name = "band", .x = {0}, .y = {0}, .low = {0}}};
  CHECK_THROWS_MATCHES(figure::picture(twice), ShapeError,
                       says("lower and upper limits, one for each value, got 1 and 0"));
}

TEST_CASE("figure: tics are whole epochs for few epochs", "[report]") {
  const auto commands = [](std::size_t epochs, double step) {
    figure::Curves curves{.title = "", .x = {"epoch"}, .y = {"loss"}, .series = {{.name = "run", .x = {}, .y = {}}}};
    for (std::size_t k = 0; k < epochs; ++k) curves.series[0].x.push_back(step * double(k + 1));
    curves.series[0].y.resize(epochs);
    return figure::picture(curves).commands;
  };
  CHECK(has(commands(11, 1), "set xtics 1\n"));
  CHECK_FALSE(has(commands(12, 1), "set xtics 1\n"));
  CHECK_FALSE(has(commands(3, 0.5), "set xtics 1\n"));
}

TEST_CASE("figure: a reference series is grey and uses no colour of the others", "[report]") {
  figure::Curves curves = two_runs();
  std::swap(curves.series[0], curves.series[1]);
  const std::string commands = figure::picture(curves).commands;
  CHECK(has(commands, text("($1 == 0 ? $3 : NaN):4 with lines lw 2 lc rgb '#666666' dt 2 title 'guessing'")));
  CHECK(
      has(commands, text("($1 == 1 ? $3 : NaN):4 with lines lw 3 lc rgb '", detail::colours[0], "' title 'training'")));
}

TEST_CASE("figure: points of many curves or groups differ in colour or kind of point", "[report]") {
  figure::Curves curves;
  figure::Scatter scatter;
  for (std::size_t k = 0; k < 36; ++k) {
    curves.series.push_back({.name = "run", .x = {1}, .y = {double(k)}});
    scatter.groups.push_back("group");
    scatter.points.push_back({.x = 1, .y = double(k), .group = k});
  }
  for (const std::string& commands : {figure::picture(curves).commands, figure::picture(scatter).commands}) {
    std::set<std::string> kinds;
    for (auto at = commands.find("points pt "); at != commands.npos; at = commands.find("points pt ", at + 1))
      kinds.insert(commands.substr(at, commands.find(" title ", at) - at));
    CHECK(kinds.size() == 36);
  }
}

TEST_CASE("figure: bars have limits and reference in their rows", "[report]") {
  const Picture picture =
      figure::picture(figure::Bars{"", {"value"}, {{"a", 80, 75, 85, 7}, {"b", 30}}, "95 % limits", "chance"});
  CHECK(to_csv(picture.shown) == ",value,low,high,chance\na,80,75,85,7\nb,30,,,\n");
  CHECK(to_csv(picture.numbers) == "place,name,value,low,high,reference\n0,a,80,75,85,7\n1,b,30,,,\n");
}

TEST_CASE("figure: a diverging heat map has a symmetric colour range", "[report]") {
  figure::HeatMap map{
      .title = "", .x = {"x"}, .y = {"y"}, .value = "v", .values = MatrixX<double>{{-3, 1}}, .diverging = true};
  CHECK(has(figure::picture(map).commands, "set cbrange [-3:3]\n"));
  map.values *= -2;
  CHECK(has(figure::picture(map).commands, "set cbrange [-6:6]\n"));
  map.diverging = false;
  CHECK(has(figure::picture(map).commands, "set cbrange [-2:6]\n"));
}

TEST_CASE("figure: points are small when there are more than thirty", "[report]") {
  const auto commands = [](std::size_t points) {
    return figure::picture(figure::Scatter{"", {"x"}, {"y"}, std::vector<figure::Point>(points)}).commands;
  };
  CHECK(has(commands(30), " ps 1 "));
  CHECK(has(commands(31), " ps 0.5 "));
}

TEST_CASE("figure: a heat map has room for many row names and leaves out some of very many", "[report]") {
  const auto rows = [](Index count) {
    figure::HeatMap map{.title = "", .x = {"x"}, .y = {"y"}, .value = "v", .values = MatrixX<double>::Zero(count, 2)};
    for (Index k = 0; k < count; ++k) map.row_names.push_back(text("row ", k));
    return figure::picture(map);
  };
  CHECK(rows(30).height >= 30 * 20);
  CHECK(has(rows(30).commands, "'row 29' 29"));
  CHECK(rows(300).height < 600);
  CHECK(has(rows(300).commands, "'row 20' 20"));
  CHECK_FALSE(has(rows(300).commands, "'row 1' 1"));
}

TEST_CASE("figure: a line with one value is a point", "[report]") {
  const auto commands = [](std::vector<double> x) {
    return figure::picture(figure::Curves{"", {"epoch"}, {"loss"}, {{.name = "a", .x = x, .y = x}}}).commands;
  };
  CHECK(has(commands({1}), "points pt"));
  CHECK_FALSE(has(commands({1, 2}), "points pt"));
}

TEST_CASE("figure: a heat map is as high as the title of its colours", "[report]") {
  const auto height = [](const std::string& value) {
    return figure::picture(figure::HeatMap{"", {"x"}, {"y"}, value, MatrixX<double>::Zero(2, 2)}).height;
  };
  const std::string title = "share of the true class (%)";
  CHECK(height(title) == height("weight") - 180 + 9 * int(title.size()));
}

TEST_CASE("figure: of overlapping names in a scatter plot only the first is drawn", "[report]") {
  const figure::Scatter scatter{
      "",
      {"x"},
      {"y"},
      {{0, 0, "king"}, {1, 1, "far"}, {0.01, 0.01, "kings"}, {0.01, 0.2, "above"}, {0.5, 0, "right"}}};
  const Picture picture = figure::picture(scatter);
  for (const char* name : {"'king'", "'far'", "'above'", "'right'"}) CHECK(has(picture.commands, name));
  CHECK_FALSE(has(picture.commands, "'kings'"));
  CHECK(to_csv(picture.shown).find("kings") != std::string::npos);
}

TEST_CASE("figure: names in a scatter plot cover no point and are to the left of points without room", "[report]") {
  const auto label = [](std::vector<figure::Point> more) {
    more.insert(more.end(), {{0, 0}, {1, 1}, {0.5, 0.5, "name"}});
    const std::string commands = figure::picture(figure::Scatter{"", {"x"}, {"y"}, more}).commands;
    const auto at = commands.find("'name'");
    return at == commands.npos ? std::string() : commands.substr(at, commands.find(" offset", at) - at);
  };
  CHECK(label({}) == "'name' at 0.5,0.5 left front");
  CHECK(label({{0.55, 0.5}}) == "'name' at 0.5,0.5 right front");
  CHECK(label({{0.45, 0.5}, {0.55, 0.5}}).empty());
  CHECK(label({{0.45, 0.4}, {0.55, 0.6}, {0.7, 0.5}}) == "'name' at 0.5,0.5 left front");
  const figure::Scatter near{"", {"x"}, {"y", 0, 100}, {{0, 50}, {1, 51}, {0.5, 50, "first"}, {0.5, 51, "name"}}};
  CHECK(has(figure::picture(near).commands, "'name' at 0.5,51 right front"));
}

TEST_CASE("figure: every kind is drawn for hostile names", "[report]") {
  SECTION("curves") {
    figure::Curves curves = two_runs();
    curves.title = curves.x.title = curves.y.title = curves.series[0].name = hostile;
    curves.y.logarithmic = true;
    check_svg(drawn(figure::picture(curves)), "&lt;script>");
  }
  SECTION("heat map") {
    figure::HeatMap map{.title = hostile,
                        .x = {hostile},
                        .y = {hostile},
                        .value = hostile,
                        .values = MatrixX<double>::Random(2, 2),
                        .row_names = {hostile, "b"},
                        .column_names = {"100 %d", hostile},
                        .diverging = true,
                        .written = true};
    map.values(0, 0) = NAN;
    check_svg(drawn(figure::picture(map)), "100 %d");
  }
  SECTION("one row, and more values than boxes") {
    check_svg(drawn(figure::picture(figure::HeatMap{"", {"x"}, {"y"}, "value", MatrixX<double>::Random(1, 9)})),
              "value");
    check_svg(drawn(figure::picture(figure::HeatMap{"", {"x"}, {"y"}, "value", MatrixX<double>::Random(70, 70)})),
              "image");
    check_svg(drawn(figure::picture(figure::HeatMap{"", {"x"}, {"y"}, "value", MatrixX<double>::Zero(1, 1)})), "value");
  }
  SECTION("confusion") {
    figure::Confusion confusion{hostile, {}, {hostile, "walking"}};
    confusion.counts.setConstant(2, 2, 1);
    confusion.counts(0, 1) = 3;
    check_svg(drawn(figure::picture(confusion)), "75 %");
  }
  SECTION("scatter") {
    check_svg(drawn(figure::picture(figure::Scatter{
                  hostile, {hostile}, {hostile}, {{0, 1, hostile}, {1, 0, "queen", 1}}, {hostile, "b"}, true})),
              "queen");
  }
  SECTION("bars") {
    const figure::Bars bars{hostile, {hostile}, {{hostile, 80, 75, 85, 7}, {"50 % of them", 30}}, hostile, hostile};
    check_svg(drawn(figure::picture(bars)), "50 % of them");
    CHECK(to_csv(figure::picture(figure::Bars{"", {"value"}, {{"a", 1}}}).shown) == ",value\na,1\n");
  }
  SECTION("as a PNG") {
    const std::string png = drawn(figure::picture(two_runs()), PictureFormat::png);
    CHECK((png.empty() || png.starts_with("\x89PNG")));
  }
}

TEST_CASE("figure: a confusion matrix shows counts and per cent of the true class", "[report]") {
  figure::Confusion confusion{"", {}, {"a", "b"}};
  confusion.counts.setZero(2, 2);
  confusion.counts.row(0) << 2, 6;
  const Picture picture = figure::picture(confusion);
  CHECK(to_csv(picture.numbers).find("\n1,0,75,b,a,6\n") != std::string::npos);
  CHECK(to_csv(picture.shown) == "true \\ predicted,a,b\na,2 (25 %),6 (75 %)\nb,0 (0 %),0 (0 %)\n");
  confusion.classes.pop_back();
  CHECK_THROWS_AS(figure::picture(confusion), ShapeError);
}

TEST_CASE("figure: refuses empty and inconsistent data", "[report]") {
  CHECK_THROWS_MATCHES(figure::picture(figure::HeatMap{}), ShapeError,
                       says("values must have at least 1 number, got 0"));
  CHECK_THROWS_MATCHES(figure::picture(figure::HeatMap{"", {}, {}, "", MatrixX<double>::Zero(2, 2), {"a"}}), ShapeError,
                       says("entries, as values, got 1 and"));
  CHECK_THROWS_MATCHES(figure::picture(figure::Scatter{"", {}, {}, {{0, 0, "a", 2}}, {"g"}}), ShapeError,
                       says("the group of point 'a' must be below 1, got 2"));
  CHECK_THROWS_AS(figure::picture(figure::Bars{}), ShapeError);
  CHECK_THROWS_MATCHES(figure::picture(figure::Curves{}), ShapeError, says("series must have at least 1 entry, got 0"));
  CHECK_THROWS_MATCHES(draw(figure::picture(two_runs()), ".", "../x"), ValueError, says("'../x'"));
}

TEST_CASE("draw: leaves data and log when values cannot be drawn", "[report]") {
  const support::TemporaryFolder folder;
  const figure::Curves curves{
      .title = "", .x = {"step"}, .y = {"loss"}, .series = {figure::over_steps("run", {NAN, NAN})}};
  const std::string why = draw(figure::picture(curves), folder.path, "nothing");
  CHECK((why == "gnuplot failed, see nothing.log" || why == "gnuplot is not installed"));
  CHECK(std::filesystem::exists(folder.path / "nothing.csv"));
}

namespace {

/// Executable named gnuplot in PATH that runs the shell commands `commands`.
class FakeGnuplot {
 public:
  explicit FakeGnuplot(const std::string& commands) {
    const char* const path = std::getenv("PATH");
    before_ = path == nullptr ? "" : path;
    std::ofstream(folder_.path / "gnuplot") << "#!/bin/sh\n" << commands << "\n";
    std::filesystem::permissions(folder_.path / "gnuplot", std::filesystem::perms::owner_all);
    ::setenv("PATH", (folder_.path.string() + ":" + before_).c_str(), 1);
  }
  ~FakeGnuplot() { ::setenv("PATH", before_.c_str(), 1); }

 private:
  support::TemporaryFolder folder_;
  std::string before_;
};

}  // namespace

TEST_CASE("draw: a picture file exists only when it is complete", "[report]") {
  const support::TemporaryFolder folder;
  const auto drawn = [&](const std::string& commands, PictureFormat format = PictureFormat::svg) {
    const FakeGnuplot gnuplot(commands);
    return draw(figure::picture(two_runs()), folder.path, "loss", format);
  };
  CHECK(drawn("echo '<svg></svg>'") == "");
  CHECK(std::filesystem::exists(folder.path / "loss.svg"));
  CHECK(drawn("printf '<svg><g'") == "gnuplot failed, see loss.log");
  CHECK_FALSE(std::filesystem::exists(folder.path / "loss.svg"));
  CHECK(drawn("true") == "gnuplot failed, see loss.log");
  CHECK(drawn("echo '<svg></svg>'; echo why >&2; kill -9 $$") == "gnuplot failed, see loss.log");
  CHECK(detail::read_text(folder.path / "loss.log").starts_with("why\n"));
  CHECK_FALSE(std::filesystem::exists(folder.path / "loss.svg"));
  CHECK(drawn("printf '\\211PNG'", PictureFormat::png) == "gnuplot failed, see loss.log");
  CHECK(drawn("printf '\\211PNG\\0\\0\\0\\0IEND\\256\\102\\140\\202'", PictureFormat::png) == "");
  CHECK(detail::read_text(folder.path / "loss.png").size() == 16);
  const support::SmallFiles limit(4000);  // enough for the numbers and the script
  CHECK_THROWS_MATCHES(drawn("echo '<svg>'; seq 2000; echo '</svg>'"), FileError, says("loss.svg: cannot be written"));
  CHECK_FALSE(std::filesystem::exists(folder.path / "loss.svg"));
  for (const auto& entry : std::filesystem::directory_iterator(folder.path)) CHECK(entry.path().extension() != ".tmp");
}

TEST_CASE("title_lines: breaks long titles between words", "[report]") {
  CHECK(detail::title_lines("one two three", 80) == std::vector<std::string>{"one two", "three"});
  CHECK(detail::title_lines("one", 10) == std::vector<std::string>{"one"});
  CHECK(detail::title_lines("", 80).empty());
}

}  // namespace test_pictures
