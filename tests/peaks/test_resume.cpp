#include "support/kill_test.hpp"

namespace test_resume {

TEST_CASE("peaks program: a run killed at any moment in both phases resumes to the same bits") {
  const support::Arguments cnn{"train", "--bins",   "100", "--events",    "10", "--test-events", "4", "--units",
                               "4",     "--layers", "3",   "--batch",     "4",  "--epochs",      "4", "--warm-up",
                               "2",     "--seeds",  "3,8", "--batch-norm"};
  support::kill_and_compare(PEAKS_PROGRAM, cnn,
                            {"model.safetensors", "model-3.safetensors", "loss.csv", "efficiency.csv"}, 6);
}

TEST_CASE("peaks program: a collapsed run killed at any moment collapses in the same epoch") {
  const support::Arguments collapsing{"train", "--bins",    "400", "--events", "12", "--test-events", "4",   "--batch",
                                      "1",     "--warm-up", "0",   "--epochs", "30", "--rate",        "0.01"};
  support::kill_and_compare(PEAKS_PROGRAM, collapsing, {"model.safetensors", "loss.csv"}, 3, 3);
}

}  // namespace test_resume
