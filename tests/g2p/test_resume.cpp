// Runs of the program that are killed or stopped, and resumed.

#include "g2p/words.hpp"
#include "support/kill_test.hpp"

namespace test_resume {

namespace {

using support::Arguments, support::check_same, support::content;

int status_of(const Arguments& arguments) { return support::status_of(G2P_PROGRAM, arguments); }

Arguments run_in(const std::filesystem::path& folder, const Arguments& more) {
  const std::string data = G2P_DATA;
  Arguments all{"train",
                "--train",
                data + "/learned.tsv",
                "--validation",
                "0.2",
                "--test",
                "0.1",
                "--out",
                folder.string(),
                "--resume",
                "--quiet",
                "--units",
                "8",
                "--embedding",
                "4",
                "--epochs",
                "3",
                "--batch",
                "4",
                "--beams",
                "2",
                "--checkpoint-seconds",
                "0",
                "--threads",
                "1",
                "--late-rate",
                "1"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

const support::Results of_two_seeds{{"model.safetensors", "model-5.safetensors", "model-2.safetensors", "test.tsv"},
                                    {"history.csv"}};

void interrupt_and_compare(const support::Interruptions& interruptions) {
  support::interrupt_and_compare(
      G2P_PROGRAM,
      [](const auto& folder, int) {
        return run_in(folder, {"--seeds", "5,2"});
      },
      of_two_seeds, interruptions);
}

}  // namespace

TEST_CASE("g2p program: a run killed at any moment resumes to the same bits", "[g2p]") {
  interrupt_and_compare({.count = 5});
}

TEST_CASE("g2p program: a run stopped by SIGTERM ends with status 143 and resumes to the same bits", "[g2p]") {
  interrupt_and_compare({.count = 3, .signals = {SIGTERM}});
}

TEST_CASE("g2p program: a run killed many times resumes to the same bits", "[.long]") {
  interrupt_and_compare({.count = 100});
}

TEST_CASE("g2p program: more epochs and seeds continue a run whose learning rate is constant", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto whole = folder.path / "whole", longer = folder.path / "longer";
  REQUIRE(status_of(run_in(whole, {"--seeds", "5,2"})) == 0);
  REQUIRE(status_of(run_in(longer, {"--seed", "5", "--epochs", "1"})) == 0);
  REQUIRE(status_of(run_in(longer, {"--seeds", "5,2"})) == 0);
  check_same(longer, whole, of_two_seeds);
  CHECK(status_of(run_in(longer, {"--late-rate", "0.3", "--seeds", "5,2"})) == 1);
  CHECK(status_of(run_in(longer, {"--units", "9", "--seeds", "5,2"})) == 1);
}

TEST_CASE("g2p program: written settings repeat a run", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto first = folder.path / "first", second = folder.path / "second";
  REQUIRE(status_of(run_in(first, {"--seed", "7", "--dropout", "0.1", "--n-best", "2"})) == 0);
  REQUIRE(status_of({"train", "--config", (first / "config.json").string(), "--out", second.string(), "--quiet"}) == 0);
  check_same(second, first, {{"model.safetensors", "test.tsv"}, {"history.csv"}});
}

TEST_CASE("g2p program: training continues from a model, with its letters and phonemes", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto first = folder.path / "first", second = folder.path / "second", other = folder.path / "other.tsv";
  REQUIRE(status_of(run_in(first, {})) == 0);
  const std::string model = (first / "model.safetensors").string();
  const Arguments more{"train",   "--load",  model,     "--epochs",
                       "2",       "--quiet", "--train", std::string(G2P_DATA) + "/learned.tsv",
                       "--test",  "0.1",     "--out",   second.string(),
                       "--beams", "2"};
  REQUIRE(status_of(more) == 0);
  CHECK(content(second / "model.safetensors") != content(model));
  CHECK(content(second / "model.safetensors").find("before epochs") != std::string::npos);
  const auto with = [&](Arguments extra) {
    extra.insert(extra.begin(), more.begin(), more.end());
    extra.push_back("--force");
    return status_of(extra);
  };
  CHECK(with({"--units", "9"}) == 1);
  CHECK(with({"--stress", "drop"}) == 1);
  std::ofstream(other) << "x1\tA\n" << content(G2P_DATA "/learned.tsv");
  CHECK(with({"--train", other.string()}) == 1);
  CHECK(with({}) == 0);
}

}  // namespace test_resume
