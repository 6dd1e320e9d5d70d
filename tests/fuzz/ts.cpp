// Fuzz target: .ts files of the UEA and UCR archives. The first byte selects the treatment of missing values.

#include "unroll/io/formats/ts.hpp"

#include "fuzz.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  std::vector<Bytes> all{
      "a@dimensions 2\n@equalLength true\n@seriesLength 2\n@classLabel true a b\n@data\n1,2:3,4:a\n5,6:7,8:b\n",
      "b@classLabel false\n@data\n1,?:3,4\n", "c@univariate true\n@data\n?,NaN,3\n",
      "c@targetLabel true\n@data\n1,2:3,4:0.5\n5,6:7,8:?\n", "a@targetLabel true\n@data\n1:-2e3\n"};
  for (const char* name : {"two_channels", "three_channels", "no_labels", "hostile", "bad_number"})
    all.push_back("a" + project_file(text("tests/har/", name, ".ts")));
  all.push_back("a" + beginning_of("tests/data/UnitTest_TRAIN.ts", 2000));
  return all;
}

void fuzz::read(const Bytes& input) {
  Bytes content = input;
  const std::size_t choice = take_choice(content, 6);
  TsOptions options{
      .missing = std::array{MissingValues::refuse, MissingValues::drop_step, MissingValues::keep_nan}[choice % 3]};
  if (choice >= 3) options.classes = {"a", "b", "1"};
  const auto set = parse_ts<float>(content, options);
  expect(!set.sequences.empty() && (set.labels.empty() || set.labels.size() == set.sequences.size()),
         "labels that do not fit");
  expect(set.targets.empty() || (set.labels.empty() && set.targets.size() == set.sequences.size()),
         "targets that do not fit");
  for (const float target : set.targets)
    expect(is_finite(target) || (is_nan(target) && options.missing == MissingValues::keep_nan),
           "a target that is no number");
  for (const auto& sequence : set.sequences) {
    expect(sequence.size() > 0 && sequence.rows() == set.sequences.front().rows(),
           "an empty sequence, or one of other channels");
    expect(options.missing == MissingValues::keep_nan ? !sequence.array().isInf().any() : sequence.allFinite(),
           "a value that is no number");
  }
  for (const Index label : set.labels)
    expect(label >= 0 && label < Index(set.classes.size()), "a label outside the classes");
}
