// Main function for Catch2 without its library; otherwise the package's own main is used.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
