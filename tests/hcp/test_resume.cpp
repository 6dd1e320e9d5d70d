#include "support/kill_test.hpp"

namespace test_resume {

TEST_CASE("hcp program: a run killed at any moment resumes to the same bits") {
  const support::Arguments gru{
      "train", "--participants", "6",   "--regions",           "6", "--steps", "20", "--units", "4",   "--epochs",
      "3",     "--batch",        "16",  "--test-participants", "2", "--folds", "2",  "--seeds", "3,8", "--dropout",
      "0.1",   "--validation",   "0.3", "--patience",          "2"};
  support::kill_and_compare(
      HCP_PROGRAM, gru,
      {"model.safetensors", "model-3.safetensors", "model-8.safetensors", "loss.csv", "runs.csv", "confusion.csv"}, 6);
}

}  // namespace test_resume
