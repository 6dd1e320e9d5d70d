// ONNX's operators RNN, GRU and LSTM in the type of the case: directions, sequence_lens, peepholes, activations, clip,
// input_forget.

#include <limits>

#include "run.hpp"
#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/io/onnx_weights.hpp"

namespace conformance {
namespace {

/// An activation that is chosen while the program runs: one cell then serves every list of activations.
struct Choice {
  std::string name = "Identity";
  double alpha = 0, beta = 0;
  double limit = std::numeric_limits<double>::infinity();  // of the argument: the attribute clip
};

template <class F>
auto with_chosen(const Choice& choice, F&& f) {
  if (choice.name == "Sigmoid") return f(Sigmoid{});
  if (choice.name == "Tanh") return f(Tanh{});
  if (choice.name == "Relu") return f(Relu{});
  if (choice.name == "Softplus") return f(Softplus{});
  if (choice.name == "Softsign") return f(Softsign{});
  if (choice.name == "LeakyRelu") return f(LeakyRelu{choice.alpha});
  if (choice.name == "Elu") return f(Elu{choice.alpha});
  if (choice.name == "HardSigmoid") return f(HardSigmoid{choice.alpha, choice.beta});
  throw Unsupported("the activation '" + choice.name + "'");
}

template <int slot>
struct Chosen {
  static constexpr std::string_view name = "chosen", latex = "\\phi";
  static constexpr bool by_output = false;
  static inline Choice choice;

  template <class V>
  V value(V x) const {
    return with_chosen(choice, [&](auto f) { return f.value(limited(x)); });
  }
  template <class V>
  V slope(V x) const {
    return with_chosen(choice, [&](auto f) { return f.slope(f.by_output ? f.value(limited(x)) : limited(x)); });
  }

 private:
  template <class V>
  static V limited(V x) {
    const V limit = V::constant(typename V::Scalar(choice.limit));
    return max(min(x, limit), -limit);
  }
};

constexpr auto f0 = activation(Chosen<0>{});
constexpr auto f1 = activation(Chosen<1>{});
constexpr auto f2 = activation(Chosen<2>{});

using namespace unroll::symbols;
using unroll::equations::p_f, unroll::equations::p_i, unroll::equations::p_o;

// clang-format off
constexpr auto any_rnn = cell(state(h), next(h) = f0(linear(x, h)));

constexpr auto any_gru = cell(state(h),
    r = f0(linear(x, h)),
    z = f0(linear(x, h)),
    n = f1(linear(x) + r * linear(h)),
    next(h) = n + z * (h - n));

constexpr auto any_gru_reset_before = cell(state(h),
    r = f0(linear(x, h)),
    z = f0(linear(x, h)),
    s = r * h,
    n = f1(linear(x, s)),
    next(h) = n + z * (h - n));

constexpr auto any_lstm = cell(state(h, c),
    i = f0(linear(x, h) + weight(p_i) * c),
    f = f0(linear(x, h) + weight(p_f) * c),
    g = f1(linear(x, h)),
    next(c) = f * c + i * g,
    o = f0(linear(x, h) + weight(p_o) * next(c)),
    next(h) = o * f2(next(c)));
// clang-format on

/// The attributes of an operator, for one direction.
class Attributes {
 public:
  Attributes(const Case& given, std::vector<std::string> defaults)
      : json_(given.json("attributes")), defaults_(std::move(defaults)) {}

  Index directions() const { return json_.value("direction", "forward") == "bidirectional" ? 2 : 1; }
  Direction direction(Index d) const {
    return d == 1 || json_.value("direction", "forward") == "reverse" ? Direction::backward : Direction::forward;
  }
  bool batch_first() const { return json_.value("layout", 0) == 1; }
  bool flag(const char* name) const { return json_.value(name, 0) == 1; }
  bool plain() const { return !json_.contains("activations") && !json_.contains("clip"); }

  /// Alphas and betas are given only to the activations that have them, in their order.
  std::vector<Choice> choices(Index direction) const {
    const auto count = defaults_.size();
    std::vector<std::string> names = json_.value("activations", std::vector<std::string>());
    for (std::size_t k = names.size(); k < count * std::size_t(directions()); ++k)
      names.push_back(defaults_[k % count]);
    auto alphas = json_.value("activation_alpha", std::vector<double>()),
         betas = json_.value("activation_beta", std::vector<double>());
    const auto next = [](std::vector<double>& values, double otherwise) {
      if (values.empty()) return otherwise;
      const double first = values.front();
      values.erase(values.begin());
      return first;
    };
    std::vector<Choice> choices;
    for (const std::string& name : names) {
      Choice choice{.name = name};
      if (name == "HardSigmoid") choice.alpha = next(alphas, 0.2), choice.beta = next(betas, 0.5);
      if (name == "LeakyRelu") choice.alpha = next(alphas, 0.01);
      if (name == "Elu") choice.alpha = next(alphas, 1);
      choices.push_back(choice);
    }
    const auto first = choices.begin() + direction * Index(count);
    std::vector<Choice> own(first, first + Index(count));
    // The argument of h, which sees the cell state, is not limited.
    for (std::size_t k = 0; k < std::min<std::size_t>(count, 2); ++k) own[k].limit = json_.value("clip", own[k].limit);
    own.resize(3);
    return own;
  }

 private:
  nlohmann::json json_;
  std::vector<std::string> defaults_;
};

/// Before anything runs in this direction, there or back.
void choose(const Attributes& attributes, Index direction) {
  const auto choices = attributes.choices(direction);
  Chosen<0>::choice = choices[0], Chosen<1>::choice = choices[1], Chosen<2>::choice = choices[2];
}

struct Layout {
  Layout(const Case& given, const Attributes& attributes)
      : batch_first(attributes.batch_first()),
        directions(attributes.directions()),
        steps(given.extent("X", batch_first ? 1 : 0)),
        batch(given.extent("X", batch_first ? 0 : 1)) {
    const auto lengths =
        given.has("sequence_lens") ? given.integers("sequence_lens") : std::vector<Index>(std::size_t(batch), steps);
    timeline = Timeline::from_mask(mask_of_lengths(lengths, steps));
  }

  template <class S>
  Matrix<S> packed(const Matrix<S>& m) const {
    return timeline.pack(batch_first ? swapped(m, batch) : m);
  }

  /// One matrix [units x batch] per direction as (D, B, H), or (B, D, H).
  template <class S>
  Tensor states(const std::vector<Matrix<S>>& slices) const {
    Matrix<S> all(slices[0].rows(), directions * batch);
    for (Index d = 0; d < directions; ++d) all.middleCols(d * batch, batch) = slices[std::size_t(d)];
    if (batch_first) return tensor(swapped(all, directions), {batch, directions, all.rows()});
    return tensor(all, {directions, batch, all.rows()});
  }
  /// The other way: columns as read, in the order (D, B).
  template <class S>
  Matrix<S> by_direction(const Matrix<S>& m) const {
    return batch_first && m.cols() > 0 ? swapped(m, batch) : m;
  }

  /// The columns of direction d within (T, D, B) or (B, T, D), as (T, B) and back.
  template <class F>
  void each_column(F&& f) const {
    for (Index t = 0; t < steps; ++t)
      for (Index b = 0; b < batch; ++b)
        for (Index d = 0; d < directions; ++d)
          f(d, t * batch + b, batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b);
  }

  bool batch_first;
  Index directions, steps, batch;
  Timeline timeline;
};

const std::vector<std::string> initial_names{"initial_h", "initial_c"}, final_names{"Y_h", "Y_c"};

template <class S>
State<S> slice_of(const std::vector<Matrix<S>>& states, const Layout& layout, Index d) {
  std::vector<Matrix<S>> ordered;
  for (const Matrix<S>& state : states) ordered.push_back(layout.by_direction(state));
  return state_slice(ordered, d, layout.batch);
}

template <class S>
void put_states(SafeTensors& out, const std::vector<std::string>& names, const std::vector<State<S>>& by_direction,
                const Layout& layout) {
  for (std::size_t s = 0; s < by_direction[0].size(); ++s) {
    std::vector<Matrix<S>> slices;
    for (const State<S>& state : by_direction) slices.push_back(state[s]);
    out.tensors[names[s]] = layout.states(slices);
  }
}

template <class C>
void run_back(const Case& given, const Attributes& attributes, const Layout& layout, std::vector<Run<C>>& runs,
              SafeTensors& out) {
  using S = typename C::Scalar;
  const Matrix<S> g_y = given.columns<S>("g_Y");
  const auto g_final = states_if_any<S>(given, {"g_Y_h", "g_Y_c"}, C::states);
  std::vector<Matrix<S>> d_y(runs.size(), Matrix<S>(g_y.rows(), layout.steps * layout.batch));
  layout.each_column([&](Index d, Index own, Index all) { d_y[std::size_t(d)].col(own) = g_y.col(all); });
  std::vector<State<S>> d_initial(runs.size());
  Matrix<S> d_x = Matrix<S>::Zero(runs[0].cell.input_rows(0), layout.timeline.columns());
  for (Index d = 0; d < layout.directions; ++d) {
    choose(attributes, d);
    Run<C>& run = runs[std::size_t(d)];
    d_x += run.backward(layout.timeline, layout.timeline.pack(d_y[std::size_t(d)]), slice_of(g_final, layout, d),
                        d_initial[std::size_t(d)]);
    write_onnx(run.gradient, "", out, SecondBias::same, "d_");
  }
  const Matrix<S> time_first = layout.timeline.unpack(d_x);
  out.tensors["d_X"] =
      tensor(layout.batch_first ? swapped(time_first, layout.steps) : time_first, given.input("X").shape);
  put_states(out, {"d_initial_h", "d_initial_c"}, d_initial, layout);
}

template <class C>
SafeTensors run(const Case& given, const Attributes& attributes) {
  using S = typename C::Scalar;
  const Layout layout(given, attributes);
  const CellSizes sizes{.inputs = {given.extent("W", 2)}, .units = given.extent("R", 2), .constants = {}, .sizes = {}};
  for (const char* name : {"B", "P"}) given.mark_read(name);
  const auto initial = states_if_any<S>(given, initial_names, C::states);
  const Matrix<S> x = layout.packed(given.columns<S>("X"));
  TensorReader reader(given.file());
  std::vector<Run<C>> runs;
  std::vector<State<S>> finals;
  Matrix<S> y(sizes.units, layout.steps * layout.directions * layout.batch);
  for (Index d = 0; d < layout.directions; ++d) {
    choose(attributes, d);
    Run<C>& run = runs.emplace_back(sizes, attributes.direction(d));
    read_onnx(reader, d, layout.directions, run.theta, "");
    const Matrix<S> own = layout.timeline.unpack(run.forward(x, layout.timeline, slice_of(initial, layout, d)));
    layout.each_column([&](Index direction, Index from, Index to) {
      if (direction == d) y.col(to) = own.col(from);
    });
    finals.push_back(run.final_state(layout.timeline));
  }
  SafeTensors out;
  out.tensors["Y"] =
      tensor(y, layout.batch_first ? std::vector<Index>{layout.batch, layout.steps, layout.directions, y.rows()}
                                   : std::vector<Index>{layout.steps, layout.directions, layout.batch, y.rows()});
  put_states(out, final_names, finals, layout);
  if constexpr (std::same_as<S, double>) {  // no case in float has gradients
    if (given.has("g_Y")) run_back(given, attributes, layout, runs, out);
  }
  return out;
}

/// The library's own cell where the activations are the usual ones.
template <class Plain, const auto& any>
SafeTensors run_either(const Case& given, const Attributes& attributes) {
  if (attributes.plain()) return run<Plain>(given, attributes);
  return run<EquationCell<typename Plain::Scalar, any>>(given, attributes);
}

template <class S>
SafeTensors compute_in(const Case& given) {
  const std::string op = given.word("op");
  if (op == "onnx_RNN") return run_either<Elman<S>, any_rnn>(given, Attributes(given, {"Tanh"}));
  if (op == "onnx_GRU") {
    const Attributes attributes(given, {"Sigmoid", "Tanh"});
    return attributes.flag("linear_before_reset")
               ? run_either<Gru<S>, any_gru>(given, attributes)
               : run_either<GruResetBefore<S>, any_gru_reset_before>(given, attributes);
  }
  require<Unsupported>(op == "onnx_LSTM", "the operation '", op, "'");
  const Attributes attributes(given, {"Sigmoid", "Tanh", "Tanh"});
  if (attributes.flag("input_forget")) {
    require<Unsupported>(attributes.plain() && !given.has("P"),
                         "input_forget with peepholes, clip or other activations");
    return run<CoupledLstm<S>>(given, attributes);
  }
  if (given.has("P")) return run_either<PeepholeLstm<S>, any_lstm>(given, attributes);
  return run_either<Lstm<S>, any_lstm>(given, attributes);
}

}  // namespace

SafeTensors compute_onnx(const Case& given) {
  return given.input("X").dtype == DType::F32 ? compute_in<float>(given) : compute_in<double>(given);
}

}  // namespace conformance
