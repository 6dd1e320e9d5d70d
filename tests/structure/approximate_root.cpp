// Approximate instruction, which the structure test must find.
#include <xmmintrin.h>

__m128 approximate_root(__m128 x) { return _mm_rsqrt_ps(x); }
