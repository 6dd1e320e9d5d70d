#pragma once
// Common implementation of Conv1d and ConvTranspose1d. Windows cover the fine side; each window corresponds to a column
// of the coarse side. A convolution maps fine to coarse, its transpose coarse to fine. The backward pass of each is the
// forward pass of the other.

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/convolution/window_padding.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/simd/products.hpp"

namespace unroll {

namespace detail {

/// Initializers with explicit fans, for weights whose fans do not follow from rows and columns.
inline Initializers with_fans(Initializers start, Fans fans) {
  start.input_weight = start.input_weight.with_fans(fans);
  start.bias = start.bias.with_fans(fans);
  return start;
}

/// Packed weights of a convolution.
template <class S>
struct ConvolutionWeights {
  std::vector<PackedMatrix<S>> gather;  // by group: from a window to its coarse column
  std::vector<PackedMatrix<S>> spread;  // by group and phase: from a window of coarse columns to a fine one
  Buffer<S> turned;                     // transposed matrix before packing
  VectorX<S> bias;                      // empty, with null data: no bias
  Precision products = Precision::float32;
};

/// Side of a convolution: coarse has one column per window, fine is covered by the windows.
enum class Side { coarse, fine };

/// Columns in order of sequences, before they are copied to the order of a timeline.
template <class S>
class SequenceColumns {
 public:
  /// Allocates `places(rank)` columns for each sequence.
  template <class F>
  void shape(Index rows, Index batch, F&& places) {
    begin_.assign(1, 0);
    for (Index r = 0; r < batch; ++r) begin_.push_back(begin_.back() + places(r));
    columns_.shape(rows, begin_.back());
  }
  S* sequence(Index rank) { return columns_.strided().at(0, begin_[std::size_t(rank)]); }

  /// Copies the valid steps of a sequence, which follow `before` other places, to their columns of the timeline. Adds a
  /// bias unless it is null.
  void put(Index rank, Index before, const Timeline& timeline, const S* bias, View<S> to) const {
    const S* const from = columns_.strided().at(0, begin_[std::size_t(rank)] + before);
    const Index rows = columns_.rows();
    for (Index k = 0; k < timeline.length(rank); ++k)
      copy_column(from + place_in_sequence(timeline, rank, k) * rows, bias, rows,
                  to.data() + (timeline.offset(k) + rank) * to.outerStride());
  }

 private:
  std::vector<Index> begin_;
  Buffer<S> columns_;
};

template <class S>
struct ConvolutionTape {
  PaddedSequences<S> fine, coarse;
  std::vector<ConvolvedSizes> sizes;  // by rank
  SequenceColumns<S> columns_by_sequence;
  Buffer<S> output;
  Timeline timeline;  // of the output, if it differs from that of the input
};

/// Convolution with W [coarse x kernel * fine / groups], column = tap * (fine / groups) + feature, in both directions.
template <class S>
class Convolution {
 public:
  using Weights = ConvolutionWeights<S>;
  using Tape = ConvolutionTape<S>;

  Convolution() = default;
  /// `fine` and `coarse` are the numbers of features. Throws ShapeError or ValueError for invalid options.
  Convolution(Index fine, Index coarse, Windows windows, Index groups)
      : fine_(fine), coarse_(coarse), windows_(windows), groups_(groups) {
    check_between("", "kernel", windows.kernel, 1, most_of_option);
    check_between("", "stride", windows.stride, 1, most_of_option);
    check_between("", "dilation", windows.dilation, 1, most_of_option);
    require<ShapeError>(groups > 0 && fine % groups == 0 && coarse % groups == 0,
                        "groups must divide the features of both sides, ", fine, " and ", coarse, ", got ", groups);
    common_ = std::gcd(windows.stride, windows.dilation);
    (void)checked_multiply(windows.kernel, fine / groups, "inputs of a window");
    (void)checked_multiply(windows.span(), fine, "numbers of a window");
  }

  Index inputs_of_window() const { return windows_.kernel * (fine_ / groups_); }

  void pack_gather(const S* theta, Weights& weights) const {
    weights.products = PackFor::present();
    weights.gather.resize(std::size_t(groups_));
    for (Index g = 0; g < groups_; ++g) weights.gather[std::size_t(g)].pack(of_group(theta, g));
  }
  /// A fine place is covered by every phases()-th tap; the packed matrices of these taps, in reverse order, slide over
  /// the coarse side.
  void pack_spread(const S* theta, Weights& weights) const {
    weights.products = PackFor::present();
    const Index matrices = checked_multiply(groups_, phases(), "groups and phases of a stride");
    take_memory(matrices, "groups and phases of a stride", [&] { weights.spread.resize(std::size_t(matrices)); });
    for (Index g = 0; g < groups_; ++g)
      for (Index phase = 0; phase < phases(); ++phase) pack_phase(of_group(theta, g), weights, g, phase);
  }

  /// Stores the columns of one side with padding. Requires `tape.sizes`.
  void fill(Side side, const Signal<S>& in, Tape& tape, ThreadPool* threads) const {
    PaddedSequences<S>& padded = side == Side::fine ? tape.fine : tape.coarse;
    if (side == Side::fine)
      padded.begin(fine_, groups_, windows_.dilation);
    else
      padded.begin(coarse_, groups_, windows_.dilation / common_);
    for (const ConvolvedSizes& own : tape.sizes)
      if (side == Side::fine)
        padded.add(own.front + own.before, std::max(own.before, windows_.places(own.coarse)));
      else
        padded.add(windows_in_front(own), windows_in_front(own) + windows_in_use(own));
    padded.make_room();
    run_tasks(threads, in.timeline->batch(), [&](Index r) { padded.fill(r, in.values, *in.timeline); });
  }

  /// Computes the columns of side `to` from the other side, stored by `fill`.
  void run(Side to, const Weights& weights, const S* bias, Tape& tape, const Timeline& timeline, View<S> y,
           ThreadPool* threads) const {
    line_up(to, tape);
    run_tasks(threads, timeline.batch(), [&](Index r) {
      run_sequence(to, weights, tape, r);
      tape.columns_by_sequence.put(r, 0, timeline, bias, y);
    });
  }
  /// Backward pass: also adds the gradient of W, which needs both sides stored by `fill`. `change(rank, places)` may
  /// modify the result of a sequence before it is copied to `y`. `y` may be null: then it is not computed.
  template <class F>
  void run_back(Side to, const Weights& weights, Tape& tape, const Timeline& timeline, View<S> y, S* gradient,
                ThreadPool* threads, F&& change) const {
    line_up(to, tape);
    run_tasks(threads, timeline.batch() + 1, [&](Index k) {
      if (k == 0) return add_gradient(weights, tape, gradient);
      run_sequence(to, weights, tape, k - 1);
      change(k - 1, tape.columns_by_sequence.sequence(k - 1));
      if (y.data() != nullptr) tape.columns_by_sequence.put(k - 1, at(tape.sizes, k - 1).before, timeline, nullptr, y);
    });
  }
  /// Gradient of W only, for a backward pass without input gradient.
  void add_gradient(const Weights& weights, const Tape& tape, S* gradient) const {
    for (Index rank = 0; rank < Index(tape.sizes.size()); ++rank)
      for (Index group = 0; group < groups_; ++group) add_gradient(weights.products, tape, rank, group, gradient);
  }

  /// Numbers stored on the tape for one sequence, without the output.
  Index kept(const ConvolvedSizes& own) const {
    return fine_ * (windows_.places(own.coarse) + windows_.dilation) +
           coarse_ * (windows_in_front(own) + windows_in_use(own) + windows_.dilation) +
           std::max(fine_ * own.fine, coarse_ * own.coarse);
  }

 private:
  template <class T>
  static const T& at(const std::vector<T>& all, Index k) {
    return all[static_cast<std::size_t>(k)];
  }
  ConstView<S> of_group(const S* theta, Index group) const {
    const Index rows = coarse_ / groups_;
    return {theta + group * rows, rows, inputs_of_window(), Eigen::OuterStride<>(coarse_)};
  }

  // Fine place p is covered by tap t of window k if k * stride + t * dilation = p + front. Let c be the greatest common
  // divisor of stride and dilation. Then the taps t that cover p satisfy t * dilation / c = (p + front) / c modulo
  // stride / c: every (stride / c)-th tap from first_tap. Places where c does not divide p + front are not covered.
  Index phases() const { return windows_.stride / common_; }
  Index step_of_tap() const { return windows_.dilation / common_; }
  Index first_tap(Index phase) const {
    if (step_of_tap() == 1) return phase;  // always the case without dilation
    Index tap = 0;
    while (tap < windows_.kernel && (tap * step_of_tap() - phase) % phases() != 0) ++tap;
    return tap;
  }
  Index taps(Index phase) const { return divide_up(std::max<Index>(0, windows_.kernel - first_tap(phase)), phases()); }
  /// Window whose last tap covers place 0 of a phase.
  Index first_window(Index phase) const {
    return (phase - first_tap(phase) * step_of_tap()) / phases() - (taps(phase) - 1) * step_of_tap();
  }
  /// Number of places of a phase before `place`, counted from the beginning of window 0.
  Index places_before(Index place, Index phase) const {
    return std::max<Index>(0, ((place + common_ - 1) / common_ - phase + phases() - 1) / phases());
  }
  /// Windows before the first and after the last one are zeros; windows that cover no fine place are omitted.
  Index windows_in_front(const ConvolvedSizes& own) const {
    return std::max<Index>(0, windows_.span() - 1 - own.front) / windows_.stride;
  }
  Index windows_in_use(const ConvolvedSizes& own) const {
    return own.fine == 0 ? 0 : (own.front + own.fine - 1) / windows_.stride + 1;
  }

  void pack_phase(const ConstView<S>& w, Weights& weights, Index group, Index phase) const {
    const Index fine = fine_ / groups_, count = taps(phase), first = first_tap(phase);
    auto turned = weights.turned.shape(fine, count * w.rows());
    for (Index k = 0; k < count; ++k)
      turned.middleCols((count - 1 - k) * w.rows(), w.rows()) =
          w.middleCols((first + k * phases()) * fine, fine).transpose();
    weights.spread[std::size_t(group * phases() + phase)].pack(turned);
  }

  void line_up(Side to, Tape& tape) const {
    tape.columns_by_sequence.shape(to == Side::fine ? fine_ : coarse_, Index(tape.sizes.size()), [&](Index r) {
      return to == Side::fine ? at(tape.sizes, r).fine : at(tape.sizes, r).coarse;
    });
  }
  void run_sequence(Side to, const Weights& weights, Tape& tape, Index rank) const {
    const ConvolvedSizes& sizes = at(tape.sizes, rank);
    if ((to == Side::fine ? sizes.fine : sizes.coarse) == 0) return;  // the pointer may be null
    if (to == Side::fine)
      spread(weights, tape, rank);
    else
      gather(weights, tape, rank);
  }

  void gather(const Weights& weights, Tape& tape, Index rank) const {
    S* const y = tape.columns_by_sequence.sequence(rank);
    for (Index g = 0; g < groups_; ++g)
      slide(at(weights.gather, g), tape.fine, rank, g, 0, windows_.stride, at(tape.sizes, rank).coarse,
            y + g * (coarse_ / groups_), coarse_);
  }

  void spread(const Weights& weights, Tape& tape, Index rank) const {
    const ConvolvedSizes& own = at(tape.sizes, rank);
    S* const y = tape.columns_by_sequence.sequence(rank);
    if (common_ > 1 || windows_.kernel < phases())
      std::fill_n(y, fine_ * own.fine, S(0));  // some places are not covered
    for (Index phase = 0; phase < phases(); ++phase) {
      if (taps(phase) == 0) continue;
      const Index before = places_before(own.front, phase), end = places_before(own.front + own.fine, phase);
      const Index place = common_ * phase + before * windows_.stride - own.front;
      for (Index g = 0; g < groups_; ++g)
        slide(at(weights.spread, g * phases() + phase), tape.coarse, rank, g,
              tape.coarse.front(rank) + first_window(phase) + before, 1, end - before,
              y + place * fine_ + g * (fine_ / groups_), windows_.stride * fine_);
    }
  }

  /// Column k of y = w times the window that begins at place `first` + k * stride.
  static void slide(const PackedMatrix<S>& w, const PaddedSequences<S>& x, Index rank, Index group, Index first,
                    Index stride, Index windows, S* y, Index y_stride) {
    x.each_run(rank, group, first, stride, windows,
               [&](const S* window, Index distance, Index number, Index step, Index count) {
                 w.multiply(window, distance, count, y + number * y_stride, step * y_stride);
               });
  }

  void add_gradient(Precision products, const Tape& tape, Index rank, Index group, S* gradient) const {
    const Index rows = coarse_ / groups_, front = tape.coarse.front(rank);
    const Index windows = std::min(at(tape.sizes, rank).coarse, tape.coarse.places(rank) - front);
    tape.fine.each_run(rank, group, 0, windows_.stride, windows,
                       [&](const S* x, Index distance, Index number, Index, Index count) {
                         add_outer_products(tape.coarse.column(rank, group, front + number), rows, rows, x, distance,
                                            inputs_of_window(), count, gradient + group * rows, coarse_, products);
                       });
  }

  Index fine_ = 0, coarse_ = 0;
  Windows windows_;
  Index groups_ = 1, common_ = 1;
};

}  // namespace detail
}  // namespace unroll
