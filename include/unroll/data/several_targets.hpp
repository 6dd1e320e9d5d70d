#pragma once
// Data sets with several targets per sequence, for a loss of several losses.

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "unroll/data/dataset.hpp"

namespace unroll {

/// Data set with a name for its target.
template <std::floating_point S>
struct NamedData {
  std::string name;
  Dataset<S> data;
};

namespace detail {

/// Throws ValueError or ShapeError unless `part` has a target that can be one of several, and the sequences, inputs and
/// weights of `first`.
template <class S>
void check_part_of_several(const NamedData<S>& part, const NamedData<S>& first) {
  const auto where = text("several targets: '", part.name, "'");
  const Dataset<S>&data = part.data, &other = first.data;
  require<ValueError>(has_labels(data.kind()) || has_values(data.kind()), where,
                      ": the target must be labels or real values, per sequence or per step, got ",
                      name_of(data.kind()));
  check_as_many("several targets", text("'", part.name, "'"), "sequences as '" + first.name + "'", data.size(),
                other.size());
  check_rows(where, "inputs", "as of '" + first.name + "'", data.inputs(), other.inputs());
  require<ValueError>(data.weighted() == other.weighted(), where, ": weights must be those of '", first.name, "'");
  for (Index s = 0; s < data.size(); ++s) {
    const MatrixX<S>&x = data.sequence(s), &same = other.sequence(s);
    require<ValueError>(x.rows() == same.rows() && x.cols() == same.cols() && x == same, where, ": sequence ", s,
                        " must be that of '", first.name, "'");
    require<ValueError>(data.weight(s) == other.weight(s), where, ": weight of sequence ", s, " must be ",
                        other.weight(s), ", as of '", first.name, "', got ", data.weight(s));
  }
}

/// Writes the target of sample s into its rows of all targets. A target per sequence among targets per step belongs to
/// the last step.
template <class S>
void put_target(const Dataset<S>& data, Index s, Eigen::Ref<MatrixX<S>> to) {
  if (to.cols() == 0) return;
  const Index steps = data.target_steps(s);
  auto last = to.rightCols(steps);
  if (has_values(data.kind()))
    last = data.values(s);
  else
    for (Index t = 0; t < steps; ++t)
      if (const Index label = data.labels(s)[t]; label >= 0) last(0, t) = S(label);
}

/// Access to the members of a data set with several targets.
template <std::floating_point S>
struct TargetJoin {
  static Dataset<S> of(const std::vector<NamedData<S>>& parts) {
    require<ValueError>(!parts.empty(), "several targets: number of targets must be at least 1, got 0");
    NamedRows rows;
    const Dataset<S>* by_step = nullptr;
    Dataset<S> all = Dataset<S>::unlabelled(parts.front().data.sequences_);
    for (const NamedData<S>& part : parts) {
      const Dataset<S>& data = part.data;
      detail::check_part_of_several(part, parts.front());
      const bool labels = has_labels(data.kind());
      if (labels) detail::check_exact<S>("several targets", text("classes of '", part.name, "'"), data.classes());
      all.parts_.push_back({part.name, data.kind(), labels ? data.classes() : data.target_rows()});
      rows.add(part.name, all.parts_.back().rows());
      if (per_step(data.kind()) && by_step == nullptr) by_step = &data;
    }
    all.kind_ = by_step == nullptr ? TargetKind::several : TargetKind::step_several;
    all.inputs_ = parts.front().data.inputs_;
    all.weights_ = parts.front().data.weights_;
    for (Index s = 0; s < all.size(); ++s) {
      const Index steps = by_step == nullptr ? 1 : by_step->target_steps(s);
      MatrixX<S>& values = all.values_.emplace_back(rows.rows(), steps);
      values.setConstant(std::numeric_limits<S>::quiet_NaN());
      for (const NamedData<S>& part : parts) {
        require<ShapeError>(!per_step(part.data.kind()) || part.data.target_steps(s) == steps, "several targets: '",
                            part.name, "': steps of the target of sample ", s, " must be ", steps, ", got ",
                            part.data.target_steps(s));
        detail::put_target<S>(part.data, s, values.middleRows(rows.first(part.name), rows.rows(part.name)));
      }
    }
    return all;
  }
};

}  // namespace detail

/// Data set with several targets by name, each that of a data set with the same sequences, for `Losses`:
///
///     const auto data = several_targets<float>({{"class", Dataset<float>::labelled(sequences, labels, 3)},
///                                               {"speed", Dataset<float>::step_valued(sequences, speeds)}});
///
/// Targets are labels or real values. If one of them is per step, the model has an output at every step, and a target
/// per sequence belongs to the last step; a sequence without output steps then has none. Throws ValueError or
/// ShapeError if a name is not unique, or sequences, inputs, weights or steps of the targets differ.
template <std::floating_point S>
Dataset<S> several_targets(const std::vector<NamedData<S>>& parts) {
  return detail::TargetJoin<S>::of(parts);
}

}  // namespace unroll
