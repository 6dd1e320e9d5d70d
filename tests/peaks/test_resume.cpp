// Runs of the program that are killed or stopped, and resumed.

#include <nlohmann/json.hpp>
#include <peaks/data.hpp>
#include <unroll/io/formats/npz.hpp>
#include <unroll/io/input_file.hpp>

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

TEST_CASE("peaks program: events that are read one by one give the same bits, also of a resumed run") {
  const support::TemporaryFolder folder;
  std::vector<float> x, y;
  const peaks::Events events = peaks::make_events({.bins = 100}, 0, 14);
  peaks::each_event(events, [&](const unroll::MatrixX<float>& input, const unroll::MatrixX<float>& target) {
    for (unroll::Index c = 0; c < 4; ++c)
      for (unroll::Index bin = 0; bin < 100; ++bin) x.push_back(input(c, bin));
    y.insert(y.end(), target.data(), target.data() + target.size());
  });
  unroll::write_npz(folder.path / "events.npz",
                    {{"X", unroll::Tensor::of(x, {14, 4, 100})}, {"Y", unroll::Tensor::of(y, {14, 100})}});
  const auto status = [&](const char* name, const support::Arguments& more) {
    support::Arguments all{"train",
                           "--data",
                           (folder.path / "events.npz").string(),
                           "--units",
                           "4",
                           "--layers",
                           "2",
                           "--epochs",
                           "3",
                           "--warm-up",
                           "1",
                           "--test-events",
                           "4",
                           "--quiet",
                           "--out",
                           (folder.path / name).string()};
    all.insert(all.end(), more.begin(), more.end());
    return support::status_of(PEAKS_PROGRAM, all);
  };
  REQUIRE(status("memory", {}) == 0);
  REQUIRE(status("lazy", {"--lazy"}) == 0);
  const auto check_same = [&](const char* name) {
    for (const char* file : {"model.safetensors", "scores.json", "loss.csv", "scan.csv", "peaks_per_event.csv"}) {
      CAPTURE(file);
      CHECK(unroll::detail::read_text(folder.path / name / file) ==
            unroll::detail::read_text(folder.path / "memory" / file));
    }
  };
  check_same("lazy");
  for (const char* file : {"model.safetensors", "scores.json"}) std::filesystem::remove(folder.path / "lazy" / file);
  REQUIRE(status("lazy", {"--resume"}) == 0);
  check_same("lazy");
  const auto predict = [&](const char* name, const support::Arguments& more) {
    support::Arguments all{"predict",
                           "--load",
                           (folder.path / "memory/model.safetensors").string(),
                           "--data",
                           (folder.path / "events.npz").string(),
                           "--out",
                           (folder.path / name).string()};
    all.insert(all.end(), more.begin(), more.end());
    REQUIRE(support::status_of(PEAKS_PROGRAM, all) == 0);
    return unroll::detail::read_text(folder.path / name / "vertices.csv") +
           unroll::detail::read_text(folder.path / name / "vertices.json");
  };
  CHECK(predict("found lazily", {"--lazy"}) == predict("found", {}));
}

}  // namespace test_resume
