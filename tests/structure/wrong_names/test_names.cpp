// Names of test cases, five of which the structure test must find. No program has this file.
TEST_CASE("buffer: has room") {}
TEST_CASE("a buffer has room") {}
TEST_CASE("buffer:") {}
TEMPLATE_TEST_CASE("a unit of a test case with far too long a name: has room", "", float) {}
TEST_CASE(
    "buffer: has room for every number of a shape that is one number larger, [1, 2], "
    "which is too long a name",
    "[tag]") {}
TEST_CASE("buffer: has room; is empty") {}
