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

Outcome good_run() {
  Outcome run{.setting = {}, .seed = 3, .top = {0.5, 1}, .loss = 0.25, .best_epoch = 2, .seconds = 4};
  run.confusion.setConstant(2, 2, 5);
  run.history = {{.epoch = 1, .loss = 2}, {.epoch = 2, .loss = 1, .validation_accuracy = 0.75}};
  return run;
}

/// Run read from a file of this content, for two classes.
std::optional<Outcome> read_back(const std::string& content) {
  const support::TemporaryFolder folder;
  std::ofstream(folder.path / "run.json") << content;
  return read_run(folder.path / "run.json", "x", 2, {});
}

}  // namespace

TEST_CASE("run file: a written run is read back unchanged") {
  const auto run = read_back(run_text(good_run(), "x"));
  REQUIRE(run);
  CHECK(run->top == std::vector<double>{0.5, 1});
  CHECK(run->confusion == good_run().confusion);
  CHECK(run->validation() == 0.75);
  CHECK(run_text(*run, "x") == run_text(good_run(), "x"));
  CHECK_FALSE(read_back(run_text(good_run(), "other data")));
}

TEST_CASE("run file: is rejected when it contains impossible values") {
  const auto with = [](const std::function<void(nlohmann::json&)>& change) {
    auto json = nlohmann::json::parse(run_text(good_run(), "x"));
    change(json);
    return read_back(json.dump()).has_value();
  };
  CHECK(with([](auto&) {}));
  for (const nlohmann::json& epoch : {nlohmann::json(3), nlohmann::json(-1), nlohmann::json(1e300), nlohmann::json(1.5),
                                      nlohmann::json(18446744073709551615u)})
    CHECK_FALSE(with([&](auto& json) { json["best_epoch"] = epoch; }));
  CHECK_FALSE(with([](auto& json) { json["confusion_by_columns"][0] = 1e300; }));
  CHECK_FALSE(with([](auto& json) { json["confusion_by_columns"][0] = -1; }));
  CHECK_FALSE(with([](auto& json) { json["top"] = nlohmann::json::array(); }));
  CHECK_FALSE(with([](auto& json) { json["history"] = nlohmann::json::array(), json["best_epoch"] = 0; }));
}

}  // namespace test_run_file
