// Fuzz target: models of Neural Amp Modeler.

#include "unroll/io/import/nam.hpp"

#include "fuzz.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  Stack<float> model(1, {Recurrent<Lstm>{.units = 2}, Recurrent<Lstm>{.units = 2}, Dense{.units = 1}});
  model.initialise(1);
  return {nam_text(model, {}, {.sample_rate = 48000, .metadata = R"({"name": "a"})"})};
}

void fuzz::read(const Bytes& input) {
  const NamModel<float> model = open_nam<float>(parse_nam(input));
  const std::string written = nam_text(model.model, model.first, model.options);
  const auto again = read_again([&] { return open_nam<float>(parse_nam(written)); });
  expect(same_numbers(model.model.parameters().values(), again.model.parameters().values()) &&
             model.first == again.first && model.options.metadata == again.options.metadata,
         "the model is different when it is read again");
}
