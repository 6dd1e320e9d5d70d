#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unroll/cells/lstm.hpp>
#include <unroll/io/checkpoint.hpp>
#include <unroll/io/dataset.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/train/fit.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_checkpoint {

using namespace unroll;

namespace {

using S = double;

using Folder = support::TemporaryFolder;

Dataset<S> data() {
  std::vector<MatrixX<S>> sequences;
  std::vector<Index> labels;
  for (Index s = 0; s < 20; ++s) {
    const Random random(1, Purpose::data, std::uint64_t(s));
    sequences.push_back(MatrixX<S>::NullaryExpr(
        2, 2 + s % 4, [&](Index r, Index t) { return random.normal(std::uint64_t(2 * t + r)) + double(s % 2); }));
    labels.push_back(s % 2);
  }
  return Dataset<S>::labelled(sequences, labels);
}

struct Run {
  Sequential<S, Recurrent<Lstm>, Dropout, LastStep, Dense> model{2, Recurrent<Lstm>{.units = 4}, Dropout{.rate = 0.3},
                                                                 LastStep{}, Dense{.units = 2}};
  Adam<S> adam{{.learning_rate = 1e-2, .amsgrad = true}};
  TrainingState<S> state{};

  explicit Run(std::uint64_t seed) { model.initialise(seed); }
  FitResult operator()(FitOptions<S> options) {
    options.batches.size = 6;
    options.validation_fraction = 0.3;
    options.clip_norm = 1;
    options.plateau = PlateauOptions{.initial = 1e-2, .patience = 0, .threshold = 0.05};
    options.early_stopping = EarlyStopping{.patience = 10};
    options.average = WeightAverageOptions{.momentum = 0.8};
    options.progress = Progress::quiet;
    return fit(model, SoftmaxCrossEntropy<S>(), adam, data(), options, state);
  }
};

}  // namespace

TEST_CASE("checkpoint: a resumed run ends with the same bits as an uninterrupted run") {
  const Folder folder;
  const auto file = folder.path / "run.safetensors";
  Run whole(1);
  const auto want = whole({.epochs = 5});
  {
    Run killed(1);  // ends in its fourth epoch, without a checkpoint there
    int batches = 0;
    killed({.epochs = 5,
            .on_batch = [&](const BatchEnd&) { return ++batches < 8; },
            .on_epoch = checkpoint_every(2, file, killed.state, killed.adam)});
    REQUIRE(killed.state.epochs == 2);
    REQUIRE(killed.state.partial.batches > 0);
  }
  Run resumed(99);
  read_checkpoint(file, resumed.state, resumed.adam);
  const auto got = resumed({.epochs = 5});
  CHECK(resumed.model.parameters().values() == whole.model.parameters().values());
  CHECK(resumed.state.parameters == whole.state.parameters);
  CHECK(resumed.state.best == whole.state.best);
  CHECK(resumed.adam.updates() == whole.adam.updates());
  REQUIRE(got.history.size() == 5);
  for (std::size_t k = 0; k < 5; ++k) CHECK(got.history[k].loss == want.history[k].loss);
  CHECK(got.history[4].learning_rate == want.history[4].learning_rate);
  CHECK(got.best_epoch == want.best_epoch);
}

TEST_CASE("checkpoint: only every third epoch is written when the interval is 3") {
  const Folder folder;
  TrainingState<S> state;
  Adam<S> adam;
  const auto file = folder.path / "run.safetensors";
  const auto on_epoch = checkpoint_every(3, file, state, adam);
  std::vector<Index> written;
  for (state.epochs = 1; state.epochs <= 7; ++state.epochs) {
    std::filesystem::remove(file);
    CHECK(on_epoch(Epoch()));
    if (std::filesystem::exists(file)) written.push_back(Index(state.epochs));
  }
  CHECK(written == std::vector<Index>{3, 6});
}

TEST_CASE("checkpoint: a file without a partial epoch, of an earlier format, is read as the end of an epoch") {
  const Folder folder;
  const auto file = folder.path / "run.safetensors";
  Run whole(1), begun(1), resumed(2);
  whole({.epochs = 2});
  begun({.epochs = 1});
  write_checkpoint(file, begun.state, begun.adam);
  SafeTensors content = read_safetensors(file);
  const auto remove = [&](std::string_view part) {
    return std::erase_if(content.tensors, [&](const auto& item) { return item.first.starts_with(part); });
  };
  REQUIRE(remove("training.partial.batches") == 1);
  write_safetensors(file, content);
  CHECK_THROWS_MATCHES(read_checkpoint(file, resumed.state, resumed.adam), FileError, says("training.partial.batches"));
  REQUIRE(remove("training.partial.") == 9);
  write_safetensors(file, content);
  resumed.state.partial.batches = 7, resumed.state.partial.carried.setOnes(3);
  read_checkpoint(file, resumed.state, resumed.adam);
  CHECK(resumed.state.partial.batches == 0);
  CHECK(resumed.state.partial.carried.size() == 0);
  resumed({.epochs = 2});
  CHECK(resumed.state.parameters == whole.state.parameters);
}

TEST_CASE("checkpoint: refuses a file of another run and leaves the state unchanged") {
  const Folder folder;
  const auto file = folder.path / "run.safetensors";
  Run run(1);
  run({.epochs = 1});
  write_checkpoint(file, run.state, run.adam);
  TrainingState<S> state;
  SECTION("another optimizer") {
    SGD<S> sgd;
    CHECK_THROWS_MATCHES(read_checkpoint(file, state, sgd), FileError,
                         says("the optimizer must be 'Adam', as in the run, got 'SGD'"));
  }
  SECTION("another scalar type") {
    TrainingState<float> narrow;
    Adam<float> adam;
    CHECK_THROWS_MATCHES(read_checkpoint(file, narrow, adam), FileError,
                         says("'training.parameters' must be F32 with 1 dimensions, got F64"));
    CHECK(narrow.epochs == 0);
  }
  SECTION("a missing tensor") {
    SafeTensors content = read_safetensors(file);
    content.tensors.erase("optimizer.v");
    write_safetensors(file, content);
    Adam<S> adam;
    CHECK_THROWS_MATCHES(read_checkpoint(file, state, adam), FileError, says("optimizer.v"));
    CHECK(adam.updates() == 0);
  }
  SECTION("a history of the wrong size") {
    SafeTensors content = read_safetensors(file);
    content.tensors["training.history"] = Tensor::of(VectorX<double>(VectorX<double>::Zero(3)));
    write_safetensors(file, content);
    Adam<S> adam;
    CHECK_THROWS_MATCHES(read_checkpoint(file, state, adam), ValueError, says("8 numbers for each epoch, got 3"));
  }
  SECTION("another number of dimensions") {
    const auto refuses = [&](const char* part, std::vector<Index> shape, const char* words) {
      SafeTensors content = read_safetensors(file);
      content.tensors[part].shape = std::move(shape);
      write_safetensors(file, content);
      Adam<S> adam;
      CHECK_THROWS_MATCHES(read_checkpoint(file, state, adam), FileError, says(words));
    };
    refuses("training.parameters", {run.state.parameters.size(), 1},
            "'training.parameters' must be F64 with 1 dimensions, got F64");
    write_checkpoint(file, run.state, run.adam);
    refuses("training.epochs", {1}, "'training.epochs' must be I64 with 0 dimensions, got I64 [1]");
  }
  SECTION("another file") {
    write_safetensors(file, {});
    Adam<S> adam;
    CHECK_THROWS_MATCHES(read_checkpoint(file, state, adam), FileError, says("not a checkpoint"));
  }
  CHECK(state.epochs == 0);
  CHECK(state.parameters.size() == 0);
  CHECK_THROWS_MATCHES(checkpoint_every(0, file, run.state, run.adam), ValueError,
                       says("every must be at least 1 epoch, got 0"));
}

TEST_CASE("write text: writes the complete text") {
  const Folder folder;
  write_text(folder.path / "history.csv", "epoch,loss\n1,2\n");
  std::ifstream file(folder.path / "history.csv");
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == "epoch,loss\n1,2\n");
  CHECK_THROWS_AS(write_text(folder.path / "missing" / "history.csv", "x"), FileError);
}

TEST_CASE("ts: the content of a file becomes a data set") {
  const auto file = parse_ts<float>("@dimensions 1\n@classLabel true a b c\n@data\n1,2,3:b\n4,5:a\n");
  const auto read = to_dataset(file);
  REQUIRE(read.size() == 2);
  CHECK(read.classes() == 3);
  CHECK(read.labels(0)[0] == 1);
  CHECK(read.length(1) == 2);
  const auto unlabelled = to_dataset(parse_ts<float>("@classLabel false\n@data\n1,2,3\n"));
  CHECK(unlabelled.kind() == TargetKind::none);
}

}  // namespace test_checkpoint
