// Details of a model are stored with it and checked against it.

#include <unroll/cells/gru.hpp>
#include <unroll/io/model_details.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/models/seq2seq.hpp>
#include <unroll/models/stack.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_model_details {

using namespace unroll;

namespace {

ModelDetails all_details() {
  ModelDetails details{.sample_rate = 50.5,
                       .window = 128,
                       .inputs = {"x", "y"},
                       .outputs = {"walk", "run", "stärke"},
                       .tokens = {"a", "b"},
                       .training = {{"data", "subjects 1 to 20"}, {"seed", "1"}}};
  details.standardize(Standardizer<float>(VectorX<double>{{0.1, -2}}, VectorX<double>{{1.5, 1e-3}}));
  return details;
}

Sequential<float, Dense> model() { return Sequential(2, Dense{.units = 3}); }

}  // namespace

TEST_CASE("model details: are read as they were written", "[model_details]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "model.safetensors";
  const ModelDetails details = all_details();
  save(model(), path, details, {{"note", "kept"}});
  auto loaded = model();
  const auto metadata = load(loaded, path);
  CHECK(metadata.at("note") == "kept");
  const ModelDetails again = details_of(metadata);
  CHECK(detail::json_of(again) == detail::json_of(details));
  CHECK(detail::json_of(again).size() == 8);
  MatrixX<float> x = MatrixX<float>::Random(2, 3), y = x;
  details.standardizer<float>()->apply(x);
  again.standardizer<float>()->apply(y);
  CHECK(x == y);
  save(model(), path, {{"note", "kept"}});  // a map of strings, not details
  CHECK(detail::json_of(details_of(load(loaded, path))).empty());
  CHECK_FALSE(details_of({}).standardizer<float>());
}

TEST_CASE("model details: those that do not match the model are refused and nothing is written", "[model_details]") {
  const support::TemporaryFolder folder;
  const auto refused = [&](const auto& change, const std::string& why) {
    ModelDetails details = all_details();
    change(details);
    CHECK_THROWS_MATCHES(save(model(), folder.path / "m", details), Error, says(why));
    CHECK_FALSE(std::filesystem::exists(folder.path / "m"));
  };
  refused([](auto& d) { d.inputs.pop_back(); }, "entries of 'inputs' must be 2, got 1");
  refused([](auto& d) { d.outputs.pop_back(); }, "entries of 'outputs' must be 3, got 2");
  refused([](auto& d) { d.mean.resize(3); }, "entries of 'mean' must be 2, got 3");
  refused([](auto& d) { d.deviation.resize(0); }, "'mean' and 'deviation' must be given together");
  refused([](auto& d) { d.mean.resize(0); }, "entries of 'deviation' must be 0, got 2");
  refused([](auto& d) { d.deviation[1] = 0; }, "deviation of feature 1 must be finite and above 0, got 0");
  refused([](auto& d) { d.mean[0] = NAN; }, "mean of feature 0 must be finite, got nan");
  refused([](auto& d) { d.window = 0; }, "window must be");
  refused([](auto& d) { d.window = Index(2'000'000'000); }, "window must be");
  refused([](auto& d) { d.sample_rate = -1; }, "sample_rate must be finite and above 0, got -1");
  refused([](auto& d) { d.tokens[0] = "\xFF"; }, "details must be UTF-8");
  CHECK_THROWS_MATCHES(save(model(), folder.path / "m", all_details(), {{"details", ""}}), ValueError,
                       says("'details' in the metadata is reserved"));
}

TEST_CASE("model details: tokens are as many as those of an embedding at the beginning", "[model_details]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "m.safetensors";
  const Embedding embedding{.size = 3, .dimension = 2};
  const auto check = [&](auto model, const std::string& stored) {
    const std::string why = "model details: entries of 'tokens' must be 3, got 2";
    CHECK_THROWS_MATCHES(save(model, path, {.tokens = {"a", "b"}}), ValueError, says(why));
    CHECK_FALSE(std::filesystem::exists(path));
    save(model, path, ModelDetails{.tokens = {"a", "b", "c"}});
    auto metadata = detail::user_metadata(read_safetensors(path));
    CHECK(details_of(model, metadata).tokens.size() == 3);
    CHECK(details_of(model, {}).tokens.empty());
    metadata["details"] = stored;
    CHECK(details_of(metadata).tokens.size() == 2);  // without the model
    CHECK_THROWS_MATCHES(details_of(model, metadata, "m.x"), FileError, says("m.x: " + why));
    std::filesystem::remove(path);
  };
  const std::string two = R"({"tokens": ["a", "b"]})";
  check(Sequential(1, embedding, Dense{.units = 2}), two);
  check(Stack<float>(1, {embedding, Dense{.units = 2}}), two);
  check(Seq2Seq<Stack<float>, Gru<float>>(Stack<float>(1, {embedding, Recurrent<Gru>{.units = 4}}),
                                          {.vocabulary = 5, .embedding = 4, .units = 4}),
        two);
  save(model(), path, ModelDetails{.tokens = {"a", "b", "c", "d"}});  // no embedding
}

TEST_CASE("model details: invalid ones in a file are refused with their place", "[model_details][hostile]") {
  const auto refused = [](const std::string& json, const std::string& why) {
    INFO(json);
    CHECK_THROWS_MATCHES(details_of({{"details", json}}, "m.safetensors"), FileError, says("m.safetensors: " + why));
  };
  refused("", "not valid JSON");
  refused("[]", "details must be an object, got an array of 0");
  refused(R"({"unknown": 1})", "details must be an object with the names of ModelDetails only");
  refused(R"({"inputs": "x"})", "details.inputs must be an array");
  refused(R"({"inputs": [1]})", "details.inputs[0] must be a string, got 1");
  refused(R"({"mean": ["x"]})", "details.mean[0] must be a number, got 'x'");
  refused(R"({"window": 0})", "details.window must be an integer from 1");
  refused(R"({"sample_rate": "fast"})", "details.sample_rate must be a number, got 'fast'");
  refused(R"({"training": []})", "details.training must be an object");
  refused(R"({"training": {"a": 1}})", "details.training must be an object of strings");
}

}  // namespace test_model_details
