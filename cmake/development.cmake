# Compiler options of tests, examples and benchmarks. They do not apply to the targets of the library or to their users.
include(CheckCXXCompilerFlag)
set(CMAKE_CXX_EXTENSIONS OFF)

add_library(unroll_development INTERFACE)
target_compile_options(unroll_development INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False warnings in the AVX-512 headers of this compiler, which use undefined registers: GCC bug 105593.
  target_compile_options(unroll_development INTERFACE -Wno-uninitialized -Wno-maybe-uninitialized)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Fewer searches for unused memory: more than a sixth of the processor time of a test source, for at most 3 GB.
  target_compile_options(unroll_development INTERFACE --param=ggc-min-heapsize=3145728)
endif()
# Sources with all cells need 7 to 8 GB each. Ninja compiles at most two of the targets in this pool at a time.
set_property(GLOBAL APPEND PROPERTY JOB_POOLS unroll_large=2)
if(UNROLL_WERROR)
  target_compile_options(unroll_development INTERFACE -Werror)
endif()
if(UNROLL_NATIVE)
  check_cxx_compiler_flag(-march=native UNROLL_HAS_MARCH_NATIVE)
  if(UNROLL_HAS_MARCH_NATIVE)
    target_compile_options(unroll_development INTERFACE -march=native)
  endif()
endif()
# With this definition Eigen fails on allocations where a test forbids them: Eigen::internal::set_is_malloc_allowed. It
# applies to the examples too, because tests link parts of them.
if(UNROLL_BUILD_TESTS)
  target_compile_definitions(unroll_development INTERFACE EIGEN_RUNTIME_NO_MALLOC)
endif()
target_compile_definitions(unroll_development INTERFACE UNROLL_TEST_DATA="${PROJECT_SOURCE_DIR}/tests"
                                                        UNROLL_EXAMPLE_DATA="${PROJECT_SOURCE_DIR}/examples")

# ccache needs these settings to cache precompiled headers: its manual, "Precompiled headers".
find_program(UNROLL_CCACHE ccache)
if(PROJECT_IS_TOP_LEVEL AND UNROLL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${UNROLL_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(unroll_development INTERFACE -fpch-preprocess)
  elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(unroll_development INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()
