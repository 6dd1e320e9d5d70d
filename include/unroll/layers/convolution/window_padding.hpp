#pragma once
// Padding of windows, and the numbers of steps that result.

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/convolution/windows.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll {

/// Padding of a convolution or pooling at the ends of a sequence.
class WindowPadding {
 public:
  enum class Kind { number, same, causal };

  /// Number of zeros at each end, PyTorch's `padding`.
  constexpr WindowPadding(Index steps = 0) : steps_(steps) {}  // NOLINT: a number is a padding
  constexpr explicit WindowPadding(Kind kind) : kind_(kind) {}

  constexpr Kind kind() const { return kind_; }
  constexpr Index steps() const { return steps_; }

 private:
  Kind kind_ = Kind::number;
  Index steps_ = 0;
};

/// No padding: windows do not extend beyond the ends.
constexpr WindowPadding valid() { return {}; }
/// Padding to one window for every `stride` steps, rounded up. If the number of zeros is odd, the additional zero is at
/// the end (Keras, TensorFlow).
constexpr WindowPadding same() { return WindowPadding(WindowPadding::Kind::same); }
/// Causal padding: each window ends at its own step; all zeros are in front.
constexpr WindowPadding causal() { return WindowPadding(WindowPadding::Kind::causal); }

namespace detail {

inline constexpr Index most_of_option = Index(1) << 24;  // products of options cannot overflow

/// Numbers of places of one sequence on both sides. Window k begins at the fine place k * stride - front. The first
/// `before` fine places hold steps of previous batches.
struct ConvolvedSizes {
  Index fine = 0, coarse = 0, front = 0, before = 0;
};

/// Number of steps after multiplication by `factor`. Throws ShapeError if memory cannot hold them.
inline Index lengthened(Index steps, Index factor) {
  const Index all = checked_multiply(steps, factor, "steps");
  require<ShapeError>(all <= most_entries, "steps must be at most ", most_entries, ", got ", all);
  return all;
}

/// Window positions on a sequence of `steps`; no windows if it is 0.
inline ConvolvedSizes windows_on(const Windows& windows, const WindowPadding& padding, Index steps) {
  const Index span = windows.span(), stride = windows.stride;
  if (steps == 0) return {};
  if (padding.kind() == WindowPadding::Kind::number) {
    const Index room = steps + 2 * padding.steps() - span;
    return {steps, room < 0 ? 0 : room / stride + 1, padding.steps()};
  }
  const Index count = (steps + stride - 1) / stride;
  if (padding.kind() == WindowPadding::Kind::causal) return {steps, count, span - 1};
  return {steps, count, std::max<Index>(0, (count - 1) * stride + span - steps) / 2};
}

/// Zeros at both ends in total, for stride 1.
inline Index zeros_of(const Windows& windows, const WindowPadding& padding) {
  return padding.kind() == WindowPadding::Kind::number ? 2 * padding.steps() : windows.span() - 1;
}

/// The option {"padding", value}, where value is "same", "causal" or a number.
inline LayerOption option_of(const WindowPadding& padding) {
  if (padding.kind() == WindowPadding::Kind::number) return {"padding", padding.steps()};
  return {"padding", padding.kind() == WindowPadding::Kind::same ? "same" : "causal"};
}

/// Throws ShapeError if a step is masked before a valid one.
inline void check_no_gaps(const Timeline& timeline) {
  require<ShapeError>(!timeline.has_gaps(),
                      "masked steps must follow the valid ones, got one before a valid step; pad sequences at the end");
}

inline void check_padding(const WindowPadding& padding) {
  check_between("", "padding", padding.steps(), 0, most_of_option);
}

/// Writes `sizes_of(places)` for each sequence, by rank.
template <class F>
void find_sizes(const Timeline& timeline, std::vector<ConvolvedSizes>& sizes, F&& sizes_of) {
  sizes.resize(std::size_t(timeline.batch()));
  for (Index r = 0; r < timeline.batch(); ++r) sizes[std::size_t(r)] = sizes_of(places_of_sequence(timeline, r));
}

/// Timeline of the output: that of the input if the number of steps is unchanged, otherwise `own`. Throws ShapeError if
/// steps are masked between valid ones.
template <class F>
const Timeline& resized_timeline(bool keeps_steps, const Timeline& in, Timeline& own, F&& length) {
  if (keeps_steps) return in;
  check_no_gaps(in);
  own.assign_lengths_like(in, length);
  return own;
}

}  // namespace detail
}  // namespace unroll
