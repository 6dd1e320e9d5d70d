#pragma once
// Scalar reference of a cell's equations: one operation at a time, without products, stages, registers or buffers.
// Slow; it shares with the derived cell only the list of operations and the names of its parameters.

#include <Eigen/LU>
#include <string>
#include <vector>

#include "cells/cell_run.hpp"

namespace cell_run {

/// Results of the reference: values of every equation by its number, output [rows x columns] and final states.
struct ReferenceValues {
  std::vector<MatrixX<double>> equation;
  MatrixX<double> output;
  std::vector<MatrixX<double>> final_state;
};

template <class C>
class Reference {
  using D = typename C::Derivation;
  static constexpr const auto& program = D::program;

 public:
  explicit Reference(const CellRun<C>& run)
      : run_(run), parameters_(run.cell.parameters()), values_(std::size_t(program.operations)) {
    parameters_.values() = run.theta.template cast<double>();
    D::applied.each([&](const auto& element) {
      applied_.push_back({std::string(element.name)});
      if constexpr (requires { element.visit_options([](std::string_view, double) {}); })
        element.visit_options([&](std::string_view, double number) { applied_.back().number = number; });
    });
  }

  ReferenceValues operator()() {
    ReferenceValues result;
    result.equation.resize(std::size_t(program.equations));
    for (const auto& part : run_.initial) result.final_state.push_back(part.template cast<double>());
    for (Index rank = 0; rank < run_.timeline.batch(); ++rank) sequence(rank, result);
    return result;
  }

 private:
  struct Element {
    std::string name;
    double number = 0;  // limit of clip
  };

  void sequence(Index rank, ReferenceValues& result) {
    const Timeline& timeline = run_.timeline;
    const Index sample = timeline.sample(rank), length = timeline.length(rank);
    for (Index k = 0; k < length; ++k) {
      const Index column = timeline.offset(run_.direction == Direction::forward ? k : length - 1 - k) + rank;
      for (int o = 0; o < program.operations; ++o) values_[std::size_t(o)] = compute(o, column, rank, sample, result);
      for (int e = 0; e < program.equations; ++e)
        write(result.equation[std::size_t(e)], column, program.equation[e].root);
      write(result.output, column, program.output);
      for (int s = 0; s < program.states; ++s)
        result.final_state[std::size_t(s)].col(sample) = values_[std::size_t(program.state[s].next)];
    }
  }

  void write(MatrixX<double>& to, Index column, int o) {
    if (to.size() == 0) to.setZero(run_.cell.layout().rows(o), run_.timeline.columns());
    to.col(column) = values_[std::size_t(o)];
  }

  VectorX<double> compute(int o, Index column, Index rank, Index sample, const ReferenceValues& result) const {
    const detail::Operation& operation = program.operation[o];
    const auto at = [&](int operand) -> const VectorX<double>& { return values_[std::size_t(operand)]; };
    const Index rows =
        operation.op == detail::Op::input || operation.op == detail::Op::constant ? 0 : run_.cell.layout().rows(o);
    VectorX<double> v(rows);
    switch (operation.op) {
      case detail::Op::state:
        return result.final_state[std::size_t(operation.index)].col(sample);
      case detail::Op::input:
        return run_.inputs[std::size_t(operation.index)].col(column).template cast<double>();
      case detail::Op::constant:
        return run_.constants[std::size_t(operation.index)].col(rank).template cast<double>();
      case detail::Op::number:
        return v.setConstant(operation.number);
      case detail::Op::unit_weight:
        return parameters_[program.weight[operation.index].name];
      case detail::Op::scalar_weight:
        return v.setConstant(parameters_[program.weight[operation.index].name](0, 0));
      case detail::Op::linear:
        return linear(program.term[operation.index], run_.cell.layout().rows_of_term(operation.index));
      case detail::Op::column:
        return over_rows(operation.index, rows);
      case detail::Op::apply:
        break;
    }
    for (Index r = 0; r < rows; ++r) {
      const double a = at(operation.left)[r], b = operation.right < 0 ? 0 : at(operation.right)[r];
      v[r] = element(operation, a, b);
    }
    return v;
  }

  /// Operation on all rows of a value. Attention has separate tests.
  VectorX<double> over_rows(int index, Index rows) const {
    VectorX<double> result;
    int number = 0;
    D::over_columns.each([&]<class Word>(const Word& word) {
      if constexpr (std::is_same_v<Word, language::RowsWord>)
        if (number == index) result = over_rows(word, program.term[program.column_operation[index].term], rows);
      ++number;
    });
    if (result.size() == 0) throw std::logic_error("reference: attention has separate tests");
    return result;
  }
  VectorX<double> over_rows(const language::RowsWord& word, const detail::LinearTerm& operand, Index rows) const {
    using Kind = language::RowsKind;
    const VectorX<double>& v = values_[std::size_t(operand.operation)];
    if (word.kind == Kind::column_sums)
      return Eigen::Map<const MatrixX<double>>(v.data(), rows, v.size() / rows).rowwise().sum();
    if (word.kind == Kind::mean) return VectorX<double>::Constant(1, v.sum() / double(v.size()));
    if (word.kind == Kind::sum) return VectorX<double>::Constant(1, v.sum());
    if (word.kind == Kind::max_of) return VectorX<double>::Constant(1, v.maxCoeff());
    VectorX<double> out(rows);
    Index groups = word.kind == Kind::row_sums ? rows : word.heads;
    for (int k = 0; k < program.size_count; ++k)
      if (!word.heads_size.empty() && program.sizes[k] == word.heads_size) groups = run_.cell.layout().rows_of_size(k);
    const Index size = v.size() / groups;
    for (Index g = 0; g < groups; ++g) {
      const VectorX<double> part = v.segment(g * size, size);
      const VectorX<double> centred = part.array() - part.mean();
      if (word.kind == Kind::row_sums) out[g] = part.sum();
      if (word.kind == Kind::layer_norm)
        out.segment(g * size, size) = centred / std::sqrt(centred.squaredNorm() / double(size) + word.epsilon);
      if (word.kind == Kind::rms_norm)
        out.segment(g * size, size) = part / std::sqrt(part.squaredNorm() / double(size) + word.epsilon);
      if (word.kind == Kind::softmax) out.segment(g * size, size) = part.array().exp() / part.array().exp().sum();
    }
    return out;
  }

  /// Rows that a term copies from its source; masks have the values of evaluation.
  VectorX<double> copy(const detail::LinearTerm& term, Index rows) const {
    VectorX<double> v(rows);
    if (term.is_mask()) return v.setConstant(term.copy == language::Copy::dropped ? 1 : term.rate);
    const auto& source = values_[std::size_t(term.source[0])];
    for (Index r = 0; r < rows; ++r) {
      const Index columns = rows / source.size();
      Index from = r;
      if (term.copy == language::Copy::spread) from = 0;
      if (term.copy == language::Copy::part) from = term.part * rows + r;
      if (term.copy == language::Copy::by_row || term.copy == language::Copy::by_head) from = r / columns;
      if (term.copy == language::Copy::by_column) {
        const Index width = run_.cell.layout().sides(term.dimension).second, heads = source.size() / width;
        from = r / (rows / heads) * width + r % width;
      }
      v[r] = source[from];
    }
    return v;
  }

  VectorX<double> linear(const detail::LinearTerm& term, Index rows) const {
    if (term.copy != language::Copy::none) return copy(term, rows);
    const std::string name =
        std::string(program.equation[term.equation].name) + (term.ordinal > 1 ? text(term.ordinal) : "");
    VectorX<double> v = VectorX<double>::Zero(rows);
    if (term.biased) v = parameters_[name + ".b"];
    for (int k = 0; k < term.sources; ++k) {
      const auto& rule = term.rule;
      MatrixX<double> weights =
          parameters_[rule.matrix.empty() ? name + "." + source_name(term, k) : std::string(rule.matrix)];
      if (rule.transposed) weights = weights.transpose().eval();
      if (rule.antisymmetric)
        weights = weights - weights.transpose().eval() - rule.damping * MatrixX<double>::Identity(rows, rows);
      if (rule.orthogonal) {
        const MatrixX<double> a = weights - weights.transpose(), one = MatrixX<double>::Identity(rows, rows);
        weights = (one + a).partialPivLu().solve(one - a);
      }
      const auto& source = values_[std::size_t(term.source[k])];
      const Index columns = source.size() / rule.heads;
      for (Index r = 0; r < rows; ++r)
        for (Index j = 0; j < columns; ++j) v[r] += weights(r, j) * source[r / (rows / rule.heads) * columns + j];
    }
    return v;
  }

  /// Name of a source of a linear term; the state after the step has the suffix "_next".
  static std::string source_name(const detail::LinearTerm& term, int k) {
    bool next = false;
    for (int s = 0; s < program.states; ++s) next = next || program.state[s].next == term.source[k];
    return std::string(term.source_name[k]) +
           (next && program.operation[term.source[k]].op != detail::Op::state ? "_next" : "");
  }

  double element(const detail::Operation& operation, double a, double b) const {
    const auto& [name, number] = applied_[std::size_t(operation.index)];
    if (operation.right < 0)
      return name == "-"         ? -a
             : name == "clip"    ? std::max(-number, std::min(a, number))
             : name == "softcap" ? number * std::tanh(a / number)
                                 : function(name, a);
    if (name == "+") return a + b;
    if (name == "-") return a - b;
    if (name == "*") return a * b;
    if (name == "/") return a / b;
    if (name == "max") return a > b ? a : b;
    if (name == "min") return a < b ? a : b;
    if (name == "mod") return a - b * std::floor(a / b);
    if (name == "pow") return std::pow(a, b);
    throw std::logic_error("reference: unknown operation " + name);
  }

  static double function(const std::string& name, double x) {
    if (name == "sigmoid") return 1 / (1 + std::exp(-x));
    if (name == "tanh") return std::tanh(x);
    if (name == "relu") return x > 0 ? x : 0;
    if (name == "softplus") return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
    if (name == "softsign") return x / (1 + std::abs(x));
    if (name == "gelu") return x * std::erfc(-x / std::sqrt(2.0)) / 2;
    if (name == "gelu_tanh")
      return x * (1 + std::tanh(std::sqrt(8 / std::acos(-1.0)) / 2 * (x + 0.044715 * x * x * x))) / 2;
    if (name == "silu") return x / (1 + std::exp(-x));
    if (name == "exp") return std::exp(x);
    if (name == "log") return std::log(x);
    if (name == "sqrt") return std::sqrt(x);
    if (name == "square") return x * x;
    if (name == "abs") return std::abs(x);
    if (name == "sin") return std::sin(x);
    if (name == "cos") return std::cos(x);
    if (name == "expm1") return std::expm1(x);
    if (name == "log1p") return std::log1p(x);
    if (name == "sign") return double((x > 0) - (x < 0));
    if (name == "floor") return std::floor(x);
    if (name == "fract") return x - std::floor(x);
    throw std::logic_error("reference: unknown function " + name);
  }

  const CellRun<C>& run_;
  Parameters<double> parameters_;
  std::vector<Element> applied_;
  std::vector<VectorX<double>> values_;
};

}  // namespace cell_run
