#include <unroll/io/formats/csv.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_csv {

using namespace unroll;

TEST_CASE("csv: each line becomes a column, with or without names, and blank lines are skipped") {
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

TEST_CASE("csv: any number of blanks and tabs separates fields when the separator is a blank") {
  const auto table = parse_csv<double>("   1.5e-1   2\t 3  \n  4 5 6\n", {.separator = ' '});
  CHECK(table.values.rows() == 3);
  CHECK(table.values(0, 0) == 0.15);
  CHECK(table.values(2, 1) == 6);
}

TEST_CASE("csv: an error message names line and field") {
  CHECK_THROWS_MATCHES(parse_csv("a,b\n1,2\n\n3\n", {}, "t.csv"), FileError,
                       says("t.csv, line 4: the line must have 2 fields, as the first line, got 1"));
  CHECK_THROWS_MATCHES(parse_csv("a,b\n1,x\n"), FileError, says("line 2: field 2 must be a finite number, got 'x'"));
  CHECK_THROWS_MATCHES(parse_csv("1,2\n1,\n"), FileError, says("line 2: field 2 must be a finite number, got ''"));
  CHECK_THROWS_MATCHES(parse_csv("a,b\n"), FileError, says("got only names"));
  CHECK_THROWS_MATCHES(parse_csv("\n \n"), FileError, says("the file must have lines of numbers, got none"));
  CHECK_THROWS_MATCHES(parse_csv("t\n1\n", {.without = {"t"}}), FileError,
                       says("at least 1 field must be read, got 0"));
  CHECK_THROWS_MATCHES(read_csv("nowhere.csv"), FileError, says("nowhere.csv: no such file"));
}

TEST_CASE("csv: a first line has names when no field is a number and one is text") {
  CHECK(parse_csv("a,b\n1,2\n").names == std::vector<std::string>{"a", "b"});
  CHECK(parse_csv("\"a\",NA\n1,2\n").names == std::vector<std::string>{"a", "NA"});
  CHECK(parse_csv("1,2\n3,4\n").names.empty());
  CHECK(parse_csv("\"1\",-2e3\n3,4\n").values == (MatrixX<float>(2, 2) << 1, 3, -2000, 4).finished());
  // A missing number in the first record does not turn it into a line of names; it is refused as in other records.
  for (const std::string missing : {"nan", "NaN", "-inf", "+inf", "NA", "N/A", "null", ""}) {
    INFO(missing);
    CHECK_THROWS_MATCHES(parse_csv(missing + "," + missing + "\n3,4\n"), FileError,
                         says("line 1: field 1 must be a finite number, got '" + missing + "'"));
    CHECK_THROWS_MATCHES(parse_csv(missing + ",2\n3,4\n"), FileError,
                         says("line 1: the first line must be names or numbers, got numbers and empty fields"));
  }
}

TEST_CASE("csv: refuses an ambiguous first line unless the option header is given") {
  CHECK_THROWS_MATCHES(
      parse_csv("depth,2,3\n1,2,3\n"), FileError,
      says("line 1: the first line must be names or numbers, got both, such as 'depth'; set the option header"));
  CHECK_THROWS_MATCHES(parse_csv("0,1,2\n3.5,4,5\n"), FileError,
                       says("may be numbers or names from pandas; set the option header"));
  const auto named = parse_csv("0,1,2\n3.5,4,5\n", {.header = CsvHeader::yes});
  CHECK(named.names == std::vector<std::string>{"0", "1", "2"});
  CHECK(named.values == (MatrixX<float>(3, 1) << 3.5f, 4, 5).finished());
  const auto record = parse_csv("0,1,2\n3.5,4,5\n", {.header = CsvHeader::no});
  CHECK(record.names.empty());
  CHECK(record.values == (MatrixX<float>(3, 2) << 0, 3.5f, 1, 4, 2, 5).finished());
  CHECK(parse_csv("depth,2\n1,2\n", {.header = CsvHeader::yes}).names == std::vector<std::string>{"depth", "2"});
  CHECK_THROWS_MATCHES(parse_csv("a,b\n1,2\n", {.header = CsvHeader::no}), FileError,
                       says("line 1: field 1 must be a finite number, got 'a'"));
  CHECK(parse_csv("0,1\n").values.cols() == 1);  // two numbers are a record
}

TEST_CASE("csv: refuses the index column of pandas unless it is excluded") {
  for (const std::string name : {"", "Unnamed: 0"}) {
    const std::string file = name + ",a,b\n0,5,6\n1,7,8\n";
    CHECK_THROWS_MATCHES(parse_csv(file), FileError, says("line 1: field 1 must have a name, got '"));
    const auto table = parse_csv(file, {.without = {name}});
    CHECK(table.names == std::vector<std::string>{"a", "b"});
    CHECK(table.values == (MatrixX<float>(2, 2) << 5, 7, 6, 8).finished());
  }
}

TEST_CASE("csv: quoted fields may contain separators, doubled quotes and line ends") {
  const auto table = parse_csv<double>("\"a,1\",\"say \"\"b\"\"\",\"two\r\nlines\"\n \"1\" ,\"2.5\",\"-3\"\n4,5,6\n");
  CHECK(table.names == std::vector<std::string>{"a,1", "say \"b\"", "two\r\nlines"});
  CHECK(table.values == (MatrixX<double>(3, 2) << 1, 4, 2.5, 5, -3, 6).finished());
  CHECK(parse_csv("\"x y\" z\n1 2\n", {.separator = ' '}).names == std::vector<std::string>{"x y", "z"});
  CHECK_THROWS_MATCHES(parse_csv("a,b\n1,\"2\n3,4\n"), FileError, says("field 2 must have a closing quote, got none"));
  CHECK_THROWS_MATCHES(parse_csv("a,b\n\"1\"2,3\n"), FileError,
                       says("line 2: field 1 must end with its closing quote"));
  CHECK_THROWS_MATCHES(parse_csv("\"t\nu\",b\nx,\"1\n"), FileError, says("line 3"));
}

TEST_CASE("csv: empty fields at the ends of a line count, also with tabs as separators") {
  CHECK_THROWS_MATCHES(parse_csv("a\tb\tc\n\t1\t2\n", {.separator = '\t'}), FileError,
                       says("line 2: field 1 must be a finite number, got ''"));
  CHECK_THROWS_MATCHES(parse_csv("a,b\n1,2,\n"), FileError,
                       says("the line must have 2 fields, as the first line, got 3"));
  CHECK(parse_csv("a\tb\n 1 \t 2\n", {.separator = '\t'}).values(1, 0) == 2);
  for (const char separator : {'"', '1', 'e', '.', '\n', '-'})
    CHECK_THROWS_AS(parse_csv("1,2\n", {.separator = separator}), ValueError);
}

TEST_CASE("csv: accepts mixed line ends of Unix, Windows and old Mac") {
  const MatrixX<float> want = (MatrixX<float>(2, 3) << 1, 3, 5, 2, 4, 6).finished();
  for (const std::string file : {"a,b\n1,2\n3,4\n5,6", "a,b\r1,2\r3,4\r5,6\r", "\xEF\xBB\xBF\"a\",b\r\n1,2\r3,4\n5,6"})
    CHECK(parse_csv(file).values == want);
}

TEST_CASE("csv: valid fields allocate no error messages") {
  std::string file = "first name,b\n";
  for (int k = 0; k < 1000; ++k) file += "1.0000000000000000000000000000000000000,2\n";  // allocates as a string
  const support::AllocationCount allocations;
  const auto table = parse_csv(file);
  const auto count = allocations.count();
  CHECK(count < 100);
}

}  // namespace test_csv
