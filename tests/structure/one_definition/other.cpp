#include "all_headers_backwards.hpp"

int other();

int other() { return 0; }
