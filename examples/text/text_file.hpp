#pragma once
// Text file whose tokens are read when they are needed.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "options.hpp"
#include "unroll/core/utf8.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/text/vocabulary.hpp"

namespace lm {

using Tokens = std::vector<std::string>;

/// Tokens of each unit of a text; of a stream one list, in which words have an end token after each unit.
std::vector<Tokens> tokens_in(const std::string& text, const Options& options);

/// UTF-8 text divided into pieces, whose places are in memory: lines, if units are read, otherwise about a kilobyte of
/// a stream.
class TextFile {
 public:
  /// Reads the file once. The unit must be a line, unless characters are read in streams. Throws FileError as
  /// unroll::read_text_file.
  TextFile(std::string path, const Options& options);

  unroll::Index pieces() const { return std::ssize(places_); }
  /// Number of tokens of a piece, and of all pieces before it.
  unroll::Index tokens(unroll::Index piece) const { return before(piece + 1) - before(piece); }
  unroll::Index before(unroll::Index piece) const {
    return piece < pieces() ? places_[std::size_t(piece)].before : tokens_;
  }
  /// Piece that contains a token of the text.
  unroll::Index piece_of(unroll::Index token) const;
  /// Tokens of a piece. Throws FileError if the file has become shorter.
  Tokens read(unroll::Index piece) const;

 private:
  struct Place {
    std::uint64_t begin;
    unroll::Index bytes, before;
  };

  /// Size of the first piece of `text`; 0: more of the text must be read. `end`: the text is complete.
  std::size_t piece_size(std::string_view text, bool end) const;
  void add(std::uint64_t begin, std::string_view piece);
  [[noreturn]] void refuse_changed() const;

  Options options_;
  std::shared_ptr<unroll::detail::InputFile> file_;
  std::vector<Place> places_;
  unroll::Index tokens_ = 0;
  unroll::TextPlace end_ = {};  // of the pieces that were added
  bool blank_ = true;
};

/// Part of a text file as token numbers.
class LazyPart {
 public:
  /// `first`: first unit of the part in the file; of streams, first token. `sizes`: number of tokens of the part in
  /// each of its units; of streams, one size.
  LazyPart(std::shared_ptr<const TextFile> file, unroll::Index first, std::vector<unroll::Index> sizes,
           unroll::Vocabulary vocabulary, bool streams)
      : file_(std::move(file)),
        first_(first),
        sizes_(std::move(sizes)),
        vocabulary_(std::move(vocabulary)),
        streams_(streams) {}

  const std::vector<unroll::Index>& sizes() const { return sizes_; }
  /// Token numbers of a unit.
  std::vector<unroll::Index> unit(unroll::Index k) const;
  /// Numbers of the tokens [first, first + count) of a stream, which may be behind the part.
  std::vector<unroll::Index> stream(unroll::Index first, unroll::Index count) const;

  /// Calls on_size(tokens) and then on_numbers(token numbers) for each unit; for parts of a stream.
  template <class OnSize, class OnNumbers>
  void visit(const OnSize& on_size, const OnNumbers& on_numbers) const {
    constexpr unroll::Index together = 1 << 16;
    for (unroll::Index k = 0; k < std::ssize(sizes_); ++k) {
      const unroll::Index size = sizes_[std::size_t(k)];
      on_size(std::uint64_t(size));
      if (!streams_) on_numbers(unit(k));
      for (unroll::Index first = 0; first < size && streams_; first += together)
        on_numbers(stream(first, std::min(together, size - first)));
    }
  }

 private:
  std::shared_ptr<const TextFile> file_;
  unroll::Index first_;
  std::vector<unroll::Index> sizes_;
  unroll::Vocabulary vocabulary_;
  bool streams_;
};

}  // namespace lm
