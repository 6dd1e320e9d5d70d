#pragma once
// Requirements on the compiler and its flags: docs/requirements.md. Every header includes this one, directly or
// indirectly, so that the first message of the compiler is the one that helps.

#if __cplusplus < 202002L
#error "unroll needs C++20: compile with -std=c++20 or newer"
#define UNROLL_STOPS
#endif

#include <version>
#if defined(_LIBCPP_VERSION) && _LIBCPP_VERSION < 160000
#error "unroll needs libc++ 16 or newer, which has the algorithms of std::ranges, or libstdc++"
#define UNROLL_STOPS
#endif

#ifndef __cpp_exceptions
#error "unroll needs exceptions: compile without -fno-exceptions"
#define UNROLL_STOPS
#endif

// Regrouped sums break rounding by adding a large number, searches for NaN, and bitwise reproducibility.
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0) || \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error "unroll needs IEEE arithmetic: compile without -ffast-math, -Ofast and their parts"
#define UNROLL_STOPS
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ == 2
#error "unroll needs results of float and double as declared: compile with -msse2 -mfpmath=sse"
#define UNROLL_STOPS
#endif

// PacketMathFP16.h of Eigen 5.0.1 specializes a function that no longer exists.
#if defined(__AVX512FP16__) && __has_include(<Eigen/Version>)
#include <Eigen/Version>
#if EIGEN_MAJOR_VERSION == 5 && EIGEN_MINOR_VERSION == 0
#error "Eigen 5.0 does not compile for AVX512-FP16, which unroll does not use: compile with -mno-avx512fp16"
#define UNROLL_STOPS
#endif
#endif

#ifdef UNROLL_STOPS
#include "unroll/core/the_error_above_stops_the_compiler"  // no such file: stops before hundreds of follow-up errors
#endif
