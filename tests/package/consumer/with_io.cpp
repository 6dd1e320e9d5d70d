#if __has_include(<unroll/io/formats/safetensors.hpp>)
#include <unroll/io/formats/safetensors.hpp>
#endif
#include <nlohmann/json.hpp>

int main() { return nlohmann::json::parse("[3]").at(0) == 3 ? 0 : 1; }
