#include <unroll/word2vec/word2vec.hpp>

unroll::WordTables<float> trained(const unroll::Sentences& sentences) {
  return unroll::train_word2vec<float>(10, sentences, {}, [](const unroll::WordEpoch&) {});
}
