// Runs of the program that are killed or stopped, and resumed.

#include "support/kill_test.hpp"

namespace test_resume {

TEST_CASE("forecast program: a run killed at any moment resumes to the same bits") {
  for (const char* mode : {"direct", "recursive"}) {
    const auto run_in = [&](const std::filesystem::path& folder, int turn) {
      return support::Arguments{"train",
                                "--mode",
                                mode,
                                "--window",
                                "11",
                                "--horizon",
                                "3",
                                "--units",
                                "4",
                                "--epochs",
                                "6",
                                "--batch",
                                "64",
                                "--seeds",
                                "3,8",
                                "--patience",
                                "3",
                                "--dropout",
                                "0.1",
                                "--resume",
                                "--quiet",
                                "--checkpoint-seconds",
                                "0",
                                "--out",
                                folder.string(),
                                "--threads",
                                turn % 2 == 0 ? "1" : "2"};
    };
    support::interrupt_and_compare(FORECAST_PROGRAM, run_in,
                                   {.files = {"model.safetensors", "model-3.safetensors", "model-8.safetensors",
                                              "forecasts.csv", "comparison.csv", "scores.json"},
                                    .tables = {"history.csv"}},
                                   {.count = 4, .signals = {SIGKILL, SIGKILL, SIGTERM}});
  }
}

}  // namespace test_resume
