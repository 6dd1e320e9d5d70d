#include <algorithm>
#include <cmath>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/io/import/nam.hpp>
#include <unroll/layers/activation.hpp>
#include <unroll/layers/dropout.hpp>

#include "exchange/exchanged_models.hpp"
#include "support/temporary.hpp"

namespace test_nam {

using namespace exchanged;

namespace {

const std::filesystem::path files = data_folder() / "nam";

auto two_layers() {
  return Sequential(1, Recurrent<Lstm>{.units = 8}, Dropout{.rate = 0.1}, Recurrent<Lstm>{.units = 8},
                    unroll::Dense{.units = 1});
}

}  // namespace

TEST_CASE("nam: outputs with the initial states are those of the files") {
  for (const std::string name : {"lstm_1x12", "lstm_2x8"}) {
    const auto io = read_safetensors(files / (name + ".io.safetensors"));
    const auto x = sequence(io, "x"), y = sequence(io, "y");
    const auto amp = open_nam<float>(files / (name + ".nam"));
    CHECK(difference(outputs(amp.model, x, amp.first), y) < 2e-5f);
    CHECK(difference(streamed(amp.model, x, amp.first), y) < 2e-5f);
    CHECK(difference(outputs(amp.model, x), y) > 1e-4f);  // the initial states have an effect
    CHECK(amp.options.sample_rate == 48000);
    CHECK(amp.options.metadata == R"({"name":"made for a test"})");
  }
}

TEST_CASE("nam: weights and initial states are imported into layers known at compile time") {
  const auto io = read_safetensors(files / "lstm_2x8.io.safetensors");
  auto model = two_layers();
  const auto first = import_nam(model, files / "lstm_2x8.nam");
  REQUIRE(first.size() == 4);
  CHECK(first[1].empty());
  CHECK(difference(streamed(model, sequence(io, "x"), first), sequence(io, "y")) < 2e-5f);
  CHECK(model.parameters().values() == open_nam<float>(files / "lstm_2x8.nam").model.parameters().values());
}

TEST_CASE("nam: a stream begins with the initial states and equals forward passes") {
  const auto amp = open_nam<float>(files / "lstm_2x8.nam");
  const MatrixX<float> x = sequence(read_safetensors(files / "lstm_2x8.io.safetensors"), "x").leftCols(50);
  const Streaming player(amp.model);
  auto stream = player.stream();
  player.set_state(stream, amp.first);
  CHECK(player.state(stream) == amp.first);

  const auto y = streamed(amp.model, x, amp.first);
  auto state = amp.first;
  float largest = 0;  // difference; tanh and sigmoid of a stream are approximations
  Stack<float>::Tape tape;
  for (Index t = 0; t < x.cols(); ++t) {
    const MatrixX<float> step = x.col(t);
    const Timeline one = Timeline::rectangular(1, 1);
    largest = std::max(largest, std::abs(amp.model.forward(step, one, tape, {}, state)(0, 0) - y(0, t)));
    amp.model.final_state(tape, state);
  }
  CHECK(largest < 1e-5);
}

TEST_CASE("nam: a written model is read with the same bits") {
  const support::TemporaryFolder folder;
  for (const char* name : {"lstm_1x12.nam", "lstm_2x8.nam"}) {
    const auto amp = open_nam<float>(files / name);
    write_nam(amp, folder.path / name);
    const auto again = open_nam<float>(folder.path / name);
    CHECK(again.model.parameters().values() == amp.model.parameters().values());
    CHECK(again.first == amp.first);
    CHECK(again.options.sample_rate == amp.options.sample_rate);
    CHECK(again.options.metadata == amp.options.metadata);
    CHECK(read_nam(files / name).weights == read_nam(folder.path / name).weights);
  }
  auto model = two_layers();
  model.initialise(3);
  write_nam(model, folder.path / "model.nam");
  const auto again = open_nam<float>(folder.path / "model.nam");
  CHECK(again.model.parameters().values() == model.parameters().values());
  CHECK(!again.options.sample_rate);
  for (const auto& layer : again.first)
    for (const auto& state : layer) CHECK(state.isZero(0));
}

TEST_CASE("nam: biases of a layer without biases are written as 0, and others are refused") {
  const auto made = [](bool biased) {
    return Sequential(1, Recurrent<Lstm>{.units = 3, .biased = biased}, unroll::Dense{.units = 1});
  };
  auto model = made(false), again = made(false);
  model.initialise(1);
  import_nam(again, parse_nam(nam_text(model)));
  CHECK(again.parameters().values() == model.parameters().values());
  auto whole = made(true);
  import_nam(whole, parse_nam(nam_text(model)));
  for (const char* name : {"0.i.b", "0.f.b", "0.g.b", "0.o.b"}) CHECK(whole.parameters()[name].isZero(0));
  whole.initialise(1);
  CHECK_THROWS_MATCHES(import_nam(again, parse_nam(nam_text(whole))), ValueError, says("layer 0 must have biases"));
  CHECK(again.parameters().values() == model.parameters().values());
}

TEST_CASE("nam: models that Neural Amp Modeler does not have are refused") {
  const auto refused = [](const auto& model, const char* message) {
    CHECK_THROWS_MATCHES(nam_text(model), ValueError, says(message));
  };
  const unroll::Dense one{.units = 1};
  const Recurrent<Lstm> lstm{.units = 2};
  refused(Sequential(1, lstm), "the last layer must be dense");
  refused(Sequential(1, one), "must have 1 unit and follow an lstm");
  refused(Sequential(1, lstm, unroll::Dense{.units = 2}), "must have 1 unit and follow an lstm");
  refused(Sequential(1, lstm, one, one), "layer 2 (dense) must not follow the dense layer");
  refused(Sequential(1, lstm, Activate<Tanh>{}, one), "layer 1 (tanh) must be lstm or dense");
  refused(Sequential(1, lstm, Recurrent<Lstm>{.units = 3}, one), "as many units");
  refused(Sequential(1, Recurrent<Gru>{.units = 2}, one), "Neural Amp Modeler has no GRU");
  refused(Sequential(1, Recurrent<CoupledLstm>{.units = 2}, one), "Neural Amp Modeler's LSTM has a forget gate");
  refused(Sequential(1, Recurrent<Lstm>{.units = 2, .direction = Direction::backward}, one), "must run forward");
  refused(Sequential(1, Recurrent<Lstm>{.units = 2, .returns = Returns::last}, one), "must return all steps");

  auto model = Sequential(1, lstm, one);
  CHECK_THROWS_MATCHES(nam_text(model, ModelState<float>(1)), ShapeError, says("must be that of the layers, 2, got 1"));
  CHECK_THROWS_MATCHES(nam_text(model, {{MatrixX<float>::Zero(2, 1)}, {}}), ShapeError, says("each 2 x 1"));
  CHECK_THROWS_MATCHES(nam_text(model, {}, {.sample_rate = -1}), ValueError, says("must be above 0, got -1"));
  CHECK_THROWS_MATCHES(nam_text(model, {}, {.metadata = "[1]"}), ValueError, says("must be a JSON object, got '[1]'"));
  model.parameters().values()[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_MATCHES(nam_text(model), NonFiniteError, says("must be finite"));
}

TEST_CASE("nam: files of other architectures, versions and sizes are refused") {
  const auto good = nlohmann::json::parse(detail::read_text(files / "lstm_1x12.nam"));
  const auto refused = [&](const char* pointer, const nlohmann::json& value, const char* message) {
    auto changed = good;
    changed[nlohmann::json::json_pointer(pointer)] = value;
    CHECK_THROWS_MATCHES(parse_nam(changed.dump(), "x.nam"), FileError, says(message));
  };
  refused("/architecture", "WaveNet", "x.nam: architecture must be LSTM, got 'WaveNet'");
  refused("/architecture", "ConvNet", "x.nam: architecture must be LSTM, got 'ConvNet'");
  refused("/version", "0.6.0", "version must be 0.5.0 or a later version 0.5, got '0.6.0'");
  refused("/version", 5, "version must be a string, got 5");
  refused("/config", nlohmann::json::object(), "config.input_size must be given, got nothing");
  refused("/config/num_layers", 0, "config.num_layers must be an integer from 1 to");
  refused("/config/num_layers", 257, "config.num_layers must be at most 256, got 257");
  refused("/config/num_layers", 2, "weights must be a list of 1933 numbers, got an array of 709");
  refused("/config/hidden_size", 1073741824, "weights must be a list of");
  refused("/config/hidden_size", 1e300, "config.hidden_size must be an integer");
  refused("/config/out_channels", 2, "config.out_channels must be 1, got 2");
  refused("/weights/3", "a", "weights must contain numbers");
  refused("/weights", nlohmann::json::array(), "weights must be numbers");
  refused("/sample_rate", -1, "sample_rate must be above 0, got -1");
  refused("/metadata", 3, "metadata must be an object, got 3");
  CHECK_THROWS_MATCHES(parse_nam("[]"), FileError, says("must be an object, got an array of 0"));

  auto other = two_layers();
  other.initialise(1);
  const auto before = other.parameters();
  CHECK_THROWS_MATCHES(import_nam(other, files / "lstm_1x12.nam"), FileError, says("num_layers must be 2"));
  NamFile huge = read_nam(files / "lstm_2x8.nam");
  huge.weights.back() = 1e300;
  CHECK_THROWS_MATCHES(import_nam(other, huge), FileError, says("a weight must be at most"));
  huge.weights.pop_back();
  CHECK_THROWS_MATCHES(import_nam(other, huge), FileError, says("the number of weights must be 905"));
  CHECK(other.parameters().values() == before.values());
}

TEST_CASE("nam: damaged files are read or refused, and a refused file changes nothing") {
  auto model = Sequential(1, Recurrent<Lstm>{.units = 2}, unroll::Dense{.units = 1});
  model.initialise(5);
  const VectorX<float> good = model.parameters().values();
  const int read = damaged(nam_text(model, {}, {.sample_rate = 44100}), [&](const std::string& variant) {
    try {
      (void)import_nam(model, parse_nam(variant));
    } catch (...) {
      if (model.parameters().values() != good) FAIL("a refused file changed the model");
      throw;
    }
    model.parameters().values() = good;
  });
  CHECK(read > 0);
}

}  // namespace test_nam
