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
  support::interrupt_and_compare(PEAKS_PROGRAM, run_in, {.files = files},
                                 {.count = count, .signals = {SIGKILL, SIGKILL, SIGTERM}, .status = status});
}

}  // namespace

TEST_CASE("peaks program: a run killed at any moment in both phases resumes to the same bits") {
  const support::Arguments cnn{"train", "--bins",   "100", "--events",    "10", "--test-events", "4", "--units",
                               "4",     "--layers", "3",   "--batch",     "4",  "--epochs",      "4", "--warm-up",
                               "2",     "--seeds",  "3,8", "--batch-norm"};
  interrupt_and_compare(cnn, {"model.safetensors", "model-3.safetensors", "loss.csv", "efficiency.csv"}, 6);
}

TEST_CASE("peaks program: a collapsed run killed at any moment collapses in the same epoch") {
  const support::Arguments collapsing{"train", "--bins",    "400", "--events", "12", "--test-events", "4",   "--batch",
                                      "1",     "--warm-up", "0",   "--epochs", "30", "--rate",        "0.01"};
  interrupt_and_compare(collapsing, {"model.safetensors", "loss.csv"}, 3, 3);
}

}  // namespace test_resume
