#pragma once
// What a compiler and its flags must bring: docs/requirements.md. Every header includes this one, mostly by way of
// others, so that the first message of the compiler says what to do.

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

// Rounding by adding a large number, searches for NaN, and equal bits in every run end where sums may be regrouped.
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0) || \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error "unroll needs IEEE arithmetic: compile without -ffast-math, -Ofast and their parts"
#define UNROLL_STOPS
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ == 2
#error "unroll needs results of float and double as declared: compile with -msse2 -mfpmath=sse"
#define UNROLL_STOPS
#endif

// PacketMathFP16.h of Eigen 5.0.1 specialises a function that is not there any more.
#if defined(__AVX512FP16__) && __has_include(<Eigen/Version>)
#include <Eigen/Version>
#if EIGEN_MAJOR_VERSION == 5 && EIGEN_MINOR_VERSION == 0
#error "Eigen 5.0 does not compile for AVX512-FP16, which unroll does not use: compile with -mno-avx512fp16"
#define UNROLL_STOPS
#endif
#endif

#ifdef UNROLL_STOPS
#include "unroll/core/the_error_above_stops_the_compiler"  // no such file: spares users hundreds of messages that follow
#endif
