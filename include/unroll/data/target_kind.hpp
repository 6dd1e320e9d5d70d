#pragma once
// Kinds of targets, and the parts of several targets.

#include <concepts>
#include <string>
#include <string_view>

#include "unroll/core/types.hpp"

namespace unroll {

/// Kind of the targets: one class or vector per sequence, one per step of the model's output, a sequence of labels
/// without alignment to the steps (see CtcLoss), or several targets by name (see several_targets).
enum class TargetKind {
  none,
  label,
  step_labels,
  values,
  step_values,
  label_sequence,
  several,      ///< one column per sequence
  step_several  ///< one column per step
};

namespace detail {

template <std::floating_point S>
struct TargetJoin;  // in several_targets.hpp, which makes data sets

inline std::string_view name_of(TargetKind kind) {
  constexpr std::string_view names[] = {"none",
                                        "one label",
                                        "labels per step",
                                        "one real-valued target",
                                        "real values per step",
                                        "a label sequence",
                                        "several per sequence",
                                        "several per step"};
  return names[std::size_t(kind)];
}

}  // namespace detail

inline bool has_labels(TargetKind kind) { return kind == TargetKind::label || kind == TargetKind::step_labels; }
inline bool has_values(TargetKind kind) { return kind == TargetKind::values || kind == TargetKind::step_values; }
inline bool has_several(TargetKind kind) { return kind == TargetKind::several || kind == TargetKind::step_several; }
inline bool per_step(TargetKind kind) {
  return kind == TargetKind::step_labels || kind == TargetKind::step_values || kind == TargetKind::step_several;
}
/// Whether a model for such targets needs an output at every step.
inline bool needs_steps(TargetKind kind) { return per_step(kind) || kind == TargetKind::label_sequence; }

/// One of several targets of a data set. Labels are one row of class numbers, NaN for none.
struct TargetPart {
  std::string name;
  TargetKind kind = TargetKind::values;  ///< as in a data set with this target alone
  Index size = 0;                        ///< classes, or numbers per target

  Index rows() const { return has_labels(kind) ? 1 : size; }
  bool operator==(const TargetPart&) const = default;
};

}  // namespace unroll
