#include <unroll/word2vec/word2vec.hpp>

int main() { return unroll::Word2VecOptions{}.dimension > 0 ? 0 : 1; }
