#pragma once

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/tables/named_rows.hpp"
#include "unroll/core/types.hpp"
#include "unroll/data/target_kind.hpp"

namespace unroll {

/// Data set of sequences [features x steps] of any length, including 0, with their targets. Inputs must be finite.
/// Negative labels and NaNs in real-valued targets are not scored.
///
/// Targets per step correspond to the steps of the model's output. Their number equals the length of the sequence,
/// unless the model changes the number of steps (strides, pooling, upsampling). Training and evaluation compare both
/// numbers for each sample.
///
/// Factory functions throw ValueError if the data set is empty, an input is not finite or a label is out of range, and
/// ShapeError if the numbers of sequences, features or targets do not match. Messages give sample and step.
template <std::floating_point S>
class Dataset {
 public:
  using Scalar = S;

  static Dataset unlabelled(std::vector<MatrixX<S>> sequences) {
    return Dataset(TargetKind::none, std::move(sequences));
  }

  /// Data set with one class per sequence. Classes are counted from 0; `classes` 0: largest label + 1.
  static Dataset labelled(std::vector<MatrixX<S>> sequences, const std::vector<Index>& labels, Index classes = 0) {
    Dataset data(TargetKind::label, std::move(sequences));
    for (const Index label : labels) data.labels_.push_back(Labels::Constant(1, label));
    data.check_labels(classes);
    return data;
  }

  /// Data set with one class per step: each sequence has one label per step of the model's output.
  static Dataset step_labelled(std::vector<MatrixX<S>> sequences, std::vector<Labels> labels, Index classes = 0) {
    Dataset data(TargetKind::step_labels, std::move(sequences));
    data.labels_ = std::move(labels);
    data.check_labels(classes);
    return data;
  }

  /// Data set with a label sequence per sequence, of any length including 0, without alignment to the steps. A single
  /// negative label marks a missing target. `classes` includes the blank, unless the blank is the first class.
  static Dataset transcribed(std::vector<MatrixX<S>> sequences, std::vector<Labels> labels, Index classes = 0) {
    Dataset data(TargetKind::label_sequence, std::move(sequences));
    data.labels_ = std::move(labels);
    data.check_labels(classes);
    for (Index s = 0; s < data.size(); ++s)
      require<ValueError>(
          data.labels(s).size() < 2 || data.labels(s).minCoeff() >= 0, "data set: sample ", s,
          ": labels must be at least 0, got ", [&] { return data.labels(s).minCoeff(); },
          "; a single negative label marks a missing target");
    return data;
  }

  /// Data set with one real-valued target per sequence: `targets` [rows x sequences].
  static Dataset valued(std::vector<MatrixX<S>> sequences, const MatrixX<S>& targets) {
    Dataset data(TargetKind::values, std::move(sequences));
    for (Index s = 0; s < targets.cols(); ++s) data.values_.push_back(targets.col(s));
    data.check_values();
    return data;
  }

  /// Data set with one real-valued target per step: `targets` [rows x output steps] for each sequence.
  static Dataset step_valued(std::vector<MatrixX<S>> sequences, std::vector<MatrixX<S>> targets) {
    Dataset data(TargetKind::step_values, std::move(sequences));
    data.values_ = std::move(targets);
    data.check_values();
    return data;
  }

  /// Number of sequences.
  Index size() const { return Index(sequences_.size()); }
  Index features() const { return sequences_.front().rows(); }
  /// Number of steps of a sequence. This and the following accessors throw ValueError if the sample or its target does
  /// not exist.
  Index length(Index sample) const { return sequence(sample).cols(); }
  TargetKind kind() const { return kind_; }
  /// Number of target columns of a sequence; 0 without targets and for label sequences, which are not aligned to steps.
  Index target_steps(Index sample) const {
    return has_labels(kind_) ? labels(sample).size() : values_.empty() ? 0 : values(sample).cols();
  }
  /// Number of classes; 0 without labels.
  Index classes() const { return classes_; }
  /// Rows of a real-valued target, or of several targets together; 0 without such targets.
  Index target_rows() const { return values_.empty() ? 0 : values_.front().rows(); }

  const MatrixX<S>& sequence(Index sample) const { return of(sequences_, sample, "sample"); }
  /// Labels of a sample: one entry, one per step, or its label sequence.
  const Labels& labels(Index sample) const { return of(labels_, sample, "sample with labels"); }
  /// Several targets by name, in the order of the rows of `values`; empty without them. See several_targets.
  const std::vector<TargetPart>& targets() const { return parts_; }
  /// Real-valued target, or several targets, [rows x 1] or [rows x steps].
  const MatrixX<S>& values(Index sample) const { return of(values_, sample, "sample with real-valued targets"); }
  double weight(Index sample) const { return weights_.empty() ? 1 : of(weights_, sample, "sample with weights"); }
  bool weighted() const { return !weights_.empty(); }

  /// Names and rows of several inputs, which are rows of the sequences; empty: one input without a name.
  const NamedRows& inputs() const { return inputs_; }
  /// Sets the names; empty: none. Throws ShapeError unless the rows are the features.
  void set_inputs(NamedRows inputs) {
    if (!inputs.empty()) detail::check_equal("data set", "rows of the inputs", inputs.rows(), features());
    inputs_ = std::move(inputs);
  }
  /// Adds an input: `values` [rows x steps] for each sequence become its last rows. An input without a name, to which
  /// it is added, gets the name `first`. Throws ShapeError if numbers of sequences, rows or steps do not match,
  /// ValueError for a name that exists and a number that is not finite. The data set is then unchanged.
  void add_input(std::string name, const std::vector<MatrixX<S>>& values, std::string first = "x") {
    check_count(values.size(), "inputs '" + name + "'");
    NamedRows inputs = inputs_;
    if (inputs.empty()) inputs.add(std::move(first), features());
    const Index rows = values.front().rows();
    inputs.add(name, rows);
    Dataset whole;
    for (Index s = 0; s < size(); ++s) {
      const MatrixX<S>&x = sequence(s), &more = values[std::size_t(s)];
      detail::check_shape("data set", text("input '", name, "' of sample ", s), more.rows(), more.cols(), rows,
                          x.cols());
      MatrixX<S>& both = whole.sequences_.emplace_back(x.rows() + rows, x.cols());
      both << x, more;
    }
    whole.check_sequences();
    sequences_ = std::move(whole.sequences_);
    inputs_ = std::move(inputs);
  }
  /// Keeps these inputs only, in this order. Throws ValueError for a name that does not exist or is given twice.
  void select_inputs(const std::vector<std::string>& names) {
    NamedRows kept;
    for (const std::string& name : names) kept.add(name, inputs_.rows(name));
    require<ValueError>(!kept.empty(), "data set: names of the kept inputs must be at least 1, got 0");
    for (MatrixX<S>& x : sequences_) {
      MatrixX<S> part(kept.rows(), x.cols());
      for (const auto& [name, rows] : kept)
        part.middleRows(kept.first(name), rows) = x.middleRows(inputs_.first(name), rows);
      x = std::move(part);
    }
    inputs_ = std::move(kept);
  }

  /// Weights of the sequences in the loss; empty: all 1. Throws ShapeError unless there is one weight per sequence, and
  /// ValueError unless all are finite and >= 0.
  void set_weights(std::vector<double> weights) {
    if (!weights.empty()) check_count(weights.size(), "weights");
    for (std::size_t s = 0; s < weights.size(); ++s)
      require<ValueError>(is_finite(weights[s]) && weights[s] >= 0, "data set: weight of sample ", s,
                          " must be finite and at least 0, got ", weights[s]);
    weights_ = std::move(weights);
  }

  /// Copy of some of the sequences, in the given order. Throws ValueError if `samples` is empty or a sample does not
  /// exist.
  Dataset subset(std::span<const Index> samples) const {
    require<ValueError>(!samples.empty(), "data set: a subset must have at least 1 sequence, got 0");
    Dataset part;
    part.kind_ = kind_;
    part.classes_ = classes_;
    part.inputs_ = inputs_;
    part.parts_ = parts_;
    for (const Index s : samples) {
      detail::check_index("data set", "sample", s, size());
      part.sequences_.push_back(sequence(s));
      if (!labels_.empty()) part.labels_.push_back(labels(s));
      if (!values_.empty()) part.values_.push_back(values(s));
      if (weighted()) part.weights_.push_back(weight(s));
    }
    return part;
  }

  /// Adds the sequences of another data set, with targets and weights. Throws ShapeError unless both have the same
  /// features, kind and rows of targets and number of classes, and both or none have weights.
  void append(Dataset other) {
    other.check_form(*this, "the data set that it is added to");
    const auto add = [](auto& to, auto& from) {
      to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    };
    add(sequences_, other.sequences_), add(weights_, other.weights_);
    add(labels_, other.labels_), add(values_, other.values_);
  }

  /// Throws ShapeError unless features, names of inputs and targets, kind and rows of targets, number of classes and
  /// presence of weights are those of `other`, which messages call `name`.
  void check_form(const Dataset& other, std::string_view name) const {
    const auto check = [&](std::string_view what, Index mine, Index expected) {
      require<ShapeError>(mine == expected, "data set: ", what, " must be ", expected, ", as in ", name, ", got ",
                          mine);
    };
    check("features", features(), other.features());
    detail::check_rows("data set", "inputs", text("as in ", name), inputs_, other.inputs_);
    require<ShapeError>(kind_ == other.kind_, "data set: targets must be ", detail::name_of(other.kind_), ", as in ",
                        name, ", got ", detail::name_of(kind_));
    check("classes", classes_, other.classes_);
    check("numbers per target", target_rows(), other.target_rows());
    require<ShapeError>(parts_ == other.parts_, "data set: names, kinds and sizes of several targets must be those of ",
                        name);
    require<ShapeError>(weighted() == other.weighted(), "data set: sequences must have ",
                        other.weighted() ? "weights" : "no weights", ", as in ", name);
  }

  /// Modifies the inputs: `f(MatrixX<S>&)` changes each sequence in place and must keep its shape. Throws ShapeError
  /// for a changed shape and ValueError for numbers that are not finite. If it or `f` throws, the data set is
  /// unchanged.
  template <class F>
  void transform(F&& f) {
    std::vector<MatrixX<S>> before = sequences_;
    try {
      for (std::size_t s = 0; s < sequences_.size(); ++s) {
        MatrixX<S>& x = sequences_[s];
        f(x);
        require<ShapeError>(x.rows() == before[s].rows() && x.cols() == before[s].cols(),
                            "data set: transformed sample ", s, " must be [", before[s].rows(), " x ", before[s].cols(),
                            "], got [", x.rows(), " x ", x.cols(), "]");
      }
      check_sequences();
    } catch (...) {
      sequences_ = std::move(before);
      throw;
    }
  }

 private:
  friend struct detail::TargetJoin<S>;

  Dataset() = default;
  Dataset(TargetKind kind, std::vector<MatrixX<S>> sequences) : kind_(kind), sequences_(std::move(sequences)) {
    check_sequences();
  }

  template <class T>
  static const T& of(const std::vector<T>& list, Index sample, std::string_view what) {
    detail::check_index("data set", what, sample, Index(list.size()));
    return list[static_cast<std::size_t>(sample)];
  }

  void check_sequences() const {
    require<ValueError>(!sequences_.empty(), "data set: number of sequences must be at least 1, got 0");
    require<ShapeError>(features() > 0, "data set: features of sample 0 must be at least 1, got 0");
    for (Index s = 0; s < size(); ++s) {
      const MatrixX<S>& x = sequence(s);
      require<ShapeError>(x.rows() == features(), "data set: features of sample ", s, " must be ", features(),
                          ", as in sample 0, got ", x.rows());
      for (Index t = 0; t < x.cols(); ++t)
        for (Index r = 0; r < x.rows(); ++r)
          require<ValueError>(is_finite(x(r, t)), "data set: sample ", s, ", step ", t, ", feature ", r,
                              " must be finite, got ", x(r, t));
    }
  }

  void check_count(std::size_t count, std::string_view what) const {
    detail::check_as_many("data set", what, "entries as sequences", Index(count), size());
  }

  void check_labels(Index classes) {
    constexpr Index most = Index(1) << 31;
    check_count(labels_.size(), "labels");
    detail::check_between("data set", "classes", classes, 0, most, " (0: the largest label + 1)");
    Index largest = -1;
    for (Index s = 0; s < size(); ++s) {
      if (labels(s).size() == 0) continue;
      largest = std::max(largest, labels(s).maxCoeff());
      require<ValueError>(labels(s).maxCoeff() < (classes == 0 ? most : classes), "data set: label of sample ", s,
                          " must be below ", classes == 0 ? most : classes, ", the number of classes, got ",
                          labels(s).maxCoeff());
    }
    classes_ = classes > 0 ? classes : largest + 1;
  }

  void check_values() const {
    check_count(values_.size(), "targets");
    for (Index s = 0; s < size(); ++s) {
      require<ShapeError>(values(s).rows() == target_rows(), "data set: numbers per target of sample ", s, " must be ",
                          target_rows(), ", as in sample 0, got ", values(s).rows());
    }
  }

  TargetKind kind_ = TargetKind::none;
  Index classes_ = 0;
  std::vector<MatrixX<S>> sequences_;
  std::vector<Labels> labels_;      // empty without labels
  std::vector<MatrixX<S>> values_;  // empty without real-valued or several targets
  std::vector<TargetPart> parts_;   // of several targets
  NamedRows inputs_;
  std::vector<double> weights_;
};

}  // namespace unroll
