#pragma once
// Arguments that are referred to after the call: those of a pass, until its backward pass, and what an object works on.

#include <optional>
#include <utility>

#include "unroll/core/timeline.hpp"
#include "unroll/core/types.hpp"

namespace unroll::detail {

/// A reference to what the caller keeps for as long as it is used. A temporary does not compile.
template <class T>
class Lasting {
 public:
  Lasting(const T& kept) : kept_(&kept) {}  // NOLINT: any object with a name is one
  template <std::same_as<T> Temporary>
  Lasting(const Temporary&& temporary) : kept_(&temporary) {  // NOLINT
    detail::refuse_temporary<Temporary>();
  }

  const T& get() const { return *kept_; }
  operator const T&() const { return *kept_; }  // NOLINT

 private:
  const T* kept_;
};

/// The timeline of a pass: a reference to one that the caller keeps until the backward pass, or a temporary, which the
/// tape takes over.
class PassTimeline {
 public:
  PassTimeline(const Timeline& kept) : kept_(&kept) {}                // NOLINT: any timeline is one
  PassTimeline(Timeline&& temporary) : own_(std::move(temporary)) {}  // NOLINT

  const Timeline& get() const { return own_ ? *own_ : *kept_; }
  /// Where it stays: a temporary is moved to `place`.
  const Timeline& settle(Timeline& place) && { return own_ ? place = *std::move(own_) : *kept_; }

 private:
  const Timeline* kept_ = nullptr;
  std::optional<Timeline> own_;
};

/// What a pass reads [features x columns]: a matrix or a view of numbers that the caller keeps until the backward pass,
/// or a temporary matrix or an expression, which the tape takes over.
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
  PassInput(PassInput&&) = default;  // the numbers stay where they are

  const ConstView<Scalar>& view() const { return view_; }
  /// Where its numbers stay: a temporary is moved to `place`.
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
