#include <functional>
#include <limits>
#include <unroll/layers/dense.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/train/detail/fit_checks.hpp>

#include "support/catch.hpp"

namespace test_resumed_state {

using namespace unroll;

TEST_CASE("training state: counts out of range are refused when resuming") {
  Sequential model(2, Dense{.units = 1});
  const auto resume = [&](const std::function<void(TrainingState<float>&)>& change) {
    TrainingState<float> state;
    state.epochs = 3, state.updates = 12, state.seed = 1, state.samples = 4, state.best_epoch = 2, state.waited = 1;
    state.parameter_names = detail::model_identity(model);
    state.parameters = model.parameters().values();
    change(state);
    detail::check_resumed(state, FitOptions<float>{.seed = 1}, 4, model);
  };
  CHECK_NOTHROW(resume([](auto&) {}));
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t bad : {std::int64_t(-1), largest}) {
    CHECK_THROWS_MATCHES(resume([=](auto& s) { s.epochs = bad; }), ValueError,
                         says("epochs of the state must be 0 to"));
    CHECK_THROWS_MATCHES(resume([=](auto& s) { s.updates = bad; }), ValueError,
                         says("updates of the state must be 0 to"));
    CHECK_THROWS_MATCHES(resume([=](auto& s) { s.best_epoch = bad; }), ValueError,
                         says("best_epoch of the state must be 0 to 3, got"));
    CHECK_THROWS_MATCHES(resume([=](auto& s) { s.waited = bad; }), ValueError,
                         says("waited of the state must be 0 to 3, got"));
    CHECK_THROWS_MATCHES(resume([=](auto& s) { s.stopped = bad; }), ValueError,
                         says("stopped of the state must be 0 to 1, got"));
    CHECK_THROWS_MATCHES(resume([=](auto& s) { s.partial.planned = bad; }), ValueError,
                         says("partial.planned of the state must be 0 to"));
    CHECK_THROWS_MATCHES(resume([=](auto& s) { s.partial.planned = 4, s.partial.batches = bad; }), ValueError,
                         says("partial.batches of the state must be 0 to 4, got"));
    CHECK_THROWS_MATCHES(resume([=](auto& s) { s.partial.scored = bad; }), ValueError,
                         says("partial.scored of the state must be 0 to"));
    CHECK_THROWS_MATCHES(resume([=](auto& s) { s.partial.scored = 4, s.partial.correct = bad; }), ValueError,
                         says("partial.correct of the state must be 0 to 4, got"));
    const auto counts = [=](auto& part) {
      part.visit_state([=]<class T>(std::string_view, T& value) {
        if constexpr (std::is_same_v<T, std::int64_t>) value = bad;
      });
    };
    CHECK_THROWS_MATCHES(resume([=](auto& s) { counts(s.plateau); }), ValueError,
                         says("plateau.bad of the state must be 0 to"));
    CHECK_THROWS_MATCHES(resume([=](auto& s) { counts(s.average); }), ValueError,
                         says("average.exchanged of the state must be 0 to 0"));
    SGD<float> sgd({.learning_rate = 0.1});
    counts(sgd);
    CHECK_THROWS_MATCHES(sgd.check(3), ValueError, says("restored updates must be 0 to "));
  }
  using Partial = PartialEpoch<float>;
  for (double Partial::*number :
       {&Partial::loss_sum, &Partial::loss_count, &Partial::gradient_norm, &Partial::seconds, &Partial::learning_rate})
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
      CHECK_THROWS_MATCHES(resume([=](auto& s) { s.partial.*number = bad; }), ValueError,
                           says("of the state must be finite"));
  for (double Partial::*number : {&Partial::loss_count, &Partial::gradient_norm, &Partial::seconds})
    CHECK_THROWS_MATCHES(resume([=](auto& s) { s.partial.*number = -1; }), ValueError,
                         says("of the state must be finite and at least 0, got -1"));
}

}  // namespace test_resumed_state
