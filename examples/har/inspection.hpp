#pragma once
// Analysis of a trained network.

#include "training.hpp"

namespace har {

/// Weight matrix of a gate or a dense layer.
struct WeightMatrix {
  std::string name;                                  // of the parameter: "0.r.x"
  std::string rows, columns;                         // meaning of the rows and columns: "unit", "channel"
  std::vector<std::string> row_names, column_names;  // empty: numbers
  unroll::MatrixX<double> values;
};

struct Inspection {
  std::vector<double> steps, accuracy;  // test accuracy if sequences are truncated to their first steps
  unroll::MatrixX<double> state;        // [units x steps], outputs of the last recurrent layer for one test sequence
  std::string sequence;                 // class of that sequence
  std::vector<double> gradient;         // norm at the input of each step, averaged over some test sequences
  std::vector<WeightMatrix> weights;
};

/// Weight matrices of all layers and gates; biases are left out.
std::vector<WeightMatrix> weights_of(const Network& network, const std::vector<std::string>& channels,
                                     const std::vector<std::string>& classes);

Inspection inspect(const Network& network, const Options& options, const Data& data);

}  // namespace har
