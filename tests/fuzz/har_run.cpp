// Fuzz target: run files of the example har. A run with a valid file is not repeated.

#include "fuzz.hpp"
#include "har/run_file.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  har::RunRecord run{.epochs = 2, .best_epoch = 2};
  run.history = {{.epoch = 1, .loss = 2}, {.epoch = 2, .loss = 1, .validation_accuracy = 0.5}};
  std::vector<Bytes> all{har::record_text(run, "x")};
  run = {.epochs = 2, .diverged = "loss: NaN"};
  all.push_back(har::record_text(run, "x"));
  return all;
}

void fuzz::read(const Bytes& input) {
  const auto run = har::read_record(file("run.json", input), "x");
  if (!run) return;
  (void)run->seconds();
  const std::string written = har::record_text(*run, "x");
  const auto again = har::read_record(file("run.json", written), "x");
  expect(again && har::record_text(*again, "x") == written, "another run came back");
}
