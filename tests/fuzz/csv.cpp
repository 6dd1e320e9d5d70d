// Fuzz target: CSV. The first byte selects the options.

#include "unroll/io/formats/csv.hpp"

#include <charconv>

#include "fuzz.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  return {"atime,x,y\n1,2.5,3\n\n2,-3,4e1\n",
          "b\"a\",\"b \"\"c\"\"\"\r\n\"1\",2\r3,4\n",
          "c1,2\n3,4\n",
          "g1\t2\n3\t4\n",
          "m 1  2 \n 3\t4\n",
          "a\xEF\xBB\xBF,x\n0,1\n1,2\n"};
}

void fuzz::read(const Bytes& input) {
  Bytes content = input;
  const std::size_t choice = take_choice(content, 24);
  CsvOptions options;
  options.header = std::array{CsvHeader::automatic, CsvHeader::yes, CsvHeader::no}[choice % 3];
  options.separator = std::array{',', ';', '\t', ' '}[choice / 3 % 4];
  if (choice >= 12) options.without = {"", "time"};
  const auto table = parse_csv<double>(content, options);
  expect(table.values.size() > 0 && table.values.allFinite(), "no numbers, or some that are none");
  expect(table.names.empty() || Index(table.names.size()) == table.values.rows(), "names that do not fit");
  // Round trip: the same numbers in plain form.
  std::string plain;
  for (Index line = 0; line < table.values.cols(); ++line)
    for (Index field = 0; field < table.values.rows(); ++field)
      plain += text(table.values(field, line), field + 1 < table.values.rows() ? "," : "\n");
  const auto again = read_again([&] { return parse_csv<double>(plain, {.header = CsvHeader::no}); });
  expect(again.values == table.values, "other numbers came back");
}
