#pragma once
// Analysis of a trained network.

#include "training.hpp"

namespace har {

struct Inspection {
  std::vector<double> steps, accuracy;  // test accuracy if sequences are truncated to their first steps
  unroll::MatrixX<double> state;        // [units x steps], outputs of the last recurrent layer for one test sequence
  std::string sequence;                 // class of that sequence
  std::vector<double> gradient;         // norm at the input of each step, averaged over some test sequences
  std::string weight_name;
  unroll::MatrixX<double> weights;  // input weights of the first layer
};

Inspection inspect(const Network& network, const Options& options, const Data& data);

}  // namespace har
