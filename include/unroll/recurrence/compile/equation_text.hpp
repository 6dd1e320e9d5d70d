#pragma once
// Text of a cell's equations, from the list of operations that the kernels run.

#include <string>

#include "unroll/recurrence/compile/program_view.hpp"

namespace unroll::detail {

enum class Notation {
  text,    ///< weights by name: c' = f * c + i * g, i = sigmoid(W_i_x x + W_i_h h + b_i)
  latex,   ///< an `aligned` block
  source,  ///< as written in a program: identifies a cell up to the rows of its sizes
};

/// Text of equations. Functions are marked cold: every program with a cell compiles them, few call them.
class EquationText {
 public:
  /// `biased`: whether the cell has the biases of the equations; Notation::source is the same without them.
  EquationText(const ProgramView& program, Notation notation, bool biased)
      : program_(program), notation_(notation), biased_(biased) {}

  [[gnu::cold]] std::string lines() const {
    if (notation_ == Notation::source) return source_lines();
    std::string all;
    for (int e = 0; e < program_.equations; ++e)
      all += text(target(e), latex() ? " &= " : " = ", right_side(e),
                  latex() && e + 1 < program_.equations ? " \\\\\n" : "\n");
    return latex() ? text("\\begin{aligned}\n", all, "\\end{aligned}\n") : all;
  }

 private:
  bool latex() const { return notation_ == Notation::latex; }
  bool source() const { return notation_ == Notation::source; }

  /// The states first, and the output last if it is not the first state.
  [[gnu::cold]] std::string source_lines() const {
    std::string all = "state(";
    for (int s = 0; s < program_.states; ++s)
      all += text(s > 0 ? ", " : "", sized(program_.state[s].name, program_.state[s].dimension));
    all += ")\n";
    for (int e = 0; e < program_.equations; ++e) all += text(target(e), " = ", right_side(e), "\n");
    if (program_.output_state == 0) return all;
    return text(all, "output(", named(program_.output), ")\n");
  }
  std::string sized(std::string_view name, int dimension) const {
    return dimension == 0 ? std::string(name) : text(name, "[", program_.sizes[dimension], "]");
  }

  [[gnu::cold]] std::string target(int e) const {
    const EquationInfo& equation = program_.equation[e];
    if (equation.state >= 0) return after(equation.name);
    return source() ? sized(equation.name, equation.dimension) : value(equation.name);
  }
  [[gnu::cold]] std::string right_side(int equation) const {
    const int root = program_.equation[equation].root;
    return program_.operation[root].equation == equation ? print(root, Binding::sum)
                                                         : named(root);  // or it only renames a value
  }

  /// Operand: the name if another equation defines it, else the expression.
  std::string operand(int o, int equation, Binding needed) const {
    return program_.operation[o].equation == equation ? print(o, needed) : named(o);
  }

  [[gnu::cold]] std::string named(int o) const {
    const Operation& operation = program_.operation[o];
    if (operation.op == Op::state) return before(program_.state[operation.index].name);
    if (operation.op == Op::input) return value(program_.input[operation.index]);
    if (operation.op == Op::constant) return letter(program_.constant[operation.index]);
    const EquationInfo& equation = program_.equation[operation.equation];
    return equation.state >= 0 ? after(equation.name) : value(equation.name);
  }

  [[gnu::cold]] std::string print(int o, Binding needed) const {
    const Operation& operation = program_.operation[o];
    switch (operation.op) {
      case Op::state:
      case Op::input:
      case Op::constant:
        return named(o);
      case Op::number:
        return text(operation.number);
      case Op::unit_weight:
      case Op::scalar_weight:
        return single(program_.weight[operation.index]);
      case Op::linear:
        return linear(program_.term[operation.index], needed);
      case Op::column:
        return over_column(operation.index);
      case Op::apply:
        return applied(operation, needed);
    }
    return {};  // unreachable
  }

  [[gnu::cold]] std::string applied(const Operation& operation, Binding needed) const {
    if (const LinearTerm* const zone = zone_of(operation)) {
      const int previous = program_.operation[program_.operation[operation.right].right].left, e = operation.equation;
      return call(mask("zoneout", *zone),
                  text(operand(operation.left, e, Binding::sum), ", ", operand(previous, e, Binding::sum)));
    }
    const WrittenOperation written = program_.applied(operation.index, latex());
    const Infix& infix = written.infix;
    const bool call = !written.function.empty(), binary = operation.right >= 0;
    const std::string left = operand(operation.left, operation.equation, infix.left);
    const std::string right = binary ? operand(operation.right, operation.equation, infix.right) : "";
    if (call) return this->call(written.function, text(written.before, left, binary ? ", " : "", right, written.after));
    const bool scales = is_scalar(operation.left) || (binary && is_scalar(operation.right));
    return bracketed(text(infix.before, left, scales ? infix.between_scalars : infix.between, right, infix.after),
                     needed > infix.binding);
  }

  bool is_scalar(int o) const {
    return program_.operation[o].op == Op::number || program_.operation[o].op == Op::scalar_weight;
  }

  [[gnu::cold]] std::string single(const WeightInfo& weight) const {
    if (!source()) return weight.added && !biased_ ? "0" : letter(weight.name);
    const std::string option = weight.frozen.empty() ? "" : text(", frozen[", weight.frozen, "]");
    return text(weight.added ? "bias" : weight.per_unit ? "weight" : "scalar", "(", weight.name, option, ")");
  }

  /// Name of a mask, with its rate.
  [[gnu::cold]] std::string mask(const char* name, const LinearTerm& term) const {
    const std::string numbers = text(term.rate, term.per_sequence ? ", sequence" : "");
    return latex() ? text("\\mathrm{", name, "}_{", numbers, "}") : text(name, "[", numbers, "]");
  }
  /// Mask of the operation next + mask (previous - next), else null.
  const LinearTerm* zone_of(const Operation& sum) const {
    const int mask = sum.right < 0 ? -1 : program_.operation[sum.right].left;
    if (mask < 0 || program_.operation[mask].op != Op::linear) return nullptr;
    const LinearTerm& term = program_.term[program_.operation[mask].index];
    return term.copy == Copy::zoned ? &term : nullptr;
  }
  [[gnu::cold]] std::string copy(const LinearTerm& term) const {
    if (term.is_mask()) return mask("mask", term);
    const std::string from = named(term.source[0]);
    if (term.copy == Copy::by_head) return latex() ? text(from, "^{\\mathrm{head}}") : text("by_head(", from, ")");
    if (term.copy == Copy::by_row) return latex() ? text(from, " \\mathbf{1}^T") : text("by_row(", from, ")");
    if (term.copy == Copy::by_column) return latex() ? text("\\mathbf{1} ", from, "^T") : text("by_column(", from, ")");
    if (term.copy != Copy::part) return from;
    return latex() ? text("{", from, "}_{[", term.part, "]}") : text("part[", term.part, "](", from, ")");
  }

  [[gnu::cold]] std::string linear(const LinearTerm& term, Binding needed) const {
    if (term.copy != Copy::none) return copy(term);
    if (source()) {
      const std::string option = rule(term.rule);
      return text("linear(", sources(term), option.empty() ? "" : ", ", option, term.biased ? ")" : ", no_bias)");
    }
    std::string equation(program_.equation[term.equation].name);
    if (term.ordinal > 1) equation += text(term.ordinal);
    std::string written;
    for (int k = 0; k < term.sources; ++k)
      written += text(k > 0 ? " + " : "", weights(term, text(equation, latex() ? " " : "_", term.source_name[k])), " ",
                      named(term.source[k]));
    const bool biased = term.biased && biased_;
    if (biased) written += text(" + ", indexed("b", equation));
    return bracketed(written, needed > Binding::sum && term.sources + (biased ? 1 : 0) > 1);
  }
  [[gnu::cold]] std::string weights(const LinearTerm& term, const std::string& index) const {
    const language::WeightRule& given = term.rule;
    const std::string all =
        given.matrix.empty() ? indexed("W", index) : letter(given.matrix) + (given.transposed ? "^T" : "");
    if (!latex()) return given.matrix.empty() && !rule(given).empty() ? text(rule(given), "(", all, ")") : all;
    if (given.heads > 1) return text("\\mathrm{diag}_{", given.heads, "}(", all, ")");
    if (given.is_dropped()) return text("\\mathrm{drop}_{", given.drop_rate, "}(", all, ")");
    if (given.orthogonal) return text("\\mathrm{Cayley}(", all, " - ", all, "^T)");
    if (!given.antisymmetric) return all;
    return text("(", all, " - ", all, "^T", given.damping > 0 ? text(" - ", given.damping, " I)") : ")");
  }
  /// Option of the weights of a term: "heads[4]"; empty if there is none.
  [[gnu::cold]] static std::string rule(const language::WeightRule& given) {
    if (given.heads > 1) return text("heads[", given.heads, "]");
    if (given.is_dropped()) return text("drop_weights[", given.drop_rate, "]");
    if (given.antisymmetric) return text("antisymmetric[", given.damping, "]");
    if (given.orthogonal) return "orthogonal[cayley]";
    if (!given.matrix.empty()) return text(given.transposed ? "transposed[" : "shared[", given.matrix, "]");
    return given.frozen.empty() ? "" : text("frozen[", given.frozen, "]");
  }
  [[gnu::cold]] std::string sources(const LinearTerm& term) const {
    std::string all;
    for (int k = 0; k < term.sources; ++k) all += text(k > 0 ? ", " : "", named(term.source[k]));
    return all;
  }

  [[gnu::cold]] std::string over_column(int index) const {
    const WrittenOperation written = program_.over_column(index, latex());
    const LinearTerm& operand = program_.term[program_.column_operation[index].term];
    const std::string read = operand.named ? named(operand.source[0]) : linear(operand, Binding::sum);
    return call(written.function, text(written.before, read, written.after));
  }

  [[gnu::cold]] std::string call(const std::string& function, const std::string& arguments) const {
    return text(function, latex() ? "\\left(" : "(", arguments, latex() ? "\\right)" : ")");
  }
  [[gnu::cold]] std::string bracketed(const std::string& inner, bool brackets) const {
    if (!brackets) return inner;
    return text(latex() ? "\\left(" : "(", inner, latex() ? "\\right)" : ")");
  }
  std::string indexed(const std::string& base, const std::string& index) const {
    return text(base, latex() ? "_{" : "_", index, latex() ? "}" : "");
  }

  // In text, "h" is the state before the step and "h'" the one after it; in LaTeX, steps have indices.
  std::string before(std::string_view name) const { return latex() ? stepped(name, "t-1") : std::string(name); }
  std::string after(std::string_view name) const {
    return latex() ? stepped(name, "t") : source() ? text("next(", name, ")") : text(name, "'");
  }
  std::string value(std::string_view name) const { return latex() ? stepped(name, "t") : std::string(name); }
  [[gnu::cold]] std::string stepped(std::string_view name, std::string_view step) const {
    const auto split = name.find('_');  // c_x at step t is c_{x,t}
    const std::string base = letter(name.substr(0, split));
    return split == name.npos ? text(base, "_{", step, "}") : text(base, "_{", name.substr(split + 1), ",", step, "}");
  }
  [[gnu::cold]] std::string letter(std::string_view name) const {
    const auto split = name.find('_');
    if (!latex() || (name.size() == 1)) return std::string(name);
    if (split != name.npos) return text(letter(name.substr(0, split)), "_{", name.substr(split + 1), "}");
    return text("\\mathit{", name, "}");
  }

  const ProgramView& program_;
  Notation notation_;
  bool biased_;
};

template <class = Once>
[[gnu::cold]] std::string equation_lines(const ProgramView& program, Notation notation, bool biased) {
  return EquationText(program, notation, biased).lines();
}

/// Text that identifies a cell in files: see ParameterTable::equations.
template <class D>
std::string equation_source() {
  return equation_lines(program_view<D>, Notation::source, true);
}

}  // namespace unroll::detail
