// Fuzz target: run files of a study of the example har. A run with a valid file is not repeated.

#include "fuzz.hpp"
#include "har/run_file.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  har::Outcome run{.setting = {},
                   .seed = 1,
                   .top = {0.5, 0.75, 1},
                   .loss = 0.25,
                   .best_epoch = 2,
                   .seconds = 3,
                   .confusion = unroll::ConfusionMatrix::Counts::Ones(2, 2)};
  run.history = {{.epoch = 1, .loss = 2}, {.epoch = 2, .loss = 1, .validation_accuracy = 0.5}};
  std::vector<Bytes> all{har::run_text(run, "x")};
  run = {.setting = {}, .seed = 1, .diverged = "loss: NaN"};
  all.push_back(har::run_text(run, "x"));
  return all;
}

void fuzz::read(const Bytes& input) {
  const auto run = har::read_run(file("run.json", input), "x", 2, {});
  if (!run) return;
  (void)run->validation();
  const std::string written = har::run_text(*run, "x");
  const auto again = har::read_run(file("run.json", written), "x", 2, {});
  expect(again && har::run_text(*again, "x") == written, "another run came back");
}
