#include <filesystem>
#include <fstream>
#include <unroll/cells/lstm.hpp>
#include <unroll/io/model_file.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/recurrent.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_model_file {

using namespace unroll;

namespace {

template <class Scalar>
auto model_of(Index units, std::uint64_t seed) {
  auto model = sequential<Scalar>(3, Recurrent<Lstm>{.units = units}, Dense{.units = 2});
  model.initialise(seed);
  return model;
}

struct TemporaryFile {
  support::TemporaryFolder folder;
  std::filesystem::path path = folder.path / "model.safetensors";
};

}  // namespace

TEST_CASE("model file: a saved model is restored exactly with its metadata", "[model_file]") {
  const TemporaryFile file;
  const auto model = model_of<double>(4, 1);
  save(model, file.path, {{"trained_on", "nothing"}});
  auto other = model_of<double>(4, 2);
  REQUIRE(other.parameters().values() != model.parameters().values());
  const auto metadata = load(other, file.path);
  CHECK(other.parameters().values() == model.parameters().values());
  CHECK(metadata == std::map<std::string, std::string>{{"trained_on", "nothing"}});
  save(other, file.path, metadata);
}

TEST_CASE("model file: blocks are stored row by row under their names", "[model_file]") {
  auto model = model_of<double>(2, 1);
  model.parameters()["1.weight"] << 1, 2, 3, 4;
  const SafeTensors file = to_tensors(model);
  CHECK(file.at("1.weight").to<double>() == std::vector<double>{1, 2, 3, 4});
  CHECK(file.at("1.weight").shape == std::vector<Index>{2, 2});
  CHECK(file.at("0.f.b").shape == std::vector<Index>{2});
  CHECK(file.tensors.size() == model.parameters().table().blocks().size());
}

TEST_CASE("model file: a model in double is read into a model in float", "[model_file]") {
  const auto model = model_of<double>(4, 1);
  auto single = model_of<float>(4, 2);
  from_tensors(single, to_tensors(model));
  CHECK(single.parameters().values() == model.parameters().values().cast<float>());
}

TEST_CASE("model file: a file of another system is named with the function that reads it", "[model_file][hostile]") {
  auto model = model_of<float>(4, 1);
  const VectorX<float> before = model.parameters().values();
  const auto refused = [&](const std::filesystem::path& path, const std::string& message) {
    INFO(path.string());
    CHECK_THROWS_MATCHES(load(model, path), FileError, says(path.string() + message));
    CHECK(model.parameters().values() == before);
  };
  const std::filesystem::path data = std::filesystem::path(UNROLL_TEST_DATA) / "io/data";
  const std::string pytorch = ": must be a safetensors file, got a PyTorch file; use import_pytorch or open_pytorch";
  for (const char* name : {"a.pt", "a_ckpt.pt", "a_whole.pt", "a_legacy.pth"})
    refused(data / "pytorch" / name, pytorch);
  refused(
      data / "pytorch/a.safetensors",
      ": the metadata have no 'unroll'; this is no file of save; use import_pytorch or open_pytorch for tensors of");
  refused(data / "rtneural/lstm.json", ": must be a safetensors file, got a JSON file; use open_rtneural or open_nam");
  refused(data / "nam/lstm_1x12.nam", ": must be a safetensors file, got a JSON file; use open_rtneural or open_nam");

  const TemporaryFile file;
  const auto written = [&](std::string bytes, const std::string& message) {
    bytes.resize(300, '\0');
    std::ofstream(file.path, std::ios::binary) << bytes;
    refused(file.path, message);
  };
  const std::string member = std::string("PK\3\4", 4) + std::string(26, '\0');
  written(member + "metadata.json", ": must be a safetensors file, got a Keras file; use import_keras or open_keras");
  written(member + "x.npy", ": must be a safetensors file, got a NumPy archive; use read_npz");
  written(member + "x.txt", ": must be a safetensors file, got a zip archive");
  written("\x89HDF\r\n\x1a\n", ": must be a safetensors file, got an HDF5 file; use import_keras or open_keras");
  written("\x93NUMPY\1", ": must be a safetensors file, got a NumPy file; use read_npy");
  written("\x8\xa\x12\x7pytorch", ": must be a safetensors file, got an ONNX file; use open_onnx");
  written("not a model", ": byte 0: the header must have at most 100000000 bytes");
}

TEST_CASE("model file: refuses a file of another model and loads nothing of it", "[model_file][hostile]") {
  auto model = model_of<double>(4, 1);
  const VectorX<double> before = model.parameters().values();
  SafeTensors file = to_tensors(model_of<double>(4, 2));
  const auto refuses = [&]<class E>(std::type_identity<E>, const std::string& why) {
    CHECK_THROWS_MATCHES(from_tensors(model, file), E, says(why));
    CHECK(model.parameters().values() == before);
  };
  const std::type_identity<FileError> file_error;
  SECTION("no model file") {
    file.metadata.erase("unroll");
    refuses(file_error, "the metadata have no 'unroll'");
  }
  SECTION("another layout") {
    file.metadata["unroll"] = "3";
    refuses(file_error, "the version of a model file must be 1 or 2, got '3'");
  }
  SECTION("other layers in a file of version 1") {
    file.metadata["unroll"] = "1";
    file.metadata["layers"] = "3 -> gru -> dense";
    refuses(file_error, "the layers must be '3 -> lstm -> dense', as in this model, got '3 -> gru -> dense'");
  }
  SECTION("layers of other sizes") {
    file = to_tensors(model_of<double>(5, 2));
    refuses(file_error, "layer 0 (lstm): units must be 4, as in this model, got 5");
  }
  SECTION("a tensor of another shape") {
    file.tensors["0.i.x"].shape = {3, 4};
    refuses(std::type_identity<ShapeError>{}, "tensor '0.i.x' must have the shape [4, 3], got [3, 4]");
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

TEST_CASE("model file: reads layout 1, which has only the names of layers", "[model_file]") {
  const auto model = model_of<double>(4, 1);
  SafeTensors file = to_tensors(model);
  file.metadata = {{"unroll", "1"}, {"layers", "3 -> lstm -> dense"}};
  auto other = model_of<double>(4, 2);
  from_tensors(other, file);
  CHECK(other.parameters().values() == model.parameters().values());
}

TEST_CASE("model file: metadata with the name layers are kept for the caller", "[model_file]") {
  const support::TemporaryFolder folder;
  Sequential model(3, Dense{.units = 2});
  save(model, folder.path / "model.safetensors", {{"layers", "mine"}});
  CHECK(load(model, folder.path / "model.safetensors") == std::map<std::string, std::string>{{"layers", "mine"}});
}

TEST_CASE("model file: refuses metadata with names of the library", "[model_file]") {
  for (const std::string name : {"model", "unroll"})
    CHECK_THROWS_MATCHES(to_tensors(model_of<double>(4, 1), {{name, "mine"}}), ValueError,
                         says("the name '" + name + "' in the metadata is reserved"));
}

TEST_CASE("model file: refuses sizes in metadata that exceed the tensors", "[model_file][hostile]") {
  SafeTensors file = to_tensors(model_of<float>(4, 1));
  file.file = "model.safetensors";
  const double held = double(model_of<float>(4, 1).parameters().size());
  CHECK_NOTHROW(file.require_numbers(held));
  CHECK_THROWS_MATCHES(
      file.require_numbers(65536.0 * 65536.0), FileError,
      says("model.safetensors: the tensors must have at least 4294967296 numbers for the sizes in the metadata, "
           "got 138"));
}

}  // namespace test_model_file
