// CTC loss of PyTorch on logits, with different numbers of steps and labels.

#include "unroll/losses/ctc.hpp"

#include "run.hpp"
#include "softmaxed.hpp"

namespace conformance {
namespace {

/// Labels without padding.
std::vector<std::vector<Index>> targets_of(const Case& given, Index batch) {
  const Index width = given.extent("targets", 1, 2);
  const auto padded = given.integers("targets", {batch, width});
  const auto lengths = given.integers("target_lengths", {batch}, 0, width);
  std::vector<std::vector<Index>> targets;
  for (Index b = 0; b < batch; ++b) {
    const auto begin = padded.begin() + b * width;
    targets.emplace_back(begin, begin + lengths[std::size_t(b)]);
  }
  const auto options = given.options();
  require<ValueError>(!options.has("targets") || options.at<std::vector<std::vector<Index>>>("targets") == targets,
                      "option 'targets' and the tensors do not agree");
  return targets;
}

}  // namespace

SafeTensors compute_ctc(const Case& given) {
  const Index steps = given.extent("logits", 0, 3), batch = given.extent("logits", 1, 3);
  const Timeline timeline = timeline_of_lengths(given, "input_lengths", batch, steps);
  const auto targets = targets_of(given, batch);
  given.only("reduction", {"none", "sum", "mean"});
  const auto reduction = given.word("reduction", "mean");
  const auto options = given.options();
  const CtcLoss<double> loss({.blank = options.value("blank", Index(0)),
                              .zero_infinity = given.flag("zero_infinity"),
                              .reduction = reduction == "mean" ? Reduction::per_sequence : Reduction::sum});
  const MatrixX<double> logits = given.columns<double>("logits"), packed = timeline.pack(logits);
  const bool each = reduction == "none";
  const VectorX<double> g_loss =
      each ? given.vector("g_loss", batch) : VectorX<double>(VectorX<double>::Constant(batch, given.scalar("g_loss")));
  MatrixX<double> d_packed(packed.rows(), packed.cols());
  const double value = loss(packed, timeline, targets).value();
  loss(packed, timeline, targets, d_packed, {.weights = g_loss});
  VectorX<double> losses(batch);
  loss.per_sequence(packed, timeline, targets, losses);
  SafeTensors out;
  out.tensors["loss"] = each ? tensor(MatrixX<double>(losses), {batch}) : number(value);
  out.tensors["loss_per_sample"] = tensor(MatrixX<double>(losses), {batch});
  out.tensors["d_logits"] = tensor(timeline.unpack(d_packed), given.input("logits").shape);
  out.tensors["log_probs"] = tensor(Softmaxed(logits).logarithms, given.input("logits").shape);
  return out;
}

}  // namespace conformance
