// Series from files, and dates after the last one.

#include <cmath>

#include "forecast/dates.hpp"
#include "forecast/series.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/io/formats/npy.hpp"

namespace test_series {

using namespace unroll;
using namespace forecast;
using Names = std::vector<std::string>;

namespace {

SeriesSet read(const std::string& name, const std::string& content, const ReadOptions& options = {}) {
  const support::TemporaryFolder folder;
  write_text(folder.path / name, content);
  return read_series((folder.path / name).string(), options);
}

}  // namespace

TEST_CASE("dates: the next ones have the format and the distance of those before") {
  const auto next = [](const Names& dates) { return next_dates(dates, 2); };
  CHECK(next({"1999", "2000"}) == Names{"2001", "2002"});
  CHECK(next({"19991218", "19991225"}) == Names{"20000101", "20000108"});
  CHECK(next({"2000-02-27", "2000-02-28"}) == Names{"2000-02-29", "2000-03-01"});
  CHECK(next({"1999-11", "1999-12"}) == Names{"2000-01", "2000-02"});
  CHECK(next({"199911", "199912"}) == Names{"200001", "200002"});
  CHECK(next({"2000-10-15", "2000-11-15", "2000-12-15"}) == Names{"2001-01-15", "2001-02-15"});
  CHECK(next({"2000-11-30", "2000-12-31"}) == Names{"2001-01-31", "2001-02-28"});
  CHECK(next({"1969-12-31 22:30", "1969-12-31 23:15"}) == Names{"1970-01-01 00:00", "1970-01-01 00:45"});
  CHECK(next({"5", "3"}).empty());
}

TEST_CASE("dates: none after irregular, mixed, invalid or single ones") {
  for (const Names& dates : {Names{"2000", "2001", "2003"},
                             {"2000-01-01"},
                             {"2000-01-01", "2000/01/02"},
                             {"a", "b"},
                             {"2000-13-01", "2000-14-01"},
                             {},
                             {"2000-01-01", "2000-01-01"}})
    CHECK(next_dates(dates, 3).empty());
}

TEST_CASE("dates: seconds are written with their time only if one is not midnight") {
  CHECK(dates_of((VectorX<double>(2) << 0, 86400).finished()) == Names{"1970-01-01", "1970-01-02"});
  CHECK(dates_of((VectorX<double>(1) << -1).finished()) == Names{"1969-12-31 23:59:59"});
}

TEST_CASE("series: columns of a table by name, with dates and inputs that are not forecast") {
  const std::string table = "date,a,b,c\n2000,1,2,3\n2001,4,5,6\n";
  const SeriesSet all = read("t.csv", table);
  CHECK(all.channels == Names{"a", "b", "c"});
  CHECK(all.targets == 3);
  CHECK(all.series.front().dates == Names{"2000", "2001"});
  const SeriesSet some = read("t.csv", table, {.columns = {"c"}, .exogenous = {"a"}});
  CHECK(some.channels == Names{"c", "a"});
  CHECK(some.targets == 1);
  CHECK(some.series.front().values == (MatrixX<double>(2, 2) << 3, 6, 1, 4).finished());
  CHECK(read("t.csv", table, {.exogenous = {"a"}}).channels == Names{"b", "c", "a"});
  CHECK(read("t.csv", table, {.columns = {"a"}, .date = "none"}).series.front().dates.empty());
  CHECK(read("t.csv", "1\n2\n3\n").channels == Names{"column 1"});
}

TEST_CASE("series: a column with names divides a table") {
  const SeriesSet set = read("t.csv", "year,place,x\n2000,p,1\n2000,q,10\n2001,p,2\n2001,q,20\n", {.series = "place"});
  REQUIRE(set.series.size() == 2);
  CHECK(set.series[1].name == "q");
  CHECK(set.series[1].values == (MatrixX<double>(1, 2) << 10, 20).finished());
  CHECK(set.series[1].dates == Names{"2000", "2001"});
}

TEST_CASE("series: missing values are refused or filled with the value before") {
  const std::string table = "date,x\n1,5\n2,\n3,7\n";
  CHECK_THROWS_MATCHES(read("t.csv", table), FileError, says("x at step 1 must be a number, got none; --missing last"));
  const SeriesSet set = read("t.csv", table, {.fills = true});
  CHECK(set.missing() == 1);
  CHECK(std::isnan(set.series.front().values(0, 1)));
  CHECK(filled(set.series.front()) == (MatrixX<double>(1, 3) << 5, 5, 7).finished());
  CHECK_THROWS_MATCHES(read("t.csv", "date,x\n1,\n2,3\n", {.fills = true}), FileError,
                       says("a series must begin with a value"));
}

TEST_CASE("series: columns of dates and of the index of pandas are no channels") {
  const SeriesSet set = read("t.csv", ",date_utc,x\n0,2021 May,1\n1,2021 June,2\n");
  CHECK(set.channels == Names{"x"});
  CHECK(set.series.front().dates == Names{"2021 May", "2021 June"});
  CHECK(read("t.csv", "day_length,x\n8,1\n9,2\n").channels == Names{"day_length", "x"});  // numbers
  CHECK(read("t.csv", "Unnamed: 0,a,b\n0,1,2\n", {.exogenous = {"a"}}).channels == Names{"b", "a"});
}

TEST_CASE("series: refuses texts, other separators and lines without the name of a series") {
  CHECK_THROWS_MATCHES(read("t.csv", "place,x\nup,1\n"), FileError,
                       says("column 'place' must have numbers, got 'up'; --date is the column of dates"));
  CHECK_THROWS_MATCHES(read("t.csv", "date;x\n1;2\n"), FileError, says("must be separated by commas"));
  for (const bool fills : {false, true})
    CHECK_THROWS_MATCHES(read("t.csv", "place,x\np,1\n,2\n", {.series = "place", .fills = fills}), FileError,
                         says("the name of its series in column 'place', got none in line 2"));
}

TEST_CASE("series: arrays and series with values of a regression") {
  const support::TemporaryFolder folder;
  const auto file = (folder.path / "a.npy").string(), values = (folder.path / "v.npy").string();
  write_npy(file, Tensor::of(std::vector<double>{1, 2, 3, 4, 5, 6}, {2, 3}));
  CHECK(read_series(file, {}).series[1].values == (MatrixX<double>(1, 3) << 4, 5, 6).finished());
  write_npy(values, Tensor::of(std::vector<double>{7, 8}, {2}));
  CHECK(read_series(file, {.values = values}).values == std::vector<double>{7, 8});
  write_npy(values, Tensor::of(std::vector<double>{7, 8, 9}, {3}));
  CHECK_THROWS_MATCHES(read_series(file, {.values = values}), FileError,
                       says("must have 2 values, one for each series, got 3"));
  write_npy(file, Tensor::of(std::vector<double>{1, HUGE_VAL}, {2}));
  CHECK_THROWS_MATCHES(read_series(file, {}), FileError, says("value at step 1 must be finite, got inf"));
  const SeriesSet ts =
      read("t.ts", "@problemName p\n@timeStamps false\n@targetlabel true\n@data\n1,2,3:0.5\n2,4:1.5\n");
  CHECK(ts.values == std::vector<double>{0.5, 1.5});
  CHECK(ts.series[1].values.cols() == 2);
}

TEST_CASE("series: refuses channels and files that do not exist") {
  const std::string table = "date,level\n1,5\n2,6\n";
  CHECK_THROWS_AS(read("t.csv", table, {.columns = {"lewel"}}), FileError);
  CHECK_THROWS_AS(read("t.csv", table, {.exogenous = {"level"}}), FileError);
  CHECK_THROWS_MATCHES(read("t.txt", table), ValueError, says("--data must be a .csv, .tsv, .ts or .npy file"));
  CHECK_THROWS_AS(read_series("/nonexistent/a.csv", {}), FileError);
  const support::TemporaryFolder folder;
  const auto file = (folder.path / "a.npy").string();
  write_npy(file, Tensor::of(std::vector<double>{1, 2}, {2}));
  CHECK_THROWS_MATCHES(read_series(file, {.columns = {"valeu"}}), ValueError,
                       says("there is no channel 'valeu'; the nearest: 'value'"));
}

}  // namespace test_series
