#pragma once
// Arguments that are referenced after the call returns: inputs of a forward pass until its backward pass, and objects
// that another object refers to.

#include <optional>
#include <utility>

#include "unroll/core/timeline.hpp"
#include "unroll/core/types.hpp"

namespace unroll::detail {

/// Reference to an object that must outlive its use. A temporary does not compile.
template <class T>
class NonTemporary {
 public:
  NonTemporary(const T& kept) : kept_(&kept) {}  // NOLINT: implicit for lvalues
  template <std::same_as<T> Temporary>
  NonTemporary(const Temporary&& temporary) : kept_(&temporary) {  // NOLINT
    detail::refuse_temporary<Temporary>();
  }

  const T& get() const { return *kept_; }
  operator const T&() const { return *kept_; }  // NOLINT

 private:
  const T* kept_;
};

/// Timeline of a pass: either a reference, valid until the backward pass, or a temporary, which is moved to the tape.
class PassTimeline {
 public:
  PassTimeline(const Timeline& kept) : kept_(&kept) {}                // NOLINT: implicit for lvalues
  PassTimeline(Timeline&& temporary) : own_(std::move(temporary)) {}  // NOLINT

  const Timeline& get() const { return own_ ? *own_ : *kept_; }
  /// Timeline to keep: a temporary is moved to `place`.
  const Timeline& settle(Timeline& place) && { return own_ ? place = *std::move(own_) : *kept_; }

 private:
  const Timeline* kept_ = nullptr;
  std::optional<Timeline> own_;
};

/// Input of a pass [features x columns]: a matrix or view that must stay valid until the backward pass, or a temporary
/// matrix or expression, which is moved to the tape.
template <class Scalar>
class PassInput {
 public:
  PassInput(const ConstView<Scalar>& kept) : view_(kept) {}              // NOLINT
  PassInput(const View<Scalar>& kept) : view_(unroll::view(kept)) {}     // NOLINT
  PassInput(const MatrixX<Scalar>& kept) : view_(unroll::view(kept)) {}  // NOLINT
  PassInput(MatrixX<Scalar>&& temporary)
      : own_(std::move(temporary)), view_(unroll::view(std::as_const(*own_))) {}  // NOLINT
  template <class Derived>
  PassInput(const Eigen::EigenBase<Derived>& expression) : PassInput(MatrixX<Scalar>(expression)) {}  // NOLINT
  PassInput(PassInput&&) = default;  // moving a matrix keeps its data pointer

  const ConstView<Scalar>& view() const { return view_; }
  /// View to keep: a temporary is moved to `place`.
  ConstView<Scalar> settle(MatrixX<Scalar>& place) && {
    if (!own_) return view_;
    place = *std::move(own_);
    return unroll::view(std::as_const(place));
  }

 private:
  std::optional<MatrixX<Scalar>> own_;
  ConstView<Scalar> view_;
};

}  // namespace unroll::detail
