// Fuzz target: checkpoints of training runs with their optimizers. Accepted ones are written and read again.

#include "unroll/io/checkpoint.hpp"

#include "fuzz.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/optim/sgd.hpp"
#include "unroll/train/training_state.hpp"

using namespace unroll;

namespace {

template <class O>
fuzz::Bytes seed(O optimizer) {
  TrainingState<float> state;
  state.epochs = 1, state.updates = 2, state.parameter_names = "0.weight", state.parameters.setOnes(3);
  state.history.push_back({.epoch = 1, .loss = 2});
  const auto out = fuzz::path("seed");
  write_checkpoint(out, state, optimizer);
  return detail::read_text(out);
}

template <class O>
void check(const std::filesystem::path& file, O optimizer) {
  TrainingState<float> state;
  read_checkpoint(file, state, optimizer);
  const auto out = fuzz::path("y");
  write_checkpoint(out, state, optimizer);
  const fuzz::Bytes written = detail::read_text(out);
  fuzz::read_again([&] { return read_checkpoint(out, state, optimizer), 0; });
  write_checkpoint(out, state, optimizer);
  fuzz::expect(detail::read_text(out) == written, "another run came back");
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  return {seed(Adam<float>({.amsgrad = true})), seed(SGD<float>({.learning_rate = 0.1, .momentum = 0.9}))};
}

void fuzz::read(const Bytes& input) {
  const auto in = file("x", input);
  if (accepted([&] { check(in, Adam<float>({.amsgrad = true})); })) return;
  check(in, SGD<float>({.learning_rate = 0.1, .momentum = 0.9}));
}
