#pragma once
// Eigen, and a check that all object files of a program use it with the same -march. Eigen's alignment and packet types
// follow -march: memory allocated in a source file compiled for AVX-512 is freed wrongly in one compiled for SSE2, and
// the linker keeps a single version of each inline function. docs/requirements.md

#include "unroll/core/requirements.hpp"

// After requirements.hpp, whose messages must come first.
#include <Eigen/Core>

#if defined(__ELF__) && defined(__GNUC__)
#include <cstdio>
#include <cstdlib>

namespace unroll::detail {

/// Settings that follow from -march and Eigen's macros: alignment in bytes, packet size in floats, fused multiply-add.
struct March {
  static constexpr int align = EIGEN_MAX_ALIGN_BYTES;
  static constexpr int packet = Eigen::internal::packet_traits<float>::size;
#ifdef EIGEN_VECTORIZE_FMA
  static constexpr int fma = 1;
#else
  static constexpr int fma = 0;
#endif
  static constexpr int all = align * 1000 + packet * 10 + fma;
};

/// March of the source file whose inline functions the linker kept. The empty asm statement hides the value from the
/// compiler, which would otherwise propagate the local constant into the calls.
[[gnu::noinline]] inline int march_in_use() noexcept {
  int all = March::all;
  __asm__("" : "+r"(all));
  return all;
}

/// Check at link time and before main that all object files have the same March.
///
/// The linker keeps one section `unroll_another_march` per program and one section per March. The section of a second
/// March then refers to a discarded section: linkers reject that and print its name. The note protects the section from
/// --gc-sections. With -flto, all files may be a single file for the assembler, hence .ifndef. Two definitions of one
/// symbol would be simpler, but mold, and lld with -flto=thin, reject them even if their values are equal. Mixtures
/// that these two linkers and shared libraries let pass are detected at program start.
[[gnu::constructor]] static void require_one_march() {
// clang-format off
#define UNROLL_MARCH "unroll_needs_the_same_march_in_all_files__here_align_%c0_packet_%c1_fma_%c2"
  __asm__(
      ".ifndef " UNROLL_MARCH "\n\t"
      ".ifdef .Lunroll_march\n\t.error \"" UNROLL_MARCH "\"\n\t.endif\n\t"
      ".pushsection .rodata.unroll_another_march, \"aG\", %%progbits, unroll_another_march, comdat\n"
      ".Lunroll_march: .byte 0\n\t"
      ".popsection\n\t"
      ".pushsection .rodata." UNROLL_MARCH ", \"aG\", %%progbits, " UNROLL_MARCH ", comdat\n\t"
      ".weak " UNROLL_MARCH "\n\t"
      ".hidden " UNROLL_MARCH "\n"
      UNROLL_MARCH ": .long .Lunroll_march - .\n\t"
      ".popsection\n\t"
      ".pushsection .note.unroll_march, \"a\", %%note\n\t"
      ".balign 4\n\t"
      ".long 7, 4, 1\n\t"  // size of the name, size of the value, type
      ".asciz \"unroll\\0\"\n\t"
      ".long " UNROLL_MARCH " - .\n\t"
      ".popsection\n\t"
      ".endif"
      : : "i"(March::align), "i"(March::packet), "i"(March::fma));
#undef UNROLL_MARCH
  // clang-format on
  if (march_in_use() == March::all) return;
  std::fputs(
      "unroll: all source files and shared libraries of a program must be compiled with the same -march, got two.\n"
      "See docs/requirements.md\n",
      stderr);
  std::abort();
}

}  // namespace unroll::detail
#endif
