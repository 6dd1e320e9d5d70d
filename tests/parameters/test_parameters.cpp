#include <unroll/parameters/parameters.hpp>

#include "support/catch.hpp"

namespace test_parameters {

using namespace unroll;

namespace {

/// A matrix, two blocks stacked by row in one matrix, and a bias.
ParameterTable example() {
  ParameterTable table;
  table.add("w", Role::input_weight, 2, 3);
  const Index stacked = table.reserve(5, 2);
  table.add_block({"upper", Role::recurrent_weight, stacked, 2, 2, 5});
  table.add_block({"lower", Role::recurrent_weight, stacked + 2, 3, 2, 5});
  table.add("b", Role::bias, 2, 1);
  return table;
}

}  // namespace

TEST_CASE("parameters: blocks are views into the flat vector") {
  Parameters<double> parameters(example());
  CHECK(parameters.size() == 6 + 10 + 2);
  CHECK(parameters.values().isZero(0));
  for (Index k = 0; k < parameters.size(); ++k) parameters.values()[k] = double(k);
  CHECK(parameters["w"](1, 2) == 5);
  CHECK(parameters["upper"](1, 1) == 6 + 5 + 1);
  CHECK(parameters["lower"](0, 0) == 6 + 2);
  CHECK(parameters["lower"](2, 1) == 6 + 5 + 4);
  parameters["lower"](2, 1) = -1;
  CHECK(parameters.values()[15] == -1);
  CHECK(std::as_const(parameters)["b"](1, 0) == 17);
}

TEST_CASE("parameter table: finds the block of every entry") {
  const ParameterTable table = example();
  const char* owner[] = {"w",     "w",     "w",     "w",     "w",     "w",     "upper", "upper", "lower",
                         "lower", "lower", "upper", "upper", "lower", "lower", "lower", "b",     "b"};
  for (Index k = 0; k < table.size(); ++k) CHECK(table.holding(k).name == owner[k]);
  CHECK_THROWS_MATCHES(table.holding(18), ValueError, says("entry must be in a block, got 18 of 18"));
  CHECK_THROWS_AS(table.holding(-1), ValueError);
}

TEST_CASE("parameter table: append adds a prefix and an offset") {
  ParameterTable whole;
  whole.add("first", Role::gain, 1, 1);
  CHECK(whole.append(example(), "0.") == 1);
  CHECK(whole.append(example(), "1.") == 19);
  CHECK(whole.size() == 37);
  CHECK(whole.at("1.lower").offset == 19 + 6 + 2);
  CHECK(whole.at("0.lower").stride == 5);
  CHECK(whole.names() == "first, 0.w, 0.upper, 0.lower, 0.b, 1.w, 1.upper, 1.lower, 1.b");
}

TEST_CASE("parameter table: each part has the equations of its blocks") {
  ParameterTable first = example(), second = example(), whole;
  first.set_equations([] { return std::string("one"); });
  second.set_equations([] { return std::string("two"); });
  CHECK(first.equations() == "one");
  CHECK(example().equations().empty());
  whole.append(first, "0.");
  whole.append(example(), "1.");
  whole.append(second, "2.");
  CHECK(whole.equations("0.") == "one");
  CHECK(whole.equations("1.").empty());
  CHECK(whole.equations("2.") == "two");
  CHECK(whole.equations().empty());
}

TEST_CASE("parameter table: refuses duplicate and unknown names") {
  ParameterTable table = example();
  CHECK_THROWS_MATCHES(table.add("w", Role::bias, 1, 1), ValueError, says("name of a block must be new, got 'w'"));
  CHECK_THROWS_MATCHES(table.at("v"), ValueError, says("name must be one of w, upper, lower, b, got 'v'"));
  CHECK(table.find("v") == nullptr);
  Parameters<float> parameters(example());
  CHECK_THROWS_AS(parameters["v"], ValueError);
}

TEST_CASE("parameter table: refuses sizes larger than memory") {
  ParameterTable table;
  CHECK_THROWS_MATCHES(table.add("w", Role::bias, -1, 2), ShapeError, says("entries, got [-1 x 2]"));
  CHECK_THROWS_AS(table.add("w", Role::bias, Index(1) << 40, Index(1) << 40), ShapeError);
  CHECK(table.reserve(most_entries, 1) == 0);
  CHECK_THROWS_AS(table.reserve(1, 1), ShapeError);  // no room after the first block
  CHECK(table.size() == most_entries);
}

TEST_CASE("parameters: zeros_like has the same table and separate values") {
  Parameters<double> parameters(example());
  parameters.values().setOnes();
  Parameters<double> gradient = parameters.zeros_like();
  CHECK(gradient.values().isZero(0));
  gradient["b"].setConstant(2);
  CHECK(parameters["b"](0, 0) == 1);
  CHECK(&gradient.table() == &parameters.table());
}

}  // namespace test_parameters
