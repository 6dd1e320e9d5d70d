// Runs of the program that are killed or stopped, and resumed.

#include "support/kill_test.hpp"

namespace test_resume {

namespace {

/// Interrupts runs on a text of several chunks.
void interrupt_and_compare(const char* checkpoint_seconds, const support::Interruptions& interruptions) {
  const support::TemporaryFolder folder;
  const auto text = folder.path / "text.txt";
  const std::string seasons = support::content(WORD2VEC_DATA);
  std::ofstream out(text);
  for (int k = 0; k < 300; ++k) out << seasons;
  out.close();
  support::interrupt_and_compare(
      WORD2VEC_PROGRAM,
      [&](const auto& run, int) {
        return support::Arguments{"train",
                                  text.string(),
                                  "--out",
                                  run.string(),
                                  "--resume",
                                  "--draw",
                                  "0",
                                  "--dimension",
                                  "8",
                                  "--epochs",
                                  "3",
                                  "--seeds",
                                  "5,2",
                                  "--quiet",
                                  "--checkpoint-seconds",
                                  checkpoint_seconds};
      },
      {{"vectors.txt", "vectors-5.txt", "vectors-2.txt"}, {"history.csv"}}, interruptions);
}

}  // namespace

TEST_CASE("word2vec program: a run killed at any moment resumes to the same bits") {
  interrupt_and_compare("0", {.count = 8});
}

TEST_CASE("word2vec program: SIGTERM saves the run, which resumes to the same bits") {
  interrupt_and_compare("1000", {.count = 4, .signals = {SIGTERM}});
}

}  // namespace test_resume
