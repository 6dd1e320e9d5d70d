#include "collapse.hpp"

#include <cmath>

#include "unroll/core/error.hpp"

namespace peaks {

bool CollapseWatch::is_collapsed(double loss, const Outcome& outcome) {
  const bool same_loss = std::abs(loss - loss_before_) <= 1e-3 * std::abs(loss);
  const bool nothing = outcome.score.found == 0 && double(outcome.largest) < threshold_;
  flat_ = same_loss && nothing ? flat_ + 1 : 0;
  loss_before_ = loss;
  return flat_ >= 2;
}

bool ends_collapsed(const Outcome& outcome) { return outcome.score.found == 0 && outcome.largest < 1e-3f; }

namespace {

constexpr double usual_input = 100;  // inputs are of order 1

std::string advice_for(const CollapseCause& cause) {
  using unroll::text;
  if (cause.largest_input > usual_input)
    return text("inputs are as large as ", cause.largest_input, " instead of about 1; check the units of the data");
  if (cause.warm_up == 0)
    return "the log-ratio loss cannot begin from initial values; try --warm-up above 0, for example half of --epochs";
  if (!cause.found_before)
    return text("no peak had risen in the warm-up; try --warm-up above ", cause.warm_up,
                ", more events or --rate above ", cause.rate);
  return text("peaks were found before; try --rate below ", cause.rate, " or another --seed");
}

}  // namespace

std::string collapse_text(unroll::Index epoch, const Outcome& outcome, const CollapseCause& cause) {
  return unroll::text("the training collapsed: in epoch ", epoch, " no peak is found, the largest output is ",
                      outcome.largest, " and the gradient of the loss vanishes; ", advice_for(cause));
}

}  // namespace peaks
