#pragma once
// Sequences with what is to be learnt about them. Everything is checked when a data set is made: a wrong length, label
// or NaN is told with its sample and step, not found later as a strange loss.

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// What a data set asks for: a class or numbers, once per sequence or at every step of a model's output, or labels that
/// are written along the steps (see CtcLoss).
enum class TargetKind { none, label, step_labels, values, step_values, label_sequence };

inline bool has_labels(TargetKind kind) { return kind == TargetKind::label || kind == TargetKind::step_labels; }
inline bool has_values(TargetKind kind) { return kind == TargetKind::values || kind == TargetKind::step_values; }
inline bool per_step(TargetKind kind) { return kind == TargetKind::step_labels || kind == TargetKind::step_values; }
/// Does a model for such targets have an output at every step?
inline bool needs_steps(TargetKind kind) { return per_step(kind) || kind == TargetKind::label_sequence; }

/// Sequences [features x steps] of any length (0 too) with their targets. A negative label and a NaN among real-valued
/// targets mean "not scored"; inputs must be finite.
///
/// Targets per step belong to the steps of a model's output: as many as the sequence has, unless the model changes
/// their number (strides, pooling, upsampling). Whatever brings model and data together compares them sample by sample.
///
/// Every way to make one throws ValueError when it is empty, when an input is not finite or a label is no class, and
/// ShapeError when the numbers of sequences, features or targets do not fit; messages name sample and step.
template <std::floating_point S>
class Dataset {
 public:
  using Scalar = S;

  static Dataset unlabelled(std::vector<MatrixX<S>> sequences) {
    return Dataset(TargetKind::none, std::move(sequences));
  }

  /// One class per sequence, from 0. `classes` 0: as many as the largest label needs.
  static Dataset labelled(std::vector<MatrixX<S>> sequences, const std::vector<Index>& labels, Index classes = 0) {
    Dataset data(TargetKind::label, std::move(sequences));
    for (const Index label : labels) data.labels_.push_back(Labels::Constant(1, label));
    data.check_labels(classes);
    return data;
  }

  /// One class per step: as many labels for each sequence as its output has steps.
  static Dataset step_labelled(std::vector<MatrixX<S>> sequences, std::vector<Labels> labels, Index classes = 0) {
    Dataset data(TargetKind::step_labels, std::move(sequences));
    data.labels_ = std::move(labels);
    data.check_labels(classes);
    return data;
  }

  /// Any number of labels for each sequence, none too, without a place in time; a single negative one: no target.
  /// `classes`: with the blank, where that is not the first class.
  static Dataset transcribed(std::vector<MatrixX<S>> sequences, std::vector<Labels> labels, Index classes = 0) {
    Dataset data(TargetKind::label_sequence, std::move(sequences));
    data.labels_ = std::move(labels);
    data.check_labels(classes);
    for (Index s = 0; s < data.size(); ++s)
      require<ValueError>(data.labels(s).size() < 2 || data.labels(s).minCoeff() >= 0, "data set: sample ", s,
                          " has a negative label among others; by itself it means that there is no target");
    return data;
  }

  /// Numbers per sequence: `targets` [rows x sequences].
  static Dataset valued(std::vector<MatrixX<S>> sequences, const MatrixX<S>& targets) {
    Dataset data(TargetKind::values, std::move(sequences));
    for (Index s = 0; s < targets.cols(); ++s) data.values_.push_back(targets.col(s));
    data.check_values();
    return data;
  }

  /// Numbers per step: `targets` [rows x steps of the output] for each sequence.
  static Dataset step_valued(std::vector<MatrixX<S>> sequences, std::vector<MatrixX<S>> targets) {
    Dataset data(TargetKind::step_values, std::move(sequences));
    data.values_ = std::move(targets);
    data.check_values();
    return data;
  }

  /// Sequences.
  Index size() const { return Index(sequences_.size()); }
  Index features() const { return sequences_.front().rows(); }
  /// Steps of a sequence. This and what follows throw ValueError for a sample that is not there, or has no such target.
  Index length(Index sample) const { return sequence(sample).cols(); }
  TargetKind kind() const { return kind_; }
  /// Columns of a sequence's targets; 0 without, and for a label sequence, which has no place in time.
  Index target_steps(Index sample) const {
    return has_labels(kind_) ? labels(sample).size() : has_values(kind_) ? values(sample).cols() : 0;
  }
  /// Number of classes; 0 without labels.
  Index classes() const { return classes_; }
  /// Numbers per target; 0 without real-valued targets.
  Index target_rows() const { return values_.empty() ? 0 : values_.front().rows(); }

  const MatrixX<S>& sequence(Index sample) const { return of(sequences_, sample, ""); }
  /// One entry, one per step, or what is to be written.
  const Labels& labels(Index sample) const { return of(labels_, sample, " with labels"); }
  /// [rows x 1], or [rows x steps].
  const MatrixX<S>& values(Index sample) const { return of(values_, sample, " with real-valued targets"); }
  double weight(Index sample) const { return weights_.empty() ? 1 : of(weights_, sample, " with weights"); }
  bool weighted() const { return !weights_.empty(); }

  /// How much each sequence counts in the loss; empty: all 1. Throws unless there is one finite weight >= 0 for each.
  void set_weights(std::vector<double> weights) {
    require<ShapeError>(weights.empty() || Index(weights.size()) == size(), "data set: expects a weight for each of ",
                        size(), " sequences, got ", weights.size());
    for (std::size_t s = 0; s < weights.size(); ++s)
      require<ValueError>(is_finite(weights[s]) && weights[s] >= 0, "data set: the weight of sample ", s, " is ",
                          weights[s], ", expected a finite number that is not negative");
    weights_ = std::move(weights);
  }

  /// A copy of some of the sequences, in the order given. Throws ValueError for none, or for one that is not there.
  Dataset subset(std::span<const Index> samples) const {
    require<ValueError>(!samples.empty(), "data set: a subset needs at least one sequence");
    Dataset part;
    part.kind_ = kind_;
    part.classes_ = classes_;
    for (const Index s : samples) {
      require<ValueError>(s >= 0 && s < size(), "data set: there is no sample ", s, " among ", size());
      part.sequences_.push_back(sequence(s));
      if (!labels_.empty()) part.labels_.push_back(labels(s));
      if (has_values(kind_)) part.values_.push_back(values(s));
      if (weighted()) part.weights_.push_back(weight(s));
    }
    return part;
  }

  /// The same targets for changed inputs: `f(MatrixX<S>&)` works on each sequence and keeps its shape. Throws
  /// ShapeError for another shape and ValueError for numbers that are not finite; the data set then stays as it was, as
  /// where `f` throws.
  template <class F>
  void transform(F&& f) {
    std::vector<MatrixX<S>> before = sequences_;
    try {
      for (std::size_t s = 0; s < sequences_.size(); ++s) {
        MatrixX<S>& x = sequences_[s];
        f(x);
        require<ShapeError>(x.rows() == before[s].rows() && x.cols() == before[s].cols(), "data set: sample ", s,
                            " is ", before[s].rows(), " x ", before[s].cols(), ", transformed ", x.rows(), " x ",
                            x.cols());
      }
      check_sequences();
    } catch (...) {
      sequences_ = std::move(before);
      throw;
    }
  }

 private:
  Dataset() = default;
  Dataset(TargetKind kind, std::vector<MatrixX<S>> sequences) : kind_(kind), sequences_(std::move(sequences)) {
    check_sequences();
  }

  template <class T>
  static const T& of(const std::vector<T>& list, Index sample, std::string_view with) {
    require<ValueError>(sample >= 0 && sample < Index(list.size()), "data set: there is no sample ", sample, " among ",
                        list.size(), with);
    return list[static_cast<std::size_t>(sample)];
  }

  void check_sequences() const {
    require<ValueError>(!sequences_.empty(), "data set: there is no sequence");
    require<ShapeError>(features() > 0, "data set: sample 0 has no features");
    for (Index s = 0; s < size(); ++s) {
      const MatrixX<S>& x = sequence(s);
      require<ShapeError>(x.rows() == features(), "data set: sample ", s, " has ", x.rows(), " features, sample 0 has ",
                          features());
      for (Index t = 0; t < x.cols(); ++t)
        for (Index r = 0; r < x.rows(); ++r)
          require<ValueError>(is_finite(x(r, t)), "data set: sample ", s, ", step ", t, ", feature ", r, " is ",
                              x(r, t), ", expected a finite number");
    }
  }

  void check_count(std::size_t count, std::string_view what) const {
    require<ShapeError>(Index(count) == size(), "data set: there are ", size(), " sequences, but ", what, " for ",
                        count);
  }

  void check_labels(Index classes) {
    constexpr Index most = Index(1) << 31;
    check_count(labels_.size(), "labels");
    require<ValueError>(classes >= 0 && classes <= most, "data set: there are ", classes, " classes, expected 1 to ",
                        most, ", or 0 for as many as the largest label needs");
    Index largest = -1;
    for (Index s = 0; s < size(); ++s) {
      if (labels(s).size() == 0) continue;
      largest = std::max(largest, labels(s).maxCoeff());
      require<ValueError>(labels(s).maxCoeff() < (classes == 0 ? most : classes), "data set: sample ", s, " has label ",
                          labels(s).maxCoeff(), ", expected below ", classes == 0 ? most : classes,
                          ", the number of classes");
    }
    classes_ = classes > 0 ? classes : largest + 1;
  }

  void check_values() const {
    check_count(values_.size(), "targets");
    for (Index s = 0; s < size(); ++s) {
      require<ShapeError>(values(s).rows() == target_rows(), "data set: sample ", s, " has ", values(s).rows(),
                          " numbers per target, sample 0 has ", target_rows());
    }
  }

  TargetKind kind_ = TargetKind::none;
  Index classes_ = 0;
  std::vector<MatrixX<S>> sequences_;
  std::vector<Labels> labels_;      // only with labels
  std::vector<MatrixX<S>> values_;  // only with real-valued targets
  std::vector<double> weights_;
};

}  // namespace unroll
