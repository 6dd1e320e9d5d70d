// Models as C++ headers: the committed header is compiled here and compared with the one that write_header writes.

#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/infer/streaming.hpp>
#include <unroll/io/header_file.hpp>
#include <unroll/io/input_file.hpp>
#include <unroll/models/stack.hpp>

#include "io/data/header/weights.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_header_file {

using namespace unroll;

namespace {

auto model_of(Index units = 3) { return Sequential(1, Recurrent<Lstm>{.units = units}, Dense{.units = 1}); }
using Model = decltype(model_of());

/// The model of the committed header: its numbers have all digits, both signs, and extreme exponents.
Model trained() {
  Model model = model_of();
  auto& values = model.parameters().values();
  const Random random(3, Purpose::sample);
  for (Index k = 0; k < values.size(); ++k) values[k] = float(random.normal(std::uint64_t(k)));
  values[0] = -0.0f;
  values[1] = std::numeric_limits<float>::denorm_min();
  values[2] = std::numeric_limits<float>::max() / 2;
  return model;
}

const HeaderOptions options{.name = "amp::weights"};

std::string committed() {
  return detail::read_text(std::filesystem::path(UNROLL_TEST_DATA) / "io/data/header/weights.hpp");
}

}  // namespace

TEST_CASE("header file: a written header is the committed one, whose numbers have the same bits") {
  const support::TemporaryFolder folder;
  write_header(trained(), folder.path / "weights.hpp", options);
  CHECK(detail::read_text(folder.path / "weights.hpp") == committed());
  Model model = model_of();
  set_parameters(model, amp::weights);
  const auto expected = trained().parameters().values();
  CHECK(std::memcmp(model.parameters().values().data(), expected.data(),
                    sizeof(float) * std::size_t(expected.size())) == 0);
}

TEST_CASE("header file: a stream of compile-time sizes runs the model of a header") {
  Model model = model_of(), other = trained();
  set_parameters(model, amp::weights);
  model.parameters().values()[2] = other.parameters().values()[2] = 0.5f;
  const Streaming<Model, 1, 3, 1> filter(model);
  auto stream = filter.stream();
  std::array<float, 20> x{1, -0.5f, 0.25f}, y{};
  REQUIRE(filter.run(x, y, stream));
  Model::Tape tape;
  const auto expected =
      other.forward(Eigen::Map<const MatrixX<float>>(x.data(), 1, 20), Timeline::rectangular(1, 20), tape);
  for (Index t = 0; t < 20; ++t) CHECK(std::abs(y[std::size_t(t)] - expected(0, t)) < 1e-5f);
}

TEST_CASE("header file: a model with other layers is refused and unchanged") {
  const auto refused = [](auto model, auto type, const char* message) {
    model.parameters().values().setConstant(3);
    CHECK_THROWS_MATCHES(set_parameters(model, amp::weights), typename decltype(type)::type, says(message));
    CHECK((model.parameters().values().array() == 3).all());
  };
  const std::type_identity<ShapeError> shape;
  const std::type_identity<ValueError> value;
  refused(model_of(4), shape, "set_parameters: the model must have 64 parameters (0.i.x, ");
  refused(Sequential(1, Recurrent<Gru>{.units = 3}, Dense{.units = 1}), shape, "as in the header, got");
  refused(Sequential(1, Recurrent<Lstm>{.units = 3, .returns = Returns::last}, Dense{.units = 1}), value,
          "the model must have 'layer 0 (lstm): returns steps', as in the header, got 'layer 0 (lstm): returns last'");
  Stack<double> same(1, {Recurrent<Lstm>{.units = 3}, Dense{.units = 1}});
  set_parameters(same, amp::weights);
  CHECK(same.parameters().values().cast<float>() == trained().parameters().values());
}

TEST_CASE("header file: names that are no names of C++ and numbers that are not finite are refused") {
  for (const char* name : {"", "1a", "a b", "::a", "a::", "a:b", "a:::b", "a::1", "a;", "\xc3\xa4"})
    CHECK_THROWS_MATCHES(header_text(trained(), {.name = name}), ValueError,
                         says("write_header: name must be identifiers separated by '::', got '"));
  for (const char* name : {"class", "a::co_await", "xor_eq::b", "a::wchar_t::c"})
    CHECK_THROWS_MATCHES(header_text(trained(), {.name = name}), ValueError,
                         says(text("name must not contain a keyword of C++, got '", name, "'")));
  for (const char* name : {"_a", "_a::b", "_A", "a::_B", "a__b", "a::__b", "a::b__"})
    CHECK_THROWS_MATCHES(header_text(trained(), {.name = name}), ValueError,
                         says("name must not contain an identifier that C++ reserves"));
  for (const char* name : {"main", "unroll", "std", "std::weights"})
    CHECK_THROWS_MATCHES(header_text(trained(), {.name = name}), ValueError, says("name must not be 'main', 'unroll'"));
  for (const char* name : {"classes", "a::_b", "a_", "a::main", "std_::a"})
    CHECK_NOTHROW(header_text(trained(), {.name = name}));
  CHECK(
      header_text(trained(), {.name = "A_1"}).find("\ninline constexpr ::unroll::ConstantParameters<float, 64> A_1{") !=
      std::string::npos);
  CHECK(header_text(trained(), {.name = "a::b::c"}).find("\nnamespace a::b {\n") != std::string::npos);
  Model model = trained();
  model.parameters().values()[5] = INFINITY;
  CHECK_THROWS_MATCHES(header_text(model), NonFiniteError, says("write_header: parameter '0."));
  CHECK(detail::cpp_text(std::string_view("a\"\\\n\t\xc3")) == R"("a\"\\\n\011\303")");
  CHECK(detail::cpp_number(-0.1) == "-0x1.999999999999ap-4");
  CHECK(detail::cpp_number(0.1f) == "0x1.99999ap-4f");
}

}  // namespace test_header_file
