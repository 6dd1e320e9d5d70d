#pragma once
// Reader of the equations of a cell, in the notation that identifies it in files (Notation::source).

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/layers/options.hpp"

namespace unroll::detail {

/// Part of the right side of an equation.
struct EquationPart {
  enum class Kind {
    number,  ///< numbers[0]
    value,   ///< `name` of a state, input or intermediate value; "next(h)" for a state after the step
    weight,  ///< parameter `name`, one per unit or one for all units
    linear,  ///< sum of products of the operands with the parameters NAME.OPERAND, and of NAME.b if it is biased
    apply,   ///< operator or function `name` of its operands; `numbers` of a function
  };
  Kind kind = Kind::number;
  std::string name = {};
  std::vector<double> numbers = {};
  std::vector<EquationPart> operands = {};
  bool biased = false;
  std::string option = {};  ///< of the weights of a linear part, such as "heads", with `numbers`; empty: none
  std::string named = {};  ///< matrix of the option "shared" or "transposed"; size or number of the heads of a function
};

/// Name of a value and of its size.
struct SizedName {
  std::string name, size = "units";
};

/// Equation of a value; the name of a state after the step is "next(h)".
struct CellEquation {
  SizedName target;
  EquationPart value;
};

struct CellEquations {
  std::vector<SizedName> states;
  std::vector<CellEquation> equations;
  std::string output;  ///< name of the value
};

/// Name of the state h in "next(h)"; empty for another value.
inline std::string advanced_state(const std::string& name) {
  return name.starts_with("next(") ? name.substr(5, name.size() - 6) : "";
}

/// Reader of one line. Its functions throw ValueError at other text.
class EquationLine {
 public:
  explicit EquationLine(std::string_view line) : line_(line), rest_(line) {}

  bool take(std::string_view word) {
    skip_spaces();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void expect(std::string_view word) { require_that(take(word), word); }
  void expect_end() const { require_that(rest_.empty(), "the end"); }

  /// Name of a value, such as "h" or "next(h)", with a size in brackets.
  SizedName sized() {
    SizedName to{name()};
    if (to.name == "next" && take("(")) to.name = text("next(", name(), ")"), expect(")");
    if (take("[")) to.size = size();
    return to;
  }

  /// Right side of the equation of a value.
  EquationPart sum(const std::string& target) {
    EquationPart left = take_sign() ? apply("-", {product(target)}) : product(target);
    for (;;) {
      const char* const operation = take("+") ? "+" : take("-") ? "-" : nullptr;
      if (operation == nullptr) return left;
      EquationPart right = take_sign() ? apply("-", {product(target)}) : product(target);
      left = apply(operation, {std::move(left), std::move(right)});
    }
  }

 private:
  using Kind = EquationPart::Kind;

  static bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
  static bool is_letter(char letter) {
    return is_digit(letter) || letter == '_' || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
  }
  void skip_spaces() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
  }
  void require_that(bool good, std::string_view what) const {
    require<ValueError>(good, "the equation ", in_quotes(line_), " must have ", what, " before ", in_quotes(rest_));
  }

  static EquationPart apply(std::string name, std::vector<EquationPart> operands, std::vector<double> numbers = {}) {
    return {Kind::apply, std::move(name), std::move(numbers), std::move(operands), false};
  }

  std::string name() {
    skip_spaces();
    std::size_t size = 0;
    while (size < rest_.size() && is_letter(rest_[size])) ++size;
    require_that(size > 0 && !is_digit(rest_[0]), "a name");
    std::string to(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return to;
  }

  /// Size up to its bracket: a name, a product such as "units*keys", or a multiple such as "4 units".
  std::string size() {
    const std::string_view all = rest_.substr(0, rest_.find(']'));
    require_that(!all.empty() && std::ranges::all_of(all, [](char c) { return is_letter(c) || c == '*' || c == ' '; }),
                 "a size");
    rest_.remove_prefix(all.size());
    expect("]");
    return std::string(all);
  }

  /// Takes the sign of an expression, not that of a number.
  bool take_sign() {
    skip_spaces();
    return rest_.size() > 1 && rest_[0] == '-' && !is_digit(rest_[1]) && take("-");
  }
  bool is_number() {
    skip_spaces();
    return !rest_.empty() && (is_digit(rest_[0]) || rest_[0] == '-');
  }
  double number() {
    double to = 0;
    skip_spaces();
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), to);
    require_that(error == std::errc(), "a number");
    rest_.remove_prefix(std::size_t(end - rest_.data()));
    return to;
  }

  EquationPart product(const std::string& target) {
    EquationPart left = factor(target);
    for (;;) {
      const char* const operation = take("*") ? "*" : take("/") ? "/" : nullptr;
      if (operation == nullptr) return left;
      left = apply(operation, {std::move(left), factor(target)});
    }
  }

  EquationPart factor(const std::string& target) {
    if (is_number()) return {Kind::number, {}, {number()}, {}, false};
    if (take("(")) {
      EquationPart inner = sum(target);
      expect(")");
      return inner;
    }
    std::string word = name();
    std::vector<double> numbers;
    std::string heads;
    if (take("[")) {
      do {
        if (take("heads_of"))
          heads = name();
        else if (take("heads"))
          heads = text(Index(number()));
        else if (is_number())
          numbers.push_back(number());
        else if (!take("sequence"))
          word += text("[", name(), "]");  // a function of the user with the name of one of the library
      } while (take(","));
      expect("]");
    }
    const bool called = take("(");
    if (!called && !numbers.empty() && word == "mask") return {Kind::number, {}, {1}, {}, false};  // in evaluation
    if (!called) return {Kind::value, std::move(word), {}, {}, false};
    if (word == "next" || word == "weight" || word == "bias" || word == "scalar") {
      EquationPart to{word == "next" ? Kind::value : Kind::weight, name(), {}, {}, false};
      if (word == "next") to.name = text("next(", to.name, ")");
      if (take(", frozen[")) (void)name(), expect("]");
      expect(")");
      return to;
    }
    if (word == "linear") return linear(target);
    require<ValueError>(word != "attend", "attend reads a memory, which the operator Scan does not have");
    EquationPart to = apply(std::move(word), {}, std::move(numbers));
    to.named = std::move(heads);
    do to.operands.push_back(sum(target));
    while (take(","));
    expect(")");
    if (to.name != "clip" || to.operands.size() != 2 || to.operands[1].kind != Kind::number) return to;
    const double limit = to.operands[1].numbers[0];
    return apply("hard_tanh", {std::move(to.operands[0])}, {-limit, limit});
  }

  EquationPart linear(const std::string& target) {
    ++linears_;
    EquationPart to{Kind::linear, linears_ > 1 ? text(target, linears_) : target, {}, {}, true};
    do {
      if (take_option(to)) continue;
      SizedName read = sized();
      if (read.name == "no_bias")
        to.biased = false;
      else
        to.operands.push_back({Kind::value, std::move(read.name), {}, {}, false});
    } while (take(","));
    expect(")");
    return to;
  }

  /// Takes the option of weights. In evaluation, dropped and frozen weights are parameters like others.
  bool take_option(EquationPart& to) {
    if (take("drop_weights[")) return (void)number(), expect("]"), true;
    if (take("frozen[")) return (void)name(), expect("]"), true;
    if (take("orthogonal[cayley]")) return to.option = "orthogonal", true;
    for (const char* const option : {"heads", "antisymmetric"})
      if (take(text(option, "["))) {
        to.option = option, to.numbers = {number()};
        return expect("]"), true;
      }
    for (const char* const option : {"shared", "transposed"})
      if (take(text(option, "["))) {
        to.option = option, to.named = name();
        return expect("]"), true;
      }
    return false;
  }

  std::string_view line_, rest_;
  int linears_ = 0;
};

/// Equations of a text. Throws ValueError for another notation, for attention, and for names with other characters than
/// letters, digits and '_'.
inline CellEquations equations_of(const std::string& all) {
  CellEquations to;
  for (const std::string& text_of_line : lines_of(all)) {
    EquationLine line(text_of_line);
    if (to.states.empty()) {
      line.expect("state(");
      do to.states.push_back(line.sized());
      while (line.take(","));
      line.expect(")");
    } else if (text_of_line.starts_with("output(")) {
      line.expect("output(");
      to.output = line.sized().name;
      line.expect(")");
    } else {
      CellEquation equation{line.sized(), {}};
      line.expect("=");
      const std::string state = advanced_state(equation.target.name);
      for (const SizedName& one : to.states)
        if (one.name == state) equation.target.size = one.size;
      equation.value = line.sum(state.empty() ? equation.target.name : state);
      to.equations.push_back(std::move(equation));
    }
    line.expect_end();
  }
  if (to.output.empty() && !to.states.empty()) to.output = text("next(", to.states[0].name, ")");
  return to;
}

}  // namespace unroll::detail
