// Runs of the program that are killed or stopped, and resumed.

#include "support/kill_test.hpp"

namespace test_resume {

namespace {

using support::Arguments, support::content;

Arguments run_in(const std::filesystem::path& folder, Arguments arguments) {
  arguments.insert(arguments.end(), {"--out", folder.string(), "--resume", "--quiet", "--checkpoint-seconds", "0"});
  return arguments;
}
int status_of(const Arguments& arguments) { return support::status_of(HAR_PROGRAM, arguments); }

void kill_and_compare(int kills, const Arguments& arguments, const Arguments& tables) {
  support::interrupt_and_compare(HAR_PROGRAM, [&](const auto& folder, int) { return run_in(folder, arguments); },
                                 {.files = {"model.safetensors"}, .tables = tables}, {.count = kills});
}

const Arguments two_seeds{"train", "--units", "4", "--epochs", "3", "--seeds", "42,7", "--validation", "0.2"};
const Arguments halving{
    "study",  "--search",          "halving", "--trials", "2",      "--train",  HAR_DATA "_TRAIN.ts",
    "--test", HAR_DATA "_TEST.ts", "--units", "2:4",      "--rate", "0.01:0.1", "--epochs",
    "2",      "--seeds",           "1",       "--batch",  "20"};

}  // namespace

TEST_CASE("har program: a run killed at any moment resumes to the same bits") {
  kill_and_compare(4, two_seeds, {"history.csv"});
}

TEST_CASE("har program: studies and streams killed at any moment resume to the same bits", "[.long]") {
  kill_and_compare(20, two_seeds, {"history.csv"});
  kill_and_compare(20, halving, {"study.csv"});
  kill_and_compare(20, {"stream", "--data", HAR_DATA "_TRAIN.ts", "--units", "3", "--epochs", "2", "--seeds", "2"},
                   {"streams.csv"});
}

TEST_CASE("har program: more epochs continue the run with the same bits") {
  const support::TemporaryFolder folder;
  const auto with = [&](const char* name, const char* epochs) {
    return status_of(run_in(folder.path / name, {"train", "--units", "3", "--seeds", "1", "--epochs", epochs}));
  };
  REQUIRE(with("continued", "2") == 0);
  REQUIRE(with("continued", "4") == 0);
  REQUIRE(with("whole", "4") == 0);
  CHECK(content(folder.path / "continued" / "runs" / "seed1.safetensors") ==
        content(folder.path / "whole" / "runs" / "seed1.safetensors"));
  support::check_same(folder.path / "continued", folder.path / "whole", {.files = {}, .tables = {"history.csv"}});
  CHECK(with("whole", "3") == 1);  // fewer epochs than were trained
}

TEST_CASE("har program: a run continues with and without lazy reading with the same bits") {
  const support::TemporaryFolder folder;
  const auto with = [&](const char* name, Arguments more) {
    more.insert(more.end(), {"--units", "3", "--seeds", "1", "--validation", "0.2"});
    return status_of(run_in(folder.path / name, more));
  };
  REQUIRE(with("continued", {"train", "--epochs", "1", "--lazy"}) == 0);
  REQUIRE(with("continued", {"train", "--epochs", "2"}) == 0);
  REQUIRE(with("continued", {"train", "--epochs", "3", "--lazy"}) == 0);
  REQUIRE(with("whole", {"train", "--epochs", "3"}) == 0);
  support::check_same(folder.path / "continued", folder.path / "whole",
                      {.files = {"model.safetensors"}, .tables = {"history.csv"}});
}

TEST_CASE("har program: Ctrl-C saves and stops") {
  const support::TemporaryFolder folder;
  const Arguments long_run = run_in(folder.path, {"train", "--epochs", "100000", "--seeds", "1", "--units", "64"});
  for (const auto& [signal, status] : {std::pair(SIGINT, 130), {SIGTERM, 143}}) {
    std::filesystem::remove(folder.path / "runs" / "checkpoint-seed1.safetensors");
    const pid_t child = support::started(HAR_PROGRAM, long_run);
    while (!std::filesystem::exists(folder.path / "runs" / "checkpoint-seed1.safetensors"))
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    kill(child, signal);
    CHECK(support::ended(child) == status);
  }
}

}  // namespace test_resume
