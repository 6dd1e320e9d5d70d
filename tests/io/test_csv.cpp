#include <unroll/core/finite.hpp>
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

TEST_CASE("csv: with tabs, quotes are text unless they enclose a field in a line") {
  const auto fields = [](const std::string& text, char separator) {
    unroll::detail::CsvFields line(text, "text", separator, '\0');
    std::vector<std::vector<std::string>> all;
    while (line.next()) all.emplace_back(line.all.begin(), line.all.end());
    return all;
  };
  using Rows = std::vector<std::vector<std::string>>;
  CHECK(fields("\"No\", he said.\t\"open\n\"a\" and \"b\"\tsay \"c\"\n", '\t') ==
        Rows{{"\"No\", he said.", "\"open"}, {"\"a\" and \"b\"", "say \"c\""}});
  CHECK(fields("\"a\tb\"\t\"say \"\"c\"\"\" \t\"\"\n\"\"\"d\"\"\"\n\"\t\"\"\"\n", '\t') ==
        Rows{{"a\tb", "say \"c\"", ""}, {"\"d\""}, {"\t\""}});
  CHECK_THROWS_AS(fields("\"No\", he said.;1\n", ';'), FileError);
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

TEST_CASE("csv: missing values are refused, left out with their line, or kept as NaN") {
  for (const std::string missing : {"", "NA", "nan", "NaN", "-nan", "N/A", "<NA>", "null", "None", "?", "\"\""}) {
    const std::string file = "a,b\n1,2\n3," + missing + "\n5,6\n";
    INFO(missing);
    CHECK_THROWS_MATCHES(parse_csv(file), FileError, says("line 3: field 2 must be a finite number, got '"));
    CHECK_THROWS_MATCHES(parse_csv(file), FileError, says("'; set the option missing"));
    CHECK(parse_csv(file, {.missing = MissingValues::drop_step}).values ==
          (MatrixX<float>(2, 2) << 1, 5, 2, 6).finished());
    const auto kept = parse_csv(file, {.missing = MissingValues::keep_nan}).values;
    REQUIRE(kept.cols() == 3);
    CHECK(kept.row(0) == (MatrixX<float>(1, 3) << 1, 3, 5).finished());
    CHECK(is_nan(kept(1, 1)));
    CHECK(kept(1, 2) == 6);
  }
  for (const auto missing : {MissingValues::drop_step, MissingValues::keep_nan}) {
    for (const char* bad : {"a,b\n1,\n3,x\n", "a,b\n,x\n3,4\n", "a,b\n1,2\n3,inf\n", "a,b\n1,2\n3,1e999\n"})
      CHECK_THROWS_MATCHES(parse_csv(bad, {.missing = missing}), FileError, says("must be a finite number, got "));
    CHECK_THROWS_MATCHES(parse_csv("a,b\n1,2\n3\n", {.missing = missing}), FileError, says("must have 2 fields"));
  }
  CHECK_THROWS_MATCHES(parse_csv("a\nNA\n?\n", {.missing = MissingValues::drop_step}), FileError,
                       says("at least 1 line must have all values, got 0"));
}

TEST_CASE("csv: a field of texts becomes classes") {
  const std::string file = "x,activity,y\n1,walk,2\n3,run,4\n5,walk,6\n7,none,8\n";
  const auto table = parse_csv(file, {.labels = "activity"});
  CHECK(table.names == std::vector<std::string>{"x", "y"});
  CHECK(table.values == (MatrixX<float>(2, 4) << 1, 3, 5, 7, 2, 4, 6, 8).finished());
  CHECK(table.classes == std::vector<std::string>{"none", "run", "walk"});
  CHECK(table.labels == (Labels(4) << 2, 1, 2, 0).finished());
  const std::vector<std::string> classes{"walk", "sit", "run", "none"};
  const auto given = parse_csv(file, {.labels = "activity", .classes = classes});
  CHECK(given.classes == classes);
  CHECK(given.labels == (Labels(4) << 0, 2, 0, 3).finished());
  CHECK_THROWS_MATCHES(parse_csv(file, {.labels = "activity", .classes = {"walk", "ran"}}), FileError,
                       says("line 3: the label must be one of 2 classes, got 'run'; the nearest: 'ran'"));
  // Without the option there are no classes, and texts are refused.
  CHECK(parse_csv("a\n1\n").labels.size() == 0);
  CHECK_THROWS_MATCHES(parse_csv(file), FileError,
                       says("line 2: field 2 must be a finite number, got 'walk'; leave out a field of texts by "
                            "without, or read its classes by labels"));
}

TEST_CASE("csv: classes that are numbers are in the order of their values") {
  const auto table = parse_csv("x,class\n1,10\n2,9\n3,-1\n4,10\n", {.labels = "class"});
  CHECK(table.classes == std::vector<std::string>{"-1", "9", "10"});
  CHECK(table.labels == (Labels(4) << 2, 1, 0, 2).finished());
}

TEST_CASE("csv: a missing label is refused, left out with its line, or -1") {
  for (const std::string missing : {"", "NA", "nan", "?"}) {
    const std::string file = "x,class\n1,b\n2," + missing + "\n3,a\n";
    CHECK_THROWS_MATCHES(parse_csv(file, {.labels = "class"}), FileError,
                         says("line 3: field 2 must be a label, got '" + missing + "'; set the option missing"));
    const auto dropped = parse_csv(file, {.labels = "class", .missing = MissingValues::drop_step});
    CHECK(dropped.values == (MatrixX<float>(1, 2) << 1, 3).finished());
    CHECK(dropped.labels == (Labels(2) << 1, 0).finished());
    const auto kept = parse_csv(file, {.labels = "class", .missing = MissingValues::keep_nan});
    CHECK(kept.labels == (Labels(3) << 1, -1, 0).finished());
  }
  // The label of a line that is left out for its number is no class.
  CHECK(parse_csv("x,c\n1,a\n,b\n", {.labels = "c", .missing = MissingValues::drop_step}).classes ==
        std::vector<std::string>{"a"});
}

TEST_CASE("csv: fields are selected by name, in the order of the option") {
  const std::string file = ",t,x,y,x\n0,9:00,1,2,7\n1,9:01,3,4,8\n";
  const auto table = parse_csv(file, {.with = {"y", "y"}});
  CHECK(table.names == std::vector<std::string>{"y", "y"});
  CHECK(parse_csv("a,b,c\n1,2,3\n", {.with = {"c", "a"}}).values == (MatrixX<float>(2, 1) << 3, 1).finished());
  CHECK_THROWS_MATCHES(parse_csv(file, {.with = {"z"}}), FileError,
                       says("line 1: the line must have one field 'z', got 0; the nearest: "));
  CHECK_THROWS_MATCHES(parse_csv(file, {.with = {"x"}}), FileError, says("must have one field 'x', got 2"));
  CHECK_THROWS_MATCHES(parse_csv("1,2\n", {.with = {"a"}}), FileError, says("the fields must have names"));
  CHECK_THROWS_MATCHES(parse_csv("1,2\n", {.labels = "a"}), FileError, says("got none; set the option names"));
}

TEST_CASE("csv: names of the options replace those of the file") {
  const std::vector<std::string> names{"length", "width", "kind"};
  const auto table = parse_csv("5,3,a\n6,2,b\n", {.header = CsvHeader::no, .labels = "kind", .names = names});
  CHECK(table.names == std::vector<std::string>{"length", "width"});
  CHECK(table.labels == (Labels(2) << 0, 1).finished());
  CHECK(parse_csv("a,b\n1,2\n", {.names = {"c", "d"}}).names == std::vector<std::string>{"c", "d"});
  CHECK(parse_csv("1,2\n3,4\n", {.without = {"d"}, .names = {"c", "d"}}).values.rows() == 1);
  CHECK_THROWS_MATCHES(parse_csv("1,2\n", {.names = names}), FileError,
                       says("line 1: the line must have 3 fields, as the option names, got 2"));
}

TEST_CASE("csv: reads decimal commas and skips comments") {
  const MatrixX<double> want = (MatrixX<double>(2, 2) << 1.5, -3, 2, 0.25).finished();
  CHECK(parse_csv<double>("a;b\n1,5;2\n-3;25e-2\n", {.separator = ';', .decimal = ','}).values == want);
  CHECK(parse_csv<double>("1,5;2\n-3;,25\n", {.separator = ';', .decimal = ','}).values == want);
  for (const char* bad : {"a;b\n1.5;2\n", "a;b\n1,5,0;2\n"})
    CHECK_THROWS_MATCHES(parse_csv(bad, {.separator = ';', .decimal = ','}), FileError,
                         says("must be a finite number"));
  CHECK(parse_csv<double>("# made, by\n\na,b\n #x\n1.5,2\n# \n-3,0.25\n#", {.comment = '#'}).values == want);
  CHECK_THROWS_MATCHES(parse_csv("a\n1 # one\n", {.comment = '#'}), FileError, says("got '1 # one'"));
  CHECK_THROWS_MATCHES(parse_csv("#a\n#b", {.comment = '#'}), FileError, says("must have lines of numbers, got none"));
}

TEST_CASE("csv: refuses options out of range or in conflict") {
  const auto refused = [](const CsvOptions& options, const char* message) {
    CHECK_THROWS_MATCHES(parse_csv("a,b\n1,2\n", options), ValueError, says(message));
  };
  refused({.decimal = ','}, "csv: decimal must be '.', or ',' with another separator, got ','");
  refused({.separator = ';', .decimal = 'x'}, "csv: decimal must be");
  for (const char comment : {',', 'a', '1', ' ', '"', '-', '.', '\n'})
    refused({.comment = comment}, "csv: comment must");
  refused({.without = {"a"}, .with = {"b"}}, "csv: with must be empty if without is not");
  refused({.without = {"a"}, .labels = "a"}, "csv: labels must be no field of with or without, got 'a'");
  refused({.with = {"a"}, .labels = "a"}, "csv: labels must be no field of with or without, got 'a'");
  refused({.classes = {"a"}}, "csv: classes must be empty without labels");
  refused({.labels = "a", .classes = {"a", "NA"}}, "csv: classes must be no words for missing values, got 'NA'");
  refused({.labels = "a", .classes = {"a", "a"}}, "csv: classes must be different, got one twice");
}

TEST_CASE("csv: valid fields allocate no error messages") {
  std::string file = "first name,b\n";
  for (int k = 0; k < 1000; ++k) file += "1.0000000000000000000000000000000000000,2\n";  // allocates as a string
  const support::AllocationCount allocations;
  const auto table = parse_csv(file);
  const auto count = allocations.count();
  CHECK(count < 100);
}

TEST_CASE("csv: too many fields or classes are refused, and memory is at most that of text and numbers") {
  CHECK_THROWS_MATCHES(parse_csv(std::string(500'001, ',')), FileError,
                       says("line 1: the line must have at most 500000 fields, got more"));
  std::string classes = "x,class\n", lines;
  for (int k = 0; k <= 100'000; ++k) classes += text("1,c", k, "\n");
  CHECK_THROWS_MATCHES(parse_csv(classes, {.labels = "class"}), FileError,
                       says("line 100002: the field of labels must have at most 100000 classes, got more"));
  for (int k = 0; k < 50'000; ++k) lines += "1,2,3,4\n";
  const support::MemoryPeak peak;
  const auto table = parse_csv<float>(lines);
  const auto bytes = peak.bytes();
  CHECK(table.values.cols() == 50'000);
  CHECK(bytes < 4 * lines.size() + 4096);                            // and small objects
  CHECK(bytes >= std::size_t(table.values.size()) * sizeof(float));  // the peak is measured
}

}  // namespace test_csv
