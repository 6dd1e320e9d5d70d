#pragma once
// Macros for the sanitizer of this build; g++ and Clang define it in different ways.

#if defined(__SANITIZE_ADDRESS__)
#define UNROLL_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNROLL_ADDRESS_SANITIZER 1
#endif
#endif
#if !defined(UNROLL_ADDRESS_SANITIZER)
#define UNROLL_ADDRESS_SANITIZER 0
#endif

#if defined(__SANITIZE_THREAD__)
#define UNROLL_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNROLL_THREAD_SANITIZER 1
#endif
#endif
#if !defined(UNROLL_THREAD_SANITIZER)
#define UNROLL_THREAD_SANITIZER 0
#endif
