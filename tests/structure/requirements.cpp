// Compiled with flags that the library refuses.
#include <unroll/unroll.hpp>
