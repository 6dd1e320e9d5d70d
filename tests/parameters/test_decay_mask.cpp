#include <unroll/layers/dense.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/parameters/decay_mask.hpp>

#include "support/catch.hpp"

namespace test_decay_mask {

using namespace unroll;

TEST_CASE("decay mask: excludes the blocks of the given roles and no others") {
  ParameterTable table;
  table.add("w", Role::input_weight, 2, 3);
  table.add("b", Role::bias, 2, 1);
  const Index stacked = table.reserve(3, 2);  // two blocks interleaved in one matrix
  table.add_block({"u", Role::recurrent_weight, stacked, 1, 2, 3});
  table.add_block({"g", Role::gain, stacked + 1, 2, 2, 3});

  VectorX<double> expected(14);
  expected << 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1;
  CHECK(decay_mask<double>(table) == expected);
  expected << 1, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0;
  CHECK(decay_mask<double>(table, {Role::bias, Role::gain}) == expected);
}

TEST_CASE("decay mask: frozen columns do not decay") {
  ParameterTable table;
  ParameterBlock block{"w", Role::input_weight, table.reserve(2, 3), 2, 3, 2};
  block.frozen = {false, true, false};
  table.add_block(block);
  CHECK(decay_mask<double>(table) == (VectorX<double>(6) << 1, 1, 0, 0, 1, 1).finished());
}

TEST_CASE("decay mask: excluded biases do not move when the gradient is zero") {
  auto model = sequential<double>(3, Dense{.units = 2});
  model.parameters().values().setOnes();
  AdamW<double> optimizer({.learning_rate = 0.1, .weight_decay = 0.5});
  optimizer.set_decay_mask(decay_mask<double>(model.parameters().table()));
  const VectorX<double> zero = VectorX<double>::Zero(model.parameters().size());
  optimizer.step(model.parameters().values(), zero);
  CHECK(model.parameters()["0.bias"] == MatrixX<double>::Ones(2, 1));
  CHECK((model.parameters()["0.weight"].array() < 1).all());
}

}  // namespace test_decay_mask
