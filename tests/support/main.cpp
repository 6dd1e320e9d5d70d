// Only for a Catch2 that was installed without its library: the package's own main is used where there is one.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
