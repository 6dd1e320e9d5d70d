#include "text_file.hpp"

#include <algorithm>

#include "unroll/core/utf8.hpp"
#include "unroll/text/readers.hpp"

namespace lm {

using namespace unroll;

TextFile::TextFile(std::string path, const Options& options)
    : options_(options), file_(std::make_shared<unroll::detail::InputFile>(path)) {
  constexpr std::uint64_t block = 1 << 20;
  std::string text;
  std::uint64_t begin = 0, read = 0;  // place of `text` in the file, and its end
  for (std::size_t used = 0;;) {
    begin += used, text.erase(0, used), used = 0;
    const std::size_t before = text.size(), more = std::size_t(std::min(block, file_->size() - read));
    unroll::detail::make_room(text, before + more, path);
    file_->read(std::as_writable_bytes(std::span(text)).subspan(before));
    if (read == 0) used = end_.byte = text.size() - unroll::detail::without_mark(text).size();
    read += more;
    const std::string_view all = text;
    while (const std::size_t size = piece_size(all.substr(used), read == file_->size())) {
      add(begin + used, all.substr(used, size));
      used += size;
    }
    if (read == file_->size()) break;
  }
  require<FileError>(!blank_, path, ": the file must have text, got none");
}

std::size_t TextFile::piece_size(std::string_view text, bool end) const {
  constexpr std::size_t about = 1024;
  const bool characters = options_.streams() && !options_.words();
  std::size_t size = 0;
  if (characters) {
    if (text.size() < about + 5) return end ? text.size() : 0;
    size = about;
    const auto continues = [&] { return (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80; };
    while (size < about + 3 && continues()) ++size;
    return size + (text[size - 1] == '\r' && text[size] == '\n');
  }
  do {
    std::string_view rest = text.substr(size);
    unroll::detail::take_line(rest);
    if (rest.empty()) return end ? text.size() : 0;  // the line may continue, or its line end
    size = text.size() - rest.size();
  } while (options_.streams() && size < about);
  return size;
}

void TextFile::add(std::uint64_t begin, std::string_view piece) {
  end_ = require_utf8(piece, file_->name(), end_);
  blank_ = blank_ && piece.find_first_not_of(" \t\r\n") == piece.npos;
  const auto found = tokens_in(unroll::detail::with_plain_ends(piece), options_);
  if (found.empty()) return;
  places_.push_back({begin, std::ssize(piece), tokens_});
  tokens_ += std::ssize(found.front());
}

Index TextFile::piece_of(Index token) const {
  const auto after = std::ranges::upper_bound(places_, token, {}, &Place::before);
  return after - places_.begin() - 1;
}

Tokens TextFile::read(Index piece) const {
  const Place& place = places_[std::size_t(piece)];
  std::string bytes(std::size_t(place.bytes), '\0');
  file_->seek(place.begin);
  file_->read(std::as_writable_bytes(std::span(bytes)));
  try {
    auto found = tokens_in(unroll::detail::with_plain_ends(bytes), options_);
    if (found.size() != 1 || std::ssize(found.front()) != tokens(piece)) refuse_changed();
    return std::move(found.front());
  } catch (const ValueError&) {
    refuse_changed();  // no UTF-8
  }
}

void TextFile::refuse_changed() const {
  throw FileError(text(file_->name(), ": must be as it was when the run began; the file has changed"));
}

std::vector<Index> LazyPart::unit(Index k) const {
  Tokens tokens = file_->read(first_ + k);
  tokens.resize(std::size_t(sizes_[std::size_t(k)]));
  return vocabulary_.numbers(tokens);
}

std::vector<Index> LazyPart::stream(Index first, Index count) const {
  std::vector<Index> all;
  all.reserve(std::size_t(count));
  for (Index piece = file_->piece_of(first_ + first); std::ssize(all) < count; ++piece) {
    const Tokens tokens = file_->read(piece);
    const Index begin = first_ + first + std::ssize(all) - file_->before(piece),
                end = std::min(std::ssize(tokens), begin + count - std::ssize(all));
    for (Index k = begin; k < end; ++k) all.push_back(vocabulary_.number(tokens[std::size_t(k)]));
  }
  return all;
}

}  // namespace lm
