#pragma once
// Activation functions of Keras.

#include <array>
#include <string>
#include <string_view>

#include "unroll/io/import/gate_orders.hpp"

namespace unroll::detail {

/// Function without numbers, or with the numbers that a cell has by default.
struct KerasFunction {
  std::string_view keras;  ///< name in Keras
  std::string_view ours;   ///< name in the equations of a cell, with its numbers
};

inline constexpr std::array keras_functions{
    KerasFunction{"linear", "identity"}, KerasFunction{"sigmoid", "sigmoid"},
    KerasFunction{"tanh", "tanh"},       KerasFunction{"relu", "relu"},
    KerasFunction{"elu", "elu[1]"},      KerasFunction{"softplus", "softplus"},
    KerasFunction{"gelu", "gelu"},       KerasFunction{"softsign", "softsign"},
    KerasFunction{"silu", "silu"},       KerasFunction{"hard_tanh", "hard_tanh[-1, 1]"}};

/// Slopes and offsets of Keras's hard_sigmoid.
struct KerasHardSigmoid {
  double alpha, beta;
};
inline constexpr KerasHardSigmoid hard_sigmoid_of(int version) {
  return version < 3 ? KerasHardSigmoid{0.2, 0.5} : KerasHardSigmoid{1.0 / 6, 0.5};
}

/// Keras's names of the functions of a cell: of the candidate (`activation`) and of the gates (`recurrent_activation`).
/// Throws ValueError for a cell or function that Keras does not have.
struct KerasCellFunctions {
  std::string candidate, gates;

  KerasCellFunctions(const ParameterTable& table, const std::string& prefix) {
    const auto lines = normal_lines(table.equations(prefix));
    for (const CellForm& form : cell_forms)
      if (const FormMatch match(form, lines); match.whole) {
        candidate = in_keras(match.functions.candidate, prefix);
        if (!match.functions.gates.empty()) gates = in_keras(match.functions.gates, prefix);
        return;
      }
  }

 private:
  static std::string in_keras(const std::string& function, const std::string& prefix) {
    for (const auto& [keras, ours] : keras_functions)
      if (ours == function) return std::string(keras);
    throw ValueError(text("parameters '", prefix, "*': Keras's cells must have a function of Keras, got ", function));
  }
};

}  // namespace unroll::detail
