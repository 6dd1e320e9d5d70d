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

std::string collapse_text(unroll::Index epoch, const Outcome& outcome, unroll::Index warm_up, double rate) {
  const std::string more = warm_up > 0 ? "more epochs of squared error than --warm-up "
                                       : "a few epochs of squared error first instead of --warm-up ";
  return unroll::text("the training collapsed: in epoch ", epoch, " no peak is found, the largest output is ",
                      outcome.largest, " and the loss stays as it is, because so far below a target it has no slope.",
                      " Try ", more, warm_up, ", a smaller rate than --rate ", rate, ", or another --seed.");
}

}  // namespace peaks
