#pragma once
// The equations back as text and as LaTeX, and what they cost, read from the same list of operations that the kernels
// run.

#include <string>

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

enum class Notation { text, latex };

namespace detail {

template <class D>
class Describer {
  static constexpr const auto& program = D::program;

 public:
  explicit Describer(Notation notation) : latex_(notation == Notation::latex) {}

  std::string lines() const {
    std::string all;
    for (int e = 0; e < program.equations; ++e) {
      const EquationInfo& equation = program.equation[e];
      const std::string target = equation.state >= 0 ? after(equation.name) : value(equation.name);
      all +=
          target + (latex_ ? " &= " : " = ") + right_side(e) + (latex_ && e + 1 < program.equations ? " \\\\\n" : "\n");
    }
    return latex_ ? "\\begin{aligned}\n" + all + "\\end{aligned}\n" : all;
  }

 private:
  // How tightly an operator binds; a weaker one inside a tighter one gets parentheses.
  enum Binding { sum = 1, product = 2, whole = 3 };

  std::string right_side(int equation) const {
    const int root = program.equation[equation].root;
    return program.operation[root].equation == equation ? print(root, sum) : named(root);  // or only another name
  }

  /// An operand: the name of what another equation defines, or the expression itself.
  std::string operand(int o, int equation, Binding needed) const {
    return program.operation[o].equation == equation ? print(o, needed) : named(o);
  }

  std::string named(int o) const {
    const Operation& operation = program.operation[o];
    if (operation.op == Op::state) return before(program.state[operation.index].name);
    if (operation.op == Op::input) return value(program.input[operation.index]);
    if (operation.op == Op::constant) return letter(program.constant[operation.index]);
    const EquationInfo& equation = program.equation[operation.equation];
    return equation.state >= 0 ? after(equation.name) : value(equation.name);
  }

  std::string print(int o, Binding needed) const {
    const Operation& operation = program.operation[o];
    const auto left = [&](Binding binding) { return operand(operation.left, operation.equation, binding); };
    const auto right = [&](Binding binding) { return operand(operation.right, operation.equation, binding); };
    switch (operation.op) {
      case Op::number:
        return text(operation.number);
      case Op::unit_weight:
      case Op::scalar_weight:
        return letter(program.weight[operation.index].name);
      case Op::linear:
        return bracketed(linear(program.term[operation.index]), needed > sum && terms(o) > 1);
      case Op::attend:
        return attend(program.attention[operation.index]);
      case Op::apply:
        return call(function_name(operation.index), left(sum));
      case Op::clip:
        return call(latex_ ? "\\mathrm{clip}_{" + text(operation.number) + "}" : "clip",
                    left(sum) + (latex_ ? "" : ", " + text(operation.number)));
      case Op::negate:
        return bracketed("-" + left(product), needed > sum);
      case Op::add:
        return bracketed(left(sum) + " + " + right(sum), needed > sum);
      case Op::subtract:
        return bracketed(left(sum) + " - " + right(product), needed > sum);
      case Op::multiply:
        return bracketed(left(product) + times(operation) + right(product), needed > product);
      case Op::divide:
        if (latex_) return "\\frac{" + left(sum) + "}{" + right(sum) + "}";
        return bracketed(left(product) + " / " + right(whole), needed > product);
      case Op::maximum:
        return call(latex_ ? "\\max" : "max", left(sum) + ", " + right(sum));
      case Op::minimum:
        return call(latex_ ? "\\min" : "min", left(sum) + ", " + right(sum));
      default:
        return named(o);
    }
  }

  /// Summands of a linear term.
  int terms(int o) const {
    const LinearTerm& term = program.term[program.operation[o].index];
    return term.sources + (term.biased ? 1 : 0);
  }

  std::string linear(const LinearTerm& term) const {
    std::string equation(program.equation[term.equation].name);
    if (term.ordinal > 1) equation += text(term.ordinal);
    std::string written;
    for (int k = 0; k < term.sources; ++k)
      written += (k > 0 ? " + " : "") +
                 indexed("W", equation + (latex_ ? " " : "_") + std::string(term.source_name[k])) + " " +
                 named(term.source[k]);
    return term.biased ? written + " + " + indexed("b", equation) : written;
  }

  std::string attend(const AttentionInfo& info) const {
    const std::string query = named(program.term[info.term].source[0]), score(score_name(info));
    return latex_ ? call("\\mathrm{attend}_{\\mathrm{" + score + "}}", query) : call("attend", score + ", " + query);
  }
  static std::string_view score_name(const AttentionInfo& info) {
    if (info.score == ScoreKind::dot) return "dot";
    if (info.score == ScoreKind::scaled_dot) return "scaled dot";
    if (info.score == ScoreKind::general) return "general";
    return info.normalised ? "additive normalised" : info.biased ? "additive biased" : "additive";
  }

  std::string times(const Operation& operation) const {
    if (!latex_) return " * ";
    const auto scalar = [&](int o) {
      return program.operation[o].op == Op::number || program.operation[o].op == Op::scalar_weight;
    };
    return scalar(operation.left) || scalar(operation.right) ? " \\, " : " \\odot ";
  }

  static std::string function_name(int index, Notation notation) {
    std::string found;
    int k = 0;
    D::functions.each([&](const auto& f) {
      if (k++ == index) found = notation == Notation::latex ? f.latex : f.name;
    });
    return found;
  }
  std::string function_name(int index) const { return function_name(index, latex_ ? Notation::latex : Notation::text); }

  std::string call(const std::string& function, const std::string& arguments) const {
    return latex_ ? function + "\\left(" + arguments + "\\right)" : function + "(" + arguments + ")";
  }
  std::string bracketed(const std::string& inner, bool brackets) const {
    if (!brackets) return inner;
    return latex_ ? "\\left(" + inner + "\\right)" : "(" + inner + ")";
  }
  std::string indexed(const std::string& base, const std::string& index) const {
    return latex_ ? base + "_{" + index + "}" : base + "_" + index;
  }

  // "h" is the state before the step and "h'" the one after it; in LaTeX steps have numbers.
  std::string before(std::string_view name) const { return latex_ ? stepped(name, "t-1") : std::string(name); }
  std::string after(std::string_view name) const { return latex_ ? stepped(name, "t") : std::string(name) + "'"; }
  std::string value(std::string_view name) const { return latex_ ? stepped(name, "t") : std::string(name); }
  std::string stepped(std::string_view name, std::string_view step) const {
    const auto split = name.find('_');  // c_x at step t is c_{x,t}
    const std::string base = letter(name.substr(0, split));
    return split == name.npos ? text(base, "_{", step, "}") : text(base, "_{", name.substr(split + 1), ",", step, "}");
  }
  std::string letter(std::string_view name) const {
    const auto split = name.find('_');
    if (!latex_ || (name.size() == 1)) return std::string(name);
    if (split != name.npos) return letter(name.substr(0, split)) + text("_{", name.substr(split + 1), "}");
    return text("\\mathit{", name, "}");
  }

  bool latex_;
};

}  // namespace detail

/// The equations of a cell, a line each: `h` before the step, `h'` after it, weights as W_EQUATION_SOURCE and
/// b_EQUATION; or as a LaTeX `aligned` block.
template <class S, const auto& equations, int units>
std::string describe(const EquationCell<S, equations, units>&, Notation notation = Notation::text) {
  return detail::Describer<Derived<equations>>(notation).lines();
}

/// What one column (one sequence at one step) costs.
struct CellCounts {
  Index parameters = 0;
  Index product_flops = 0;   ///< of a step forward: two for each weight of a matrix; back it is twice as many
  Index operations = 0;      ///< element by element, of a step forward
  Index transcendental = 0;  ///< how many of these are functions
  Index kept_bytes = 0;      ///< that a training step keeps, states and output included
};

template <class S, const auto& equations, int units>
CellCounts count(const EquationCell<S, equations, units>& cell) {
  constexpr const auto& program = Derived<equations>::program;
  CellCounts counts;
  counts.parameters = cell.parameters().size();
  for (const ParameterBlock& block : cell.parameters().blocks())
    if (block.role == Role::input_weight || block.role == Role::recurrent_weight)
      counts.product_flops += 2 * block.size();
  for (int o = 0; o < program.operations; ++o) {
    const Op op = program.operation[o].op;
    if (op == Op::apply) counts.transcendental += cell.layout().rows(o);
    if (op >= Op::apply) counts.operations += cell.layout().rows(o);
  }
  Index kept = cell.kept_rows() + (EquationCell<S, equations, units>::output_state < 0 ? cell.output_rows() : 0);
  for (int s = 0; s < program.states; ++s) kept += cell.state_rows(s);
  counts.kept_bytes = kept * Index(sizeof(S));
  return counts;
}

}  // namespace unroll
