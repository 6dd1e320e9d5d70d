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
  return unroll::text("the training collapsed: in epoch ", epoch, " no peak is found, the largest output is ",
                      outcome.largest, " and the gradient of the loss vanishes; try --warm-up above ", warm_up,
                      ", --rate below ", rate, " or another --seed");
}

}  // namespace peaks
