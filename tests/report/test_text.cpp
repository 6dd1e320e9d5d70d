// Sanitising of text from files for pages, scripts and tables.

#include "support/catch.hpp"
#include "unroll/core/tables/data_table.hpp"
#include "unroll/report/detail/markup.hpp"

namespace test_text {

using namespace unroll;

TEST_CASE("readable: gives valid UTF-8 without control characters", "[report]") {
  CHECK(readable("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80") == "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80");
  CHECK(readable("a\nb\tc\x01\x7f") == "a b c\xef\xbf\xbd\xef\xbf\xbd");
  const std::string bad = "\xef\xbf\xbd";
  CHECK(readable("\xff") == bad);
  CHECK(readable("\xc3(") == bad + "(");
  CHECK(readable("\xc0\xaf") == bad + bad);                      // "/" in two bytes
  CHECK(readable("\xe0\x9f\xbf") == bad + bad + bad);            // overlong encoding
  CHECK(readable("\xed\xa0\x80") == bad + bad + bad);            // a surrogate
  CHECK(readable("\xf4\x90\x80\x80") == bad + bad + bad + bad);  // beyond the last code point
  CHECK(readable("\xef\xbf\xbf") == bad + bad + bad);            // not a character
  CHECK(readable("\xc2\x85") == bad + bad);                      // a control character in two bytes
  CHECK(readable("\xc2\x9f") == bad + bad);                      // the last of them
  CHECK(readable("\xc2\xa0") == "\xc2\xa0");
  CHECK(readable("\xef\xbf\xbe") == bad + bad + bad);  // not a character
  CHECK(readable("a\vb\fc\rd") == "a b c d");
  CHECK(readable("abc\xe2\x82") == "abc" + bad + bad);  // cut short
  CHECK(letter_count("na\xc3\xafve") == 5);
}

TEST_CASE("text: is escaped for HTML, gnuplot, shell and CSV", "[report]") {
  CHECK(detail::html_text("<b onclick=\"x\">&'") == "&lt;b onclick=&quot;x&quot;&gt;&amp;&#39;");
  CHECK(detail::gnuplot_quoted("it's `date`\n") == "'it''s `date` '");
  CHECK(detail::shell_quoted("it's $(date)") == R"('it'\''s $(date)')");
  CHECK(csv_field("plain") == "plain");
  CHECK(csv_field("#1") == "\"#1\"");
  CHECK(csv_field("a,b \"c\"\nd") == "\"a,b \"\"c\"\" d\"");
}

TEST_CASE("base64: equals the examples of RFC 4648", "[report]") {
  CHECK(detail::base64("") == "");
  CHECK(detail::base64("f") == "Zg==");
  CHECK(detail::base64("fo") == "Zm8=");
  CHECK(detail::base64("foo") == "Zm9v");
  CHECK(detail::base64("foobar") == "Zm9vYmFy");
  CHECK(detail::base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("table: CSV has all digits", "[report]") {
  const DataTable table{{"name", "value, in %"}, {{"a\"b", 0.1}, {"c", NAN}, {std::string("d"), 3}}};
  CHECK(to_csv(table) == "name,\"value, in %\"\n\"a\"\"b\",0.1\nc,\nd,3\n");
  CHECK(TableValue(1.0 / 3).exact() == "0.3333333333333333");
  CHECK(TableValue(1.0 / 3).rounded() == "0.3333");
  CHECK(TableValue(123456789).rounded() == "123456789");
  CHECK(TableValue(1e9).rounded() == "1e+09");
  CHECK(TableValue(-1e9).rounded() == "-1e+09");
  CHECK(TableValue(-999999999).rounded() == "-999999999");
  for (const double missing : {double(NAN), double(INFINITY), -double(INFINITY)}) {
    CHECK(TableValue(missing).is_missing());
    CHECK(TableValue(missing).exact() == "");
    CHECK(TableValue(missing).rounded() == "");
  }
  CHECK(to_csv({{"a"}, {{1.0 / 3}}}) == "a\n0.3333333333333333\n");
  CHECK_THROWS_MATCHES(to_csv({{"a", "b"}, {{1, 2}, {3}}}), ShapeError,
                       says("row 1 must have as many values as columns, 2, got 1"));
}

TEST_CASE("table: text columns are as wide as their widest cell", "[report]") {
  const DataTable table{{"name", "n", "share"}, {{"a", 12, 1.0 / 3}, {"na\xc3\xafve one", 3, NAN}}};
  CHECK(to_text(table) == "name       n   share\na          12  0.3333\nna\xc3\xafve one  3   \n");
  CHECK(to_text(table, {.right = true}) ==
        "     name   n   share\n        a  12  0.3333\nna\xc3\xafve one   3        \n");
  CHECK(to_text({{"a", "b"}, {{1, 2}}}, {.widths = {3}}) == "a    b\n1    2\n");
  CHECK(to_text({{"a", "b"}, {{1, 2}}}, {.right = true, .widths = {3, 2}}) == "  a   b\n  1   2\n");
  CHECK(to_text({{"a\nb"}, {{"c\x1b"}}}) == "a b\nc\xef\xbf\xbd\n");
  CHECK(to_markdown({{"a\nb"}, {}}) == "| a b |\n|---|\n");
  CHECK_THROWS_MATCHES(to_text({{"a"}, {{1}}}, {.widths = {3, 3}}), ShapeError,
                       says("widths must be at most 1, the number of columns, got 2"));
  CHECK_THROWS_MATCHES(to_text({{"a"}, {{1, 2}}}), ShapeError,
                       says("row 0 must have as many values as columns, 1, got 2"));
}

TEST_CASE("table: markdown escapes bars", "[report]") {
  CHECK(to_markdown({{"a"}, {{1.0 / 3}}}) == "| a |\n|---|\n| 0.3333 |\n");
  CHECK(to_markdown({{"d|e", "f"}, {{1, "x|y"}}}) == "| d\\|e | f |\n|---|---|\n| 1 | x\\|y |\n");
  CHECK_THROWS_MATCHES(to_markdown({{"a"}, {{1, 2}}}), ShapeError,
                       says("row 0 must have as many values as columns, 1, got 2"));
}

}  // namespace test_text
