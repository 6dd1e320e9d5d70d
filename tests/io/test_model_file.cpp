#include <filesystem>
#include <fstream>
#include <unroll/cells/lstm.hpp>
#include <unroll/io/model_file.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/recurrent.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

using namespace unroll;

namespace {

template <class Scalar>
auto model_of(Index units, std::uint64_t seed) {
  Sequential model(3, Recurrent<Lstm<Scalar>>{.units = units}, Dense<Scalar>{.units = 2});
  model.initialise(seed);
  return model;
}

/// A path in a folder of its own.
struct TemporaryFile {
  support::TemporaryFolder folder;
  std::filesystem::path path = folder.path / "model.safetensors";
};

}  // namespace

TEST_CASE("a saved model is read back number for number, with its metadata", "[model_file]") {
  const TemporaryFile file;
  const auto model = model_of<double>(4, 1);
  save(model, file.path, {{"trained_on", "nothing"}});
  auto other = model_of<double>(4, 2);
  REQUIRE(other.parameters().values() != model.parameters().values());
  const auto metadata = load(other, file.path);
  CHECK(other.parameters().values() == model.parameters().values());
  CHECK(metadata.at("trained_on") == "nothing");
  CHECK(metadata.at("layers") == "3 -> lstm -> dense");
}

TEST_CASE("blocks stand in the file row by row under their own names", "[model_file]") {
  auto model = model_of<double>(2, 1);
  model.parameters()["1.weight"] << 1, 2, 3, 4;
  const SafeTensors file = to_tensors(model);
  CHECK(file.at("1.weight").to<double>() == std::vector<double>{1, 2, 3, 4});
  CHECK(file.at("1.weight").shape == std::vector<Index>{2, 2});
  CHECK(file.at("0.f.b").shape == std::vector<Index>{2});
  CHECK(file.tensors.size() == model.parameters().table().blocks().size());
}

TEST_CASE("a model in double is read into one in float", "[model_file]") {
  const auto model = model_of<double>(4, 1);
  auto single = model_of<float>(4, 2);
  from_tensors(single, to_tensors(model));
  CHECK(single.parameters().values() == model.parameters().values().cast<float>());
}

TEST_CASE("a file that does not fit is refused, and nothing of it is loaded", "[model_file][hostile]") {
  auto model = model_of<double>(4, 1);
  const Vector<double> before = model.parameters().values();
  SafeTensors file = to_tensors(model_of<double>(4, 2));
  const auto refuses = [&]<class E>(std::type_identity<E>, const std::string& why) {
    CHECK_THROWS_MATCHES(from_tensors(model, file), E, says(why));
    CHECK(model.parameters().values() == before);
  };
  const std::type_identity<FileError> file_error;
  SECTION("no model file") {
    file.metadata.erase("unroll");
    refuses(file_error, "no 'unroll'");
  }
  SECTION("another layout") {
    file.metadata["unroll"] = "2";
    refuses(file_error, "layout '2' of a model file, this library reads 1");
  }
  SECTION("other layers") {
    file.metadata["layers"] = "3 -> gru -> dense";
    refuses(file_error, "holds the layers '3 -> gru -> dense', this model has '3 -> lstm -> dense'");
  }
  SECTION("layers of other sizes") {
    file = to_tensors(model_of<double>(5, 2));
    refuses(std::type_identity<ShapeError>{}, "has the shape [5, 3], expected [4, 3]");
  }
  SECTION("a missing tensor") {
    file.tensors.erase("1.weight");
    refuses(file_error, "no tensor '1.weight'");
  }
  SECTION("one tensor too many") {
    file.tensors["2.weight"] = file.at("1.weight");
    refuses(file_error, "'2.weight'");
  }
}
