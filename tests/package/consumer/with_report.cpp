#include <unroll/report/report.hpp>

int main() { return unroll::to_csv({{"a", "b"}, {{1, "x"}}}) == "a,b\n1,x\n" ? 0 : 1; }
