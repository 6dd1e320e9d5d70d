#pragma once
// Cells of other systems, identified by their equations. Parameter names do not identify a cell: coupled gates, another
// activation or another output equation have the same names.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/layers/options.hpp"
#include "unroll/parameters/parameters.hpp"

namespace unroll {

/// System with which weights are exchanged; nam: Neural Amp Modeler.
enum class System { pytorch, keras, onnx, rtneural, nam };

namespace detail {

constexpr std::string_view name_of(System system) {
  constexpr std::string_view names[] = {"PyTorch", "Keras", "ONNX", "RTNeural", "Neural Amp Modeler"};
  return names[std::size_t(system)];
}

/// Equations of a cell in the form of Notation::source, one per line, with alternatives for the right side separated by
/// '|'. S is the activation of the gates, T for that of the candidate, U for that of the output.
struct CellForm {
  std::string_view cell;
  std::string_view equations;
  bool pytorch, keras, onnx;      // whether the system has this cell
  std::string_view instead = {};  // for messages: how the cell of systems without this one differs
  bool resets_before = false;

  bool in(System system) const {
    if (system == System::rtneural) return pytorch && keras && cell != "simple RNN";
    if (system == System::nam) return pytorch && keras && cell == "LSTM";
    return system == System::pytorch ? pytorch : system == System::keras ? keras : onnx;
  }
};

inline constexpr std::array cell_forms{
    CellForm{"LSTM",
             "state(h, c)\ni = S(linear(x, h))\nf = S(linear(x, h))\ng = T(linear(x, h))\no = S(linear(x, h))\n"
             "next(c) = f * c + i * g|i * g + f * c\nnext(h) = o * U(next(c))",
             true, true, true},
    CellForm{"LSTM",
             "state(h, c)\ni = S(linear(x, h) + weight(p_i) * c)\nf = S(linear(x, h) + weight(p_f) * c)\n"
             "g = T(linear(x, h))\nnext(c) = f * c + i * g|i * g + f * c\n"
             "o = S(linear(x, h) + weight(p_o) * next(c))\nnext(h) = o * U(next(c))",
             false, false, true, "has no peepholes"},
    CellForm{"LSTM",
             "state(h, c)\ni = S(linear(x, h))\ng = T(linear(x, h))\no = S(linear(x, h))\n"
             "next(c) = (1 - i) * c + i * g|i * g + (1 - i) * c\nnext(h) = o * U(next(c))",
             false, false, true, "has a forget gate, not coupled gates"},
    CellForm{"LSTM",
             "state(h, c)\ni = S(linear(x, h) + weight(p_i) * c)\ng = T(linear(x, h))\n"
             "next(c) = (1 - i) * c + i * g|i * g + (1 - i) * c\no = S(linear(x, h) + weight(p_o) * next(c))\n"
             "next(h) = o * U(next(c))",
             false, false, true, "has a forget gate, not coupled gates, and no peepholes"},
    CellForm{"LSTM",
             "state(h[projected], c)\ni = S(linear(x, h))\nf = S(linear(x, h))\ng = T(linear(x, h))\n"
             "o = S(linear(x, h))\nnext(c) = f * c + i * g|i * g + f * c\nm = o * U(next(c))\nnext(h) = linear(m)",
             true, false, true, "has no projection"},
    CellForm{"GRU",
             "state(h)\nr = S(linear(x, h))\nz = S(linear(x, h))\nn = T(linear(x) + r * linear(h))\n"
             "next(h) = n + z * (h - n)|(1 - z) * n + z * h|z * h + (1 - z) * n",
             true, true, true},
    CellForm{"GRU",
             "state(h)\nr = S(linear(x, h))\nz = S(linear(x, h))\ns = r * h|h * r\nn = T(linear(x, s))\n"
             "next(h) = n + z * (h - n)|(1 - z) * n + z * h|z * h + (1 - z) * n",
             false, true, true, "resets after the product", true},
    CellForm{"simple RNN", "state(h)\nnext(h) = T(linear(x, h))", true, true, true}};

/// Activations S, T and U in a cell.
struct CellFunctions {
  std::string gates, candidate, output;
};

/// Matcher of a line with a line of a form; records the activations.
class LineMatch {
 public:
  explicit LineMatch(CellFunctions& functions) : functions_(functions) {}

  bool operator()(std::string_view form, std::string_view line) const {
    const auto split = form.find(" = ");
    if (split == form.npos) return form == line;
    const std::string_view left = form.substr(0, split + 3);
    if (!line.starts_with(left)) return false;
    for (std::string_view rest = form.substr(left.size());;) {
      const auto end = rest.find('|');
      if (expression(rest.substr(0, end), line.substr(left.size()))) return true;
      if (end == rest.npos) return false;
      rest.remove_prefix(end + 1);
    }
  }

 private:
  bool expression(std::string_view form, std::string_view written) const {
    CellFunctions found = functions_;
    std::size_t at = 0;
    for (const char c : form) {
      std::string* const function = c == 'S'   ? &found.gates
                                    : c == 'T' ? &found.candidate
                                    : c == 'U' ? &found.output
                                               : nullptr;
      const std::size_t end = function == nullptr ? at + 1 : written.find('(', at);
      if (at >= written.size() || end == written.npos) return false;
      const std::string_view part = written.substr(at, end - at);
      if (function == nullptr ? part.front() != c : !function->empty() && *function != part) return false;
      if (function != nullptr) *function = part;
      at = end;
    }
    if (at == written.size()) functions_ = found;
    return at == written.size();
  }

  CellFunctions& functions_;
};

/// Lines of equations in normal form. Differences that do not affect files are removed: biases, which follow from the
/// parameters; one or two linear terms for input and state, and their order; the name of a size.
inline std::vector<std::string> normal_lines(std::string equations) {
  const auto replace = [&](std::string_view from, std::string_view to) {
    for (auto at = equations.find(from); at != equations.npos; at = equations.find(from, at + to.size()))
      equations.replace(at, from.size(), to);
  };
  replace(", no_bias)", ")");
  replace("(linear(x) + linear(h)", "(linear(x, h)");
  replace("linear(h, x)", "linear(x, h)");
  replace("(linear(x) + linear(s))", "(linear(x, s))");
  replace("linear(s, x)", "linear(x, s)");
  if (const auto at = equations.find("state(h["); at != equations.npos)
    equations.replace(at, equations.find(']', at) - at, "state(h[projected");
  return lines_of(equations);
}

/// Result of matching the lines of a cell with a form.
struct FormMatch {
  CellFunctions functions = {};
  std::size_t matched = 0;
  std::string other = {}, line = {};  // the first line that is not in the form, and the corresponding line of the form
  bool whole = false;

  FormMatch() = default;
  FormMatch(const CellForm& form, const std::vector<std::string>& lines) {
    const LineMatch match(functions);
    const auto theirs = lines_of(form.equations);
    for (const std::string& own : lines)
      if (std::ranges::any_of(theirs, [&](const std::string& line_of_form) { return match(line_of_form, own); }))
        ++matched;
      else if (other.empty())
        other = own, line = differing_line(own, theirs);
    whole = matched == lines.size() && matched == theirs.size();
    if (!whole && other.empty()) other = lines.empty() ? "" : lines.back(), line = theirs.back();
  }

 private:
  static std::string differing_line(const std::string& own, const std::vector<std::string>& theirs) {
    for (const std::string& line_of_form : theirs)
      if (const auto split = line_of_form.find(" = ");
          split != line_of_form.npos && own.starts_with(line_of_form.substr(0, split + 3)))
        return shown(line_of_form.substr(0, line_of_form.find('|')));
    return {};
  }
  static std::string shown(std::string line_of_form) {
    for (const auto& [letter, function] :
         {std::pair("S(", "sigmoid("), std::pair("T(", "tanh("), std::pair("U(", "tanh(")})
      if (const auto at = line_of_form.find(letter); at != line_of_form.npos) line_of_form.replace(at, 2, function);
    return line_of_form;
  }
};

/// Checks the activations: PyTorch, RTNeural and Neural Amp Modeler have a fixed one in each place, Keras one for all
/// gates and one for the rest, ONNX any.
inline void check_functions(const CellFunctions& f, const CellForm& form, System system, const std::string& where) {
  if (system == System::keras)
    require<ValueError>(f.output.empty() || f.output == f.candidate, where, "Keras's ", form.cell,
                        " must have one function for candidate and output, got ", f.candidate, " and ", f.output);
  if (system != System::pytorch) return;
  if (form.cell == "simple RNN")
    require<ValueError>(f.candidate == "tanh" || f.candidate == "relu", where,
                        "PyTorch's simple RNN must have tanh or relu, got ", f.candidate);
  else
    require<ValueError>(f.gates == "sigmoid" && f.candidate == "tanh" && (f.output.empty() || f.output == "tanh"),
                        where, name_of(system), "'s ", form.cell, " must have sigmoid gates and tanh, got ", f.gates,
                        ", ", f.candidate, f.output.empty() ? "" : ", ", f.output);
}

/// Cell with its form and its activations.
struct KnownCell {
  const CellForm& form;
  CellFunctions functions;
};

/// Form of the cell whose parameter names begin with `prefix`. Throws ValueError if the system does not have it.
inline KnownCell form_of(const ParameterTable& table, const std::string& prefix, System system) {
  const std::string where = text("parameters '", prefix, "*': "), equations = table.equations(prefix);
  require<ValueError>(!equations.empty(), where, "the cell has no equations, by which ", name_of(system),
                      "'s cells are identified; there are ", table.names());
  const std::vector<std::string> lines = normal_lines(equations);
  const CellForm* nearest = nullptr;
  FormMatch best;
  for (const CellForm& form : cell_forms)
    if (const FormMatch match(form, lines); nearest == nullptr || match.whole || match.matched > best.matched) {
      nearest = &form, best = match;
      if (match.whole) break;
    }
  require<ValueError>(best.whole, where, name_of(system), " has no cell with '", best.other, "'; the nearest, its ",
                      nearest->cell, ", has ", best.line.empty() ? "no such line" : "'" + best.line + "'");
  const bool other = nearest->instead.empty();  // the system has no cell of this kind
  require<ValueError>(nearest->in(system), where, name_of(system), other ? " has no " : "'s ", nearest->cell,
                      other ? "" : " ", nearest->instead);
  check_functions(best.functions, *nearest, system, where);
  return {*nearest, best.functions};
}

}  // namespace detail
}  // namespace unroll
