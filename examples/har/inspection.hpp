#pragma once
// What goes on inside a trained network.

#include "training.hpp"

namespace har {

struct Inspection {
  std::vector<double> steps, accuracy;  // share of the test data told rightly from the first steps alone
  unroll::MatrixX<double> state;        // [units x steps] behind the last recurrent layer, of one test sequence
  std::string sequence;                 // what that is
  std::vector<double> gradient;         // norm at the input of each step, averaged over some test sequences
  std::string weight_name;
  unroll::MatrixX<double> weights;  // of the first layer, on the channels
};

Inspection inspect(const Network& network, const Options& options, const Data& data);

}  // namespace har
