// Runs of the program that are killed or stopped, and resumed.

#include "support/kill_test.hpp"

namespace test_resume {

namespace {

/// Interrupts runs with 1 and 2 threads by SIGKILL and SIGTERM.
void interrupt_and_compare(const support::Arguments& arguments, const std::vector<std::string>& files, int count,
                           int status = 0) {
  const auto run_in = [&](const std::filesystem::path& folder, int turn) {
    support::Arguments all = arguments;
    all.insert(all.end(), {"--out", folder.string(), "--resume", "--quiet", "--checkpoint-seconds", "0", "--threads",
                           turn % 2 == 0 ? "1" : "2"});
    return all;
  };
  support::interrupt_and_compare(HCP_PROGRAM, run_in, {.files = files},
                                 {.count = count, .signals = {SIGKILL, SIGKILL, SIGTERM}, .status = status});
}

}  // namespace

TEST_CASE("hcp program: a run killed at any moment resumes to the same bits") {
  const support::Arguments gru{
      "train", "--participants", "6",   "--regions",           "6", "--steps", "20", "--units", "4",   "--epochs",
      "3",     "--batch",        "16",  "--test-participants", "2", "--folds", "2",  "--seeds", "3,8", "--dropout",
      "0.1",   "--validation",   "0.3", "--patience",          "2"};
  interrupt_and_compare(
      gru, {"model.safetensors", "model-3.safetensors", "model-8.safetensors", "loss.csv", "runs.csv", "confusion.csv"},
      6);
}

}  // namespace test_resume
