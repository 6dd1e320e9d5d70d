#include <fstream>
#include <functional>
#include <har/run_file.hpp>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_run_file {

using namespace unroll;
using namespace har;

namespace {

RunRecord good_run() {
  RunRecord run{.epochs = 2, .best_epoch = 2};
  run.history = {{.epoch = 1, .loss = 2, .seconds = 1},
                 {.epoch = 2, .loss = 1, .validation_accuracy = 0.75, .seconds = 2}};
  return run;
}

/// Record read from a file of this content.
std::optional<RunRecord> read_back(const std::string& content) {
  const support::TemporaryFolder folder;
  std::ofstream(folder.path / "run.json") << content;
  return read_record(folder.path / "run.json", "x");
}

}  // namespace

TEST_CASE("run file: a written run is read back unchanged") {
  const auto run = read_back(record_text(good_run(), "x"));
  REQUIRE(run);
  CHECK(run->best_epoch == 2);
  CHECK(run->seconds() == 3);
  CHECK(run->history[1].validation_accuracy == 0.75);
  CHECK(record_text(*run, "x") == record_text(good_run(), "x"));
  CHECK_FALSE(read_back(record_text(good_run(), "other data")));
  CHECK(read_back(record_text({.epochs = 2, .diverged = "loss"}, "x"))->diverged == "loss");
}

TEST_CASE("run file: is rejected when it contains impossible values") {
  const auto with = [](const std::function<void(nlohmann::json&)>& change) {
    auto json = nlohmann::json::parse(record_text(good_run(), "x"));
    change(json);
    return read_back(json.dump()).has_value();
  };
  CHECK(with([](auto&) {}));
  for (const nlohmann::json& epoch : {nlohmann::json(3), nlohmann::json(-1), nlohmann::json(1e300), nlohmann::json(1.5),
                                      nlohmann::json(18446744073709551615u)})
    CHECK_FALSE(with([&](auto& json) { json["best_epoch"] = epoch; }));
  CHECK_FALSE(with([](auto& json) { json["epochs"] = 3; }));  // with a history of 2
  CHECK_FALSE(with([](auto& json) { json["diverged"] = "loss"; }));
  CHECK_FALSE(with([](auto& json) { json["history"] = nlohmann::json::array(), json["best_epoch"] = 0; }));
}

TEST_CASE("best epoch: the last improvement by more than the least gain") {
  History history(4);
  const double losses[] = {1, 0.5, 0.45, 0.6}, accuracies[] = {0.5, 0.4, 0.7, 0.7};
  for (std::size_t k = 0; k < 4; ++k)
    history[k].validation_loss = losses[k], history[k].validation_accuracy = accuracies[k];
  CHECK(best_epoch(history, 4, Monitor::validation_loss, 0) == 3);
  CHECK(best_epoch(history, 4, Monitor::validation_loss, 0.1) == 2);
  CHECK(best_epoch(history, 1, Monitor::validation_loss, 0) == 1);
  CHECK(best_epoch(history, 4, Monitor::validation_accuracy, 0) == 3);
  CHECK(best_epoch({}, 4, Monitor::validation_loss, 0) == 0);
}

}  // namespace test_run_file
