#pragma once

#include <vector>

#include "unroll/simd/bfloat16/float_form.hpp"
#include "unroll/simd/bfloat16/x86_tiles.hpp"

namespace unroll::detail {

/// Calls f with the fastest form of products of bfloat16 factors that the compiler's target and this process have.
template <class F>
void with_form(F&& f) {
#if defined(UNROLL_AMX)
  if (amx_granted()) return f(PairForm<AmxTiles>());
#endif
#if defined(__AVX512BF16__)
  return f(PairForm<Avx512Tiles>());
#else
  return f(FloatForm());
#endif
}

/// Left factor, packed and rounded to bfloat16 in the form of `with_form`.
class RoundedMatrix {
 public:
  void pack(StridedFactor w, Index rows, Index inner) {
    with_form([&]<class Form>(Form) {
      auto& numbers = numbers_of<Form>(*this);
      const auto needed = std::size_t(packed_numbers<Form>(rows, inner));
      if (numbers.size() < needed) numbers.resize(needed);
      pack_rounded<Form>(w, rows, inner, numbers.data());
    });
  }

  /// y (+)= W x for the packed W [rows x inner], see multiply_rounded.
  void multiply(Index rows, Index inner, const float* x, Index x_stride, Index columns, float* y, Index y_stride,
                bool add) const {
    with_form([&]<class Form>(Form) {
      multiply_rounded<Form>(numbers_of<Form>(*this).data(), rows, inner, {x, 1, x_stride}, columns, y, y_stride, add);
    });
  }

 private:
  template <class Form>
  static auto& numbers_of(auto& matrix) {
    if constexpr (std::is_same_v<typename Form::Number, float>)
      return matrix.floats_;
    else
      return matrix.pairs_;
  }

  std::vector<float> floats_;
  std::vector<std::uint16_t> pairs_;  // bits
};

}  // namespace unroll::detail
