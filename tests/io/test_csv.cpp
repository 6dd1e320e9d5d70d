#include <unroll/io/csv.hpp>

#include "support/catch.hpp"

using namespace unroll;

TEST_CASE("csv: a column for each line, with names or without, blank lines and Windows line ends left out") {
  const auto named = parse_csv<double>("time,x, y\r\n0:01,1,2.5\r\n\r\n0:02,-3,4e1\r\n", {.without = {"time", "z"}});
  CHECK(named.names == std::vector<std::string>{"x", "y"});
  REQUIRE(named.values.rows() == 2);
  REQUIRE(named.values.cols() == 2);
  CHECK(named.values(0, 1) == -3);
  CHECK(named.values(1, 0) == 2.5);
  CHECK(named.values(1, 1) == 40);
  const auto plain = parse_csv<float>("1;2\n3;4", {.separator = ';'});
  CHECK(plain.names.empty());
  CHECK(plain.values(0, 1) == 3);
}

TEST_CASE("csv: blanks and tabs in any number separate where a blank is the separator") {
  const auto table = parse_csv<double>("   1.5e-1   2\t 3  \n  4 5 6\n", {.separator = ' '});
  CHECK(table.values.rows() == 3);
  CHECK(table.values(0, 0) == 0.15);
  CHECK(table.values(2, 1) == 6);
}

TEST_CASE("csv: what is wrong is told with line and field") {
  CHECK_THROWS_MATCHES(parse_csv("a,b\n1,2\n\n3\n", {}, "t.csv"), FileError,
                       says("t.csv, line 4: expected 2 fields as in the first line, found 1"));
  CHECK_THROWS_MATCHES(parse_csv("a,b\n1,x\n"), FileError, says("line 2: field 2: expected a number, found 'x'"));
  CHECK_THROWS_MATCHES(parse_csv("1,2\n1,\n"), FileError, says("line 2: field 2: expected a number, found ''"));
  CHECK_THROWS_MATCHES(parse_csv("1,nan\n"), FileError, says("names alone"));
  CHECK_THROWS_MATCHES(parse_csv("\n \n"), FileError, says("expected lines of numbers, found none"));
  CHECK_THROWS_MATCHES(parse_csv("t\n1\n", {.without = {"t"}}), FileError, says("a field with numbers"));
  CHECK_THROWS_MATCHES(read_csv("nowhere.csv"), FileError, says("nowhere.csv: no such file"));
}
