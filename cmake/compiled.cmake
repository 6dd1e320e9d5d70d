# Defines unroll::compiled from the sources in `folder`, the folder of the headers. The library is compiled with the flags of the
# project that uses it, -march above all, and only if a target links it.
function(unroll_add_compiled folder)
  add_library(unroll_compiled STATIC EXCLUDE_FROM_ALL ${folder}/unroll/compiled/float.cpp ${folder}/unroll/compiled/double.cpp)
  add_library(unroll::compiled ALIAS unroll_compiled)
  target_link_libraries(unroll_compiled PUBLIC unroll::unroll)
  target_precompile_headers(unroll_compiled PRIVATE <unroll/unroll.hpp> <unroll/compiled/compiled.hpp>)
  # g++ does not keep the pragmas of a precompiled header that suppress this warning. Its memory is dominated by that header, and
  # each search for unused memory below 1 GB would take a second and find little.
  target_compile_options(unroll_compiled PUBLIC $<$<CXX_COMPILER_ID:GNU>:-Wno-ignored-attributes>
                                                $<$<CXX_COMPILER_ID:GNU>:--param=ggc-min-heapsize=1048576>)
endfunction()
