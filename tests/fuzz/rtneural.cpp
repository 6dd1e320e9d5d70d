// Fuzz target: models of RTNeural.

#include "unroll/io/import/rtneural.hpp"

#include "fuzz.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  Stack<float> model(2, {Conv1d{.units = 2, .kernel = 2, .groups = 2, .padding = causal()}, Activate<Relu>{},
                         BatchNorm{}, Recurrent<Lstm>{.units = 2}, Activate<Elu>{}, PRelu{.per_feature = true},
                         Recurrent<Gru>{.units = 1}, Dense{.units = 1}});
  model.initialise(1);
  const Bytes torch = R"({"g.weight_ih_l0": [[1], [2], [3]], "g.weight_hh_l0": [[1], [2], [3]],
      "g.bias_ih_l0": [1, 2, 3], "g.bias_hh_l0": [4, 5, 6], "o.weight": [[0.5]], "o.bias": [-1]})";
  return {rtneural_text(model), torch};
}

void fuzz::read(const Bytes& input) {
  const Stack<float> model = open_rtneural<float>(parse_rtneural(input));
  const std::string written = rtneural_text(model);
  const Stack<float> again = read_again([&] { return open_rtneural<float>(parse_rtneural(written)); });
  expect(same_numbers(model.parameters().values(), again.parameters().values()),
         "the model is different when it is read again");
}
