// Messages of the compiler for hand-written cells that lack a member.
#include <unroll/engine/over_time.hpp>

// clang-format off: a case keeps its sentence in one line
using namespace unroll;

namespace {

struct Complete {
  using Scalar = double;
  using Weights = const double*;
#if CASE != 1
  struct Work {};
#endif
  static constexpr int states = 1, output_state = 0;
  int inputs() const { return 1; }
  int constants() const { return 0; }
  Index input_rows(int) const { return 1; }
  Index constant_rows(int) const { return 0; }
  Index state_rows(int) const { return 1; }
  Index output_rows() const { return 1; }
#if CASE != 2
  Index kept_rows() const { return 0; }
#endif
#if CASE != 3
  const ParameterTable& parameters() const { return table; }
#endif
  void prepare(const double*, Weights&) const {}
  void prepare_back(const double*, Weights&) const {}
  template <class W>
  void begin(const double*, const Inputs<double>&, const Timeline&, W&) const {}
  template <class W>
  void make_room(const double*, const Timeline&, W&) const {}
  template <class W>
  void project(const double*, const Inputs<double>&, const Timeline&, Index, Index, W&) const {}
#if CASE != 4
  template <class W>
  void step(const double*, const Step<double, 1>&, W&) const {}
#endif
  template <class W>
  void begin_back(const double*, const Timeline&, W&) const {}
#if CASE == 5
  template <class W>
  void step_back(const double*, const StepBack<double, 1>&, W&) {}
#else
  template <class W>
  void step_back(const double*, const StepBack<double, 1>&, W&) const {}
#endif
  template <class W>
  void collect(const double*, const Step<double, 1>&, const Inputs<double>&, double*, W&) const {}
  template <class W>
  void pull_inputs(const double*, Index, Index, const InputGradients<double>&, bool, W&) const {}
  template <class W>
  void end_back(const double*, const Inputs<double>&, double*, const InputGradients<double>&, W&) const {}
  ParameterTable table;
};

// CASE 1: unroll: a cell needs the types Scalar, Weights and Work and the numbers states and output_state
// CASE 2: unroll: a cell needs inputs(), constants(), input_rows(k), constant_rows(k), state_rows(k), output_rows() and kept_rows()
// CASE 3: unroll: a cell needs parameters(), the table of its weights
// CASE 4: unroll: a cell needs prepare(...), begin(...), make_room(...), project(...) and step(...), all const
// CASE 5: unroll: a cell needs prepare_back(...), begin_back(...), step_back(...), collect(...), pull_inputs(...) and
static_assert(check_cell<Complete>());

}  // namespace
