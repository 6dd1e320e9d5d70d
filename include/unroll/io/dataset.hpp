#pragma once
// Data sets of the contents of files.

#include <numeric>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/data/dataset.hpp"
#include "unroll/io/formats/csv.hpp"
#include "unroll/io/formats/tensor.hpp"
#include "unroll/io/formats/ts.hpp"

namespace unroll {

/// Data set of a .ts file: a class per sequence, a target [1] per sequence, or unlabelled. Throws as Dataset does.
template <class Scalar>
Dataset<Scalar> to_dataset(LabelledSequences<Scalar> file) {
  if (!file.targets.empty())
    return Dataset<Scalar>::valued(std::move(file.sequences), Eigen::Map<const MatrixX<Scalar>>(
                                                                  file.targets.data(), 1, Index(file.targets.size())));
  if (file.labels.empty()) return Dataset<Scalar>::unlabelled(std::move(file.sequences));
  return Dataset<Scalar>::labelled(std::move(file.sequences), file.labels, Index(file.classes.size()));
}

/// Data set of CSV files, each a sequence: a class per step, or unlabelled. Throws ValueError unless all tables have
/// the same names of fields and classes, and as Dataset does.
template <class Scalar>
Dataset<Scalar> to_dataset(std::vector<NumberTable<Scalar>> tables) {
  std::vector<MatrixX<Scalar>> sequences;
  std::vector<Labels> labels;
  for (std::size_t k = 0; k < tables.size(); ++k) {
    NumberTable<Scalar>& table = tables[k];
    require<ValueError>(table.names == tables[0].names, "data set: names of the fields of table ", k,
                        " must be those of table 0");
    require<ValueError>(table.classes == tables[0].classes, "data set: classes of table ", k,
                        " must be those of table 0; read all files with the same CsvOptions::classes");
    sequences.push_back(std::move(table.values));
    labels.push_back(std::move(table.labels));
  }
  const Index classes = tables.empty() ? 0 : Index(tables[0].classes.size());
  if (classes == 0) return Dataset<Scalar>::unlabelled(std::move(sequences));
  return Dataset<Scalar>::step_labelled(std::move(sequences), std::move(labels), classes);
}

/// Padded arrays of N sequences of at most T steps with F features, as in NumPy, PyTorch (batch_first) and Keras.
/// Without lengths and mask all steps are valid.
struct PaddedArrays {
  Tensor x;                            ///< [N, T, F]
  std::optional<Tensor> lengths = {};  ///< [N], 0 to T: later steps are padding
  std::optional<Tensor> mask = {};     ///< [N, T], 1 at valid steps, 0 at padding and gaps
  std::optional<Tensor> labels = {};   ///< [N] or, one per step, [N, T]; whole numbers, negative: missing
  std::optional<Tensor> targets = {};  ///< [N], [N, K] or, per step, [N, T, K] (also for K = 1); NaN: missing
  Index classes = 0;                   ///< 0: largest label + 1
};

namespace detail {

/// Checks of PaddedArrays and the valid steps of each sequence.
class PaddedSteps {
 public:
  explicit PaddedSteps(const PaddedArrays& arrays) {
    const Tensor& x = arrays.x;
    require<ShapeError>(x.shape.size() == 3 && x.size() > 0,
                        "from_padded: x must have 3 dimensions of at least 1, [N, T, F], got ",
                        [&] { return shape_text(x.shape); });
    x.check_bytes();
    sequences_ = x.shape[0], steps_ = x.shape[1];
    require<ValueError>(!(arrays.lengths && arrays.mask), "from_padded: lengths or mask must be empty, got both");
    require<ValueError>(!(arrays.labels && arrays.targets), "from_padded: labels or targets must be empty, got both");
    require<ValueError>(arrays.classes == 0 || arrays.labels, "from_padded: classes must be 0 without labels, got ",
                        arrays.classes);
    std::vector<Index> all(std::size_t(steps_), 0);
    std::iota(all.begin(), all.end(), Index{0});
    valid.assign(std::size_t(sequences_), all);
    if (arrays.lengths) apply_lengths(*arrays.lengths);
    if (arrays.mask) apply_mask(*arrays.mask);
  }

  /// Whether the array has `dimensions` dimensions of which the first are N and, if `per_step`, T.
  bool fits(const Tensor& array, std::size_t dimensions, bool per_step) const {
    const std::vector<Index>& shape = array.shape;
    return shape.size() == dimensions && shape[0] == sequences_ && (!per_step || shape[1] == steps_);
  }
  void expect(bool condition, std::string_view name, std::string_view shapes, const Tensor& array) const {
    require<ShapeError>(condition, "from_padded: ", name, " must have shape ", shapes, " with N = ", sequences_,
                        " and T = ", steps_, ", got ", [&] { return shape_text(array.shape); });
  }

  /// Values at the valid steps [last dimension x steps]; an array [N, T] has one value per step.
  template <class T>
  std::vector<MatrixX<T>> select(const Tensor& array) const {
    const Index rows = array.shape.size() == 3 ? array.shape[2] : 1;
    std::vector<MatrixX<T>> selected;
    array.with_elements<T>([&](auto element) {
      for (Index s = 0; s < sequences_; ++s) {
        const std::vector<Index>& kept = valid[std::size_t(s)];
        selected.emplace_back(rows, Index(kept.size()));
        for (std::size_t c = 0; c < kept.size(); ++c)
          for (Index r = 0; r < rows; ++r)
            selected.back()(r, Index(c)) = element(std::size_t((s * steps_ + kept[c]) * rows + r));
      }
    });
    return selected;
  }

  std::vector<std::vector<Index>> valid;  // steps of each sequence

 private:
  void apply_lengths(const Tensor& lengths) {
    expect(fits(lengths, 1, false), "lengths", "[N]", lengths);
    lengths.with_elements<Index>([&](auto element) {
      for (std::size_t s = 0; s < valid.size(); ++s) {
        const Index length = element(s);
        require<ValueError>(length >= 0 && length <= steps_, "from_padded: length of sequence ", s, " must be 0 to ",
                            steps_, ", got ", length);
        valid[s].resize(std::size_t(length));
      }
    });
  }

  void apply_mask(const Tensor& mask) {
    expect(fits(mask, 2, true), "mask", "[N, T]", mask);
    mask.with_elements<double>([&](auto element) {
      for (std::size_t s = 0; s < valid.size(); ++s)
        std::erase_if(valid[s], [&](Index t) {
          const double value = element(s * std::size_t(steps_) + std::size_t(t));
          require<ValueError>(value == 0 || value == 1, "from_padded: mask of sequence ", s, ", step ", t,
                              " must be 0 or 1, got ", value);
          return value == 0;
        });
    });
  }

  Index sequences_ = 0, steps_ = 0;
};

template <class S>
std::vector<MatrixX<S>> padded_inputs(const PaddedSteps& steps, const Tensor& x) {
  auto inputs = steps.select<S>(x);
  for (std::size_t s = 0; s < inputs.size(); ++s)
    for (Index c = 0; c < inputs[s].cols(); ++c)
      for (Index r = 0; r < inputs[s].rows(); ++r)
        require<ValueError>(is_finite(inputs[s](r, c)), "from_padded: x of sequence ", s, ", step ",
                            steps.valid[s][std::size_t(c)], ", feature ", r, " must be finite, got ", inputs[s](r, c),
                            "; set the mask of missing steps to 0");
  return inputs;
}

}  // namespace detail

/// Data set of padded arrays. Padding and gaps are never read: a step whose mask is 0, and its target, are left out,
/// wherever they are. Recurrent layers give the same results as with a mask; a convolution or pooling over windows
/// would see the steps around a gap as neighbours. Numbers are converted as by Tensor::to.
///
/// Throws ShapeError for arrays whose shapes do not match, and ValueError for lengths outside 0 to T, a mask other than
/// 0 and 1, inputs at valid steps that are not finite, both lengths and mask or both labels and targets, and as Dataset
/// does.
template <std::floating_point S = float>
Dataset<S> from_padded(const PaddedArrays& arrays) {
  const detail::PaddedSteps steps(arrays);
  auto inputs = detail::padded_inputs<S>(steps, arrays.x);
  if (const auto& labels = arrays.labels) {
    const bool per_step = steps.fits(*labels, 2, true);
    steps.expect(per_step || steps.fits(*labels, 1, false), "labels", "[N] or [N, T]", *labels);
    if (!per_step) return Dataset<S>::labelled(std::move(inputs), labels->to<Index>(), arrays.classes);
    std::vector<Labels> of_steps;
    for (const MatrixX<Index>& row : steps.select<Index>(*labels)) of_steps.push_back(row.transpose());
    return Dataset<S>::step_labelled(std::move(inputs), std::move(of_steps), arrays.classes);
  }
  if (const auto& targets = arrays.targets) {
    const bool per_step = steps.fits(*targets, 3, true);
    steps.expect(per_step || steps.fits(*targets, 1, false) || steps.fits(*targets, 2, false), "targets",
                 "[N], [N, K] or [N, T, K]", *targets);
    if (per_step) return Dataset<S>::step_valued(std::move(inputs), steps.select<S>(*targets));
    return Dataset<S>::valued(std::move(inputs), matrix<S>(*targets).transpose());
  }
  return Dataset<S>::unlabelled(std::move(inputs));
}

}  // namespace unroll
