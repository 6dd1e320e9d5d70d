// Fuzz target: CSV. The first two bytes select the options.

#include "unroll/io/formats/csv.hpp"

#include <charconv>

#include "fuzz.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  return {"aatime,x,y\n1,2.5,3\n\n2,-3,4e1\n",
          "ba\"a\",\"b \"\"c\"\"\"\r\n\"1\",2\r3,4\n",
          "ca1,2\n3,4\n",
          "ga1\t2\n3\t4\n",
          "ma 1  2 \n 3\t4\n",
          "aa\xEF\xBB\xBF,x\n0,1\n1,2\n",
          "ac1,NA\n",
          "bcx,y\n1,NA\n?,4\n",
          "adx,class\n1,b\n2,a\n",
          "bgx,class\n#x\n1,b\n2,\n",
          "phx,y,class\n1,2,b\n2,3,a\n",
          "mux,y,class\n1,2,b\n2,3,a\n",
          "edx;y;class\n1,5;2;a\n"};
}

void fuzz::read(const Bytes& input) {
  Bytes content = input;
  const std::size_t choice = take_choice(content, 24), more = take_choice(content, 36);
  CsvOptions options;
  options.header = std::array{CsvHeader::automatic, CsvHeader::yes, CsvHeader::no}[choice % 3];
  options.separator = std::array{',', ';', '\t', ' '}[choice / 3 % 4];
  if (choice >= 12 && more < 18) options.without = {"", "time"};
  if (choice >= 12 && more >= 18) options.with = {"y", "x"};
  options.missing = std::array{MissingValues::refuse, MissingValues::drop_step, MissingValues::keep_nan}[more % 3];
  if (more / 3 % 2 == 1 && options.separator != ',') options.decimal = ',';
  if (more / 3 % 3 > 0) options.labels = "class";
  if (more / 3 % 3 > 1) options.classes = {"a", "b"};
  if (more % 2 == 1) options.comment = '#';
  const auto table = parse_csv<double>(content, options);
  const bool keeps_nan = options.missing == MissingValues::keep_nan;
  expect(table.values.size() > 0 && (keeps_nan ? !table.values.array().isInf().any() : table.values.allFinite()),
         "no numbers, or some that are none");
  expect(table.names.empty() || Index(table.names.size()) == table.values.rows(), "names that do not fit");
  expect(table.labels.size() == (options.labels.empty() ? 0 : table.values.cols()), "labels that do not fit");
  for (const Index label : table.labels)
    expect(label >= (keeps_nan ? -1 : 0) && label < Index(table.classes.size()), "a label outside the classes");
  // Round trip: the same numbers in plain form.
  std::string plain;
  for (Index line = 0; line < table.values.cols(); ++line)
    for (Index field = 0; field < table.values.rows(); ++field)
      plain += text(table.values(field, line), field + 1 < table.values.rows() ? "," : "\n");
  const auto again =
      read_again([&] { return parse_csv<double>(plain, {.header = CsvHeader::no, .missing = options.missing}); });
  expect(same_numbers(again.values, table.values), "other numbers came back");
}
