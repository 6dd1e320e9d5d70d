// Fuzz target: .ts files of the UEA and UCR archives. The first byte selects the treatment of missing values.

#include "unroll/io/formats/ts.hpp"

#include "fuzz.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  std::vector<Bytes> all{
      "a@dimensions 2\n@equalLength true\n@seriesLength 2\n@classLabel true a b\n@data\n1,2:3,4:a\n5,6:7,8:b\n",
      "b@classLabel false\n@data\n1,?:3,4\n",
      "c@univariate true\n@data\n?,NaN,3\n",
      "c@targetLabel true\n@data\n1,2:3,4:0.5\n5,6:7,8:?\n",
      "a@targetLabel true\n@data\n1:-2e3\n",
      "c@timestamps true\n@data\n(1,2),(3,4):(1,?),(2.5,6)\n",
      "a@timeStamps true\n@classLabel true a b\n@data\n(2015-01-31 10:00:00,2),(2015-02-01T10:00:00.5,4):a\n"};
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
  expect(set.stamps.empty() || set.stamps.size() == set.sequences.size(), "time stamps that do not fit");
  for (std::size_t s = 0; s < set.stamps.size(); ++s) {
    const auto& stamps = set.stamps[s];
    expect(stamps.size() == set.sequences[s].cols(), "another number of time stamps than of steps");
    for (Index t = 1; t < stamps.size(); ++t) expect(stamps[t] > stamps[t - 1], "time stamps that do not increase");
  }
  for (const Index label : set.labels)
    expect(label >= 0 && label < Index(set.classes.size()), "a label outside the classes");
}
