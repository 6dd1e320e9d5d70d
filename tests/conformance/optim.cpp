// Optimizers, learning rate schedules and gradient clipping of PyTorch and Keras.

#include "optimizer_options.hpp"
#include "unroll/optim/adadelta.hpp"
#include "unroll/optim/adagrad.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/optim/adamax.hpp"
#include "unroll/optim/average.hpp"
#include "unroll/optim/clip.hpp"
#include "unroll/optim/lion.hpp"
#include "unroll/optim/nadam.hpp"
#include "unroll/optim/radam.hpp"
#include "unroll/optim/rmsprop.hpp"
#include "unroll/optim/schedules/cyclic.hpp"
#include "unroll/optim/schedules/plateau.hpp"
#include "unroll/optim/schedules/schedules.hpp"
#include "unroll/optim/sgd.hpp"

namespace conformance {
namespace {

using Names = std::map<std::string, std::string>;  // name of a state in the library -> in the framework

/// Additions of Keras's optimizers: accumulation of gradients, at most one kind of clipping, average of the parameters.
class KerasExtras {
 public:
  explicit KerasExtras(const Options& from) {
    Index kinds = 0;
    for (const char* name : {"clipnorm", "global_clipnorm", "clipvalue"}) kinds += from.has(name);
    require<ValueError>(
        kinds <= 1, "only one of the options 'clipnorm', 'global_clipnorm' and 'clipvalue' may be there, got ", kinds);
    norm_ = limit(from, "clipnorm"), global_norm_ = limit(from, "global_clipnorm");
    value_ = limit(from, "clipvalue");
    const double momentum = from.value("ema_momentum", 0.99);
    overwrite_every_ = from.value<Index>("ema_overwrite_frequency", 0);
    if (from.value("use_ema", false)) average_.emplace(WeightAverageOptions{.momentum = momentum});
    scale_ = from.value("loss_scale_factor", 1.0);
    gathered_ = from.value<Index>("gradient_accumulation_steps", 1);
    require<ValueError>(gathered_ >= 1, "option 'gradient_accumulation_steps' must be >= 1, got ", gathered_);
    if (gathered_ > 1 && average_) from.refuse("use_ema");
  }

  /// Adds a gradient. Returns whether an update is due; `gradient` is then the mean of those since the last update.
  bool gather(VectorX<double>& gradient) {
    gradient /= scale_;
    if (taken_ % gathered_ == 0) sum_ = 0 * gradient;
    sum_ += gradient;
    gradient = sum_ / double(gathered_);
    return ++taken_ % gathered_ == 0;
  }
  /// Clips the gradient; all parameters of a case are one tensor.
  void clip(VectorX<double>& gradient) const {
    const ParameterBlock all{"param0", Role::input_weight, 0, gradient.size(), 1, gradient.size()};
    if (norm_) clip_by_norm(gradient, std::span(&all, 1), *norm_);
    if (global_norm_) clip_by_global_norm(gradient, *global_norm_, 2, ClipRule::keras);
    if (value_) clip_by_value(gradient, *value_);
  }
  /// Averages the parameters after update number `updates`.
  void average(VectorX<double>& theta, Index updates) {
    if (!average_) return;
    average_->update(theta);
    if (overwrite_every_ > 0 && updates % overwrite_every_ == 0) theta = average_->average();
  }
  const std::optional<WeightAverage<double>>& average() const { return average_; }

 private:
  /// Limit of an option; Keras treats values <= 0 as none.
  static std::optional<double> limit(const Options& from, const char* name) {
    const double limit = from.value(name, 0.0);
    return limit > 0 ? std::optional(limit) : std::nullopt;
  }

  std::optional<double> norm_, global_norm_, value_;
  std::optional<WeightAverage<double>> average_;
  Index overwrite_every_ = 0, gathered_ = 1, taken_ = 0;
  double scale_ = 1;
  VectorX<double> sum_;
};

template <class O>
SafeTensors run(const Case& given, O optimizer, const Names& names, double sign, KerasExtras extras) {
  const std::vector<Index> shape = given.input("param0").shape;
  VectorX<double> theta = given.columns<double>("param0").reshaped();
  std::vector<Index> of_steps = shape;
  of_steps.insert(of_steps.begin(), -1);
  const Index steps = given.input("grads", of_steps).shape[0];
  given.check("steps", steps);
  const auto gradients = given.input("grads").to<double>();
  MatrixX<double> after(theta.size(), steps);
  for (Index k = 0; k < steps; ++k) {
    VectorX<double> gradient =
        sign * Eigen::Map<const VectorX<double>>(gradients.data() + k * theta.size(), theta.size());
    if (extras.gather(gradient)) {
      extras.clip(gradient);
      optimizer.step(theta, gradient);
      extras.average(theta, k + 1);
    }
    after.col(k) = theta;
  }
  SafeTensors out;
  out.tensors["params"] = tensor(after, given.input("grads").shape);
  if (extras.average()) out.tensors["state_average"] = tensor(MatrixX<double>(extras.average()->average()), shape);
  optimizer.visit_state([&](std::string_view name, auto& value) {
    const auto theirs = names.find(std::string(name));
    if (theirs == names.end()) return;
    if constexpr (requires { value.size(); })
      out.tensors["state_" + theirs->second] = tensor(MatrixX<double>(value), shape);
    else
      out.tensors["state_" + theirs->second] = number(double(value));
  });
  return out;
}

template <class O>
SafeTensors run_named(const Case& given, const Names& names) {
  const bool keras = given.at<std::string>("op") == "keras_optimizer";
  const auto from = given.options({"hyperparameters"});
  return run(given, O(optimizer_options<typename O::Options>(from, keras)), names,
             from.value("maximize", false) ? -1 : 1, KerasExtras(from));
}

double schedule_rate(const std::string& name, const Options& a, double base, long k) {
  a.only("last_epoch", {-1});
  if (name == "StepLR") return schedule::Step{base, long(a.at<Index>("step_size")), a.value("gamma", 0.1)}.rate(k);
  if (name == "MultiStepLR") {
    const auto milestones = a.at<std::vector<Index>>("milestones");
    return schedule::Multistep{base, {milestones.begin(), milestones.end()}, a.value("gamma", 0.1)}.rate(k);
  }
  if (name == "ExponentialLR") return schedule::Exponential{base, a.at<double>("gamma")}.rate(k);
  if (name == "LinearLR")
    return schedule::Linear{base, long(a.value<Index>("total_iters", 5)), a.value("start_factor", 1.0 / 3),
                            a.value("end_factor", 1.0)}
        .rate(k);
  if (name == "ConstantLR") {
    const double factor = a.value("factor", 1.0 / 3);
    const Index length = a.value<Index>("total_iters", 5);
    return schedule::lambda(base, [=](long n) { return n < length ? factor : 1.0; }).rate(k);
  }
  if (name == "PolynomialLR")
    return schedule::Polynomial{base, long(a.value<Index>("total_iters", 5)), a.value("power", 1.0)}.rate(k);
  if (name == "CosineAnnealingLR")
    return schedule::Cosine{base, long(a.at<Index>("T_max")), a.value("eta_min", 0.0)}.rate(k);
  if (name == "CosineAnnealingWarmRestarts")
    return schedule::CosineRestarts{base, long(a.at<Index>("T_0")), long(a.value<Index>("T_mult", 1)),
                                    a.value("eta_min", 0.0)}
        .rate(k);
  if (name == "LambdaLR_linear_decay") {
    const double total = a.at<double>("total");
    return schedule::lambda(base, [total](long n) { return std::max(0.0, 1 - double(n) / total); }).rate(k);
  }
  throw Refused("the schedule '" + name + "' is not supported");
}

std::vector<double> plateau_rates(const Case& given, const Options& a, double base) {
  a.only("mode", {"min", "max"}), a.only("threshold_mode", {"rel", "abs"}), a.only("last_epoch", {-1});
  Plateau plateau(
      {.initial = base,
       .factor = a.value("factor", 0.1),
       .patience = a.value<Index>("patience", 10),
       .better = a.value("mode", "min") == "max" ? Better::larger : Better::smaller,
       .threshold = a.value("threshold", 1e-4),
       .threshold_kind = a.value("threshold_mode", "rel") == "abs" ? Threshold::absolute : Threshold::relative,
       .cooldown = a.value<Index>("cooldown", 0),
       .lowest = a.value("min_lr", 0.0),
       .smallest_cut = a.value("eps", 1e-8)});
  std::vector<double> rates{plateau.rate()};
  for (const double metric : given.input("metrics", {given.at<Index>("steps")}).to<double>())
    rates.push_back(plateau.update(metric));
  return rates;
}

schedule::OneCycle one_cycle(const Options& a) {
  a.only("anneal_strategy", {"cos", "linear"}), a.only("last_epoch", {-1});
  Index length = 0;
  if (a.has("total_steps"))
    length = a.at<Index>("total_steps");
  else
    length = a.at<Index>("epochs") * a.at<Index>("steps_per_epoch");
  return {.highest = a.at<double>("max_lr"),
          .length = long(length),
          .rising = a.value("pct_start", 0.3),
          .start_divisor = a.value("div_factor", 25.0),
          .end_divisor = a.value("final_div_factor", 1e4),
          .lowest_momentum = a.value("base_momentum", 0.85),
          .highest_momentum = a.value("max_momentum", 0.95),
          .straight = a.value("anneal_strategy", "cos") == "linear",
          .symmetric = a.value("three_phase", false)};
}

schedule::Cyclic cyclic(const Options& a) {
  a.only("mode", {"triangular", "triangular2", "exp_range"}), a.only("scale_fn", {nullptr}), a.only("last_epoch", {-1});
  a.only("scale_mode", {"cycle", "iterations"});  // applies to scale_fn only
  const std::string mode = a.value("mode", "triangular");
  const double gamma = a.value("gamma", 1.0);
  return {.lowest = a.at<double>("base_lr"),
          .highest = a.at<double>("max_lr"),
          .rising = long(a.value<Index>("step_size_up", 2000)),
          .falling = long(a.value<Index>("step_size_down", 0)),
          .factor = mode == "triangular2" ? 0.5
                    : mode == "exp_range" ? gamma
                                          : 1,
          .every = mode == "exp_range" ? schedule::Cyclic::count : schedule::Cyclic::cycle,
          .lowest_momentum = a.value("base_momentum", 0.8),
          .highest_momentum = a.value("max_momentum", 0.9)};
}

/// SequentialLR: schedules in sequence. Each starts at its own step 0 when the previous one has reached its milestone.
class Chained {
 public:
  Chained(const Case& given, const Options& options, double base)
      : base_(base), milestones_(options.at<std::vector<Index>>("milestones")) {
    const auto chain = given.options().json("chain");
    require<ValueError>(chain.is_array() && chain.size() == milestones_.size() + 1, "option 'chain' must be a list of ",
                        milestones_.size() + 1, " schedules, got ", chain.dump());
    for (const auto& entry : chain) {
      require<ValueError>(entry.is_array() && entry.size() == 2 && entry[0].is_string(),
                          "option 'chain' must hold pairs [name, {options}], got ", entry.dump());
      parts_.push_back({entry[0].get<std::string>(), Options(read_)});
      parts_.back().options.add(text("chain[", parts_.size() - 1, "]"), entry[1]);
    }
    const Part& first = parts_.front();
    warms_up_ = parts_.size() == 2 && first.name == "LinearLR" && first.options.value("end_factor", 1.0) == 1 &&
                first.options.value<Index>("total_iters", 5) == milestones_[0];
  }

  double rate(long k) const {
    if (warms_up_) {
      const auto next = schedule::lambda(1, [&](long n) { return rate_of(1, n); });
      return schedule::warmup(long(milestones_[0]), next, parts_[0].options.value("start_factor", 1.0 / 3)).rate(k);
    }
    std::size_t part = 0;
    while (part < milestones_.size() && milestones_[part] <= k) ++part;
    return rate_of(part, part == 0 ? k : k - milestones_[part - 1]);
  }
  void require_all_read() const {
    for (const Part& part : parts_) part.options.require_all_read();
  }

 private:
  struct Part {
    std::string name;
    Options options;
  };
  double rate_of(std::size_t part, long k) const {
    return schedule_rate(parts_[part].name, parts_[part].options, base_, k);
  }

  double base_;
  std::vector<Index> milestones_;
  mutable std::set<std::string> read_;
  std::vector<Part> parts_;
  bool warms_up_ = false;
};

}  // namespace

SafeTensors compute_optimizer(const Case& given) {
  const auto name = given.at<std::string>("optimizer");
  const Names adam{{"updates", "step"},
                   {"m", "exp_avg"},
                   {"v", "exp_avg_sq"},
                   {"v_max", "max_exp_avg_sq"},
                   {"momentum_product", "mu_product"}};
  if (name == "SGD") return run_named<SGD<double>>(given, {{"momentum", "momentum_buffer"}});
  if (name == "RMSprop")
    return run_named<RMSprop<double>>(
        given, {{"updates", "step"}, {"v", "square_avg"}, {"mean", "grad_avg"}, {"momentum", "momentum_buffer"}});
  if (name == "Adam") return run_named<Adam<double>>(given, adam);
  if (name == "AdamW") return run_named<AdamW<double>>(given, adam);
  if (name == "NAdam" || name == "Nadam") return run_named<NAdam<double>>(given, adam);
  if (name == "RAdam") return run_named<RAdam<double>>(given, adam);
  if (name == "Adamax")
    return run_named<Adamax<double>>(given, {{"updates", "step"}, {"m", "exp_avg"}, {"u", "exp_inf"}});
  if (name == "Lion") return run_named<Lion<double>>(given, {{"updates", "step"}, {"m", "exp_avg"}});
  if (name == "Adagrad") return run_named<Adagrad<double>>(given, {{"updates", "step"}, {"sum", "sum"}});
  if (name == "Adadelta")
    return run_named<Adadelta<double>>(given, {{"updates", "step"}, {"v", "square_avg"}, {"u", "acc_delta"}});
  throw Refused("the optimizer '" + name + "' is not supported");
}

SafeTensors compute_schedule(const Case& given) {
  const auto name = given.at<std::string>("scheduler");
  const auto options = given.options({"arguments"});
  const double base = given.at<double>("base_lr");
  const Index steps = given.at<Index>("steps");
  require<ValueError>(steps >= 0 && steps <= 1'000'000, "option 'steps' must be 0 to 1000000, got ", steps);
  const bool chained = name == "SequentialLR";
  if (!chained) given.only("chain", {nlohmann::json::array()});
  std::vector<double> rates, momenta;
  SafeTensors out;
  if (name == "ReduceLROnPlateau") {
    rates = plateau_rates(given, options, base);
  } else if (name == "OneCycleLR" || name == "CyclicLR") {
    const auto follow = [&](const auto& cycle) {
      for (long k = 0; k <= steps; ++k) rates.push_back(cycle.rate(k)), momenta.push_back(cycle.momentum(k));
    };
    if (name == "OneCycleLR")
      follow(one_cycle(options));
    else
      follow(cyclic(options));
    if (options.value("cycle_momentum", true)) out.tensors["momentum"] = Tensor::of(momenta, {Index(momenta.size())});
  } else if (chained) {
    const Chained chain(given, options, base);
    for (long k = 0; k <= steps; ++k) rates.push_back(chain.rate(k));
    chain.require_all_read();
  } else {
    for (long k = 0; k <= steps; ++k) rates.push_back(schedule_rate(name, options, base, k));
  }
  out.tensors["lr"] = Tensor::of(rates, {Index(rates.size())});
  return out;
}

SafeTensors compute_clip(const Case& given) {
  std::vector<double> all;
  for (int k = 0; given.has(text("grad", k)); ++k)
    for (const double entry : given.input(text("grad", k)).to<double>()) all.push_back(entry);
  Eigen::Map<VectorX<double>> gradient(all.data(), Index(all.size()));
  const auto options = given.options({"arguments"});
  options.only("error_if_nonfinite", {false}), options.has("foreach");
  SafeTensors out;
  if (given.at<std::string>("op") == "clip_grad_value") {
    clip_by_value(gradient, options.at<double>("clip_value"));
  } else {
    const bool largest = options.has("norm_type") && options.json("norm_type") == "Infinity";
    const double p = largest ? INFINITY : options.value("norm_type", 2.0);
    if (p <= 0) options.refuse("norm_type");  // not a norm
    out.tensors["total_norm"] = number(clip_by_global_norm(gradient, options.at<double>("max_norm"), p));
  }
  std::size_t first = 0;
  for (int k = 0; given.has(text("grad", k)); ++k) {
    const Tensor& like = given.input(text("grad", k));
    out.tensors[text("clipped", k)] =
        Tensor::of(std::span<const double>(all).subspan(first, std::size_t(like.size())), like.shape);
    first += std::size_t(like.size());
  }
  return out;
}

}  // namespace conformance
