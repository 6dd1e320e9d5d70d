#pragma once
// Files of word vectors in the formats of word2vec, fastText, GloVe and gensim.
//
//     text     "WORDS DIMENSION\n", then for each word "WORD NUMBER NUMBER ...\n"; GloVe's have no first line, and some
//              of its words have blanks; tabs are blanks
//     binary   "WORDS DIMENSION\n", then for each word "WORD ", DIMENSION little-endian floats and, by some, "\n"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/atomic_file.hpp"
#include "unroll/io/detail/text_lines.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/text/word_vectors.hpp"

namespace unroll {

static_assert(std::endian::native == std::endian::little,
              "unroll: the machine must be little-endian, as files of word vectors");

enum class WordVectorFormat { text, binary };

/// Format of a file by its name: binary for .bin, text otherwise.
inline WordVectorFormat word_vector_format(const std::filesystem::path& path) {
  return path.extension() == ".bin" ? WordVectorFormat::binary : WordVectorFormat::text;
}

namespace detail {

struct VectorSizes {
  std::size_t words = 0, dimension = 0;
};

inline std::optional<std::size_t> parse_count(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

/// Removes the last word and the preceding blanks from `line`, which must not end with a blank, and returns the word.
inline std::string_view take_last(std::string_view& line) {
  const std::string_view last = line.substr(line.find_last_of(" \t") + 1);
  line = trimmed(line.substr(0, line.size() - last.size()));
  return last;
}

/// Sizes in a line "WORDS DIMENSION"; nullopt for any other line.
inline std::optional<VectorSizes> parse_sizes(std::string_view line) {
  line = trimmed(line);
  const auto dimension = parse_count(take_last(line)), words = parse_count(line);
  return words && dimension ? std::optional(VectorSizes{*words, *dimension}) : std::nullopt;
}

/// Throws FileError if `bytes`, the size of the rest of the file, is too small for `sizes`, so that nothing is
/// allocated for wrong sizes. A word needs at least `least + dimension * each` bytes.
inline void check_sizes(const VectorSizes& sizes, std::size_t bytes, std::size_t least, std::size_t each,
                        const std::string& file) {
  require<FileError>(sizes.words > 0 && sizes.dimension > 0, file,
                     ": the numbers of words and dimensions must be at least 1, got ", sizes.words, " and ",
                     sizes.dimension);
  // Divides instead of multiplying, because the product of numbers from a file may overflow.
  const bool fits = sizes.dimension <= bytes / each && sizes.words <= bytes / (least + sizes.dimension * each);
  require<FileError>(fits, file, ": the file must hold ", sizes.words, " words of dimension ", sizes.dimension,
                     ", got only ", bytes, " bytes");
  const std::size_t most = 250'000 + bytes / 32;  // a word takes about 100 bytes besides its vector
  require<FileError>(sizes.words <= most, file, ": a file of ", bytes, " bytes must have at most ", most,
                     " words, got ", sizes.words);
}

/// Constructs WordVectors; its errors become FileErrors that name the file.
inline WordVectors make_word_vectors(std::vector<std::string> words, MatrixX<float> vectors,
                                     const std::string& file) try {
  return WordVectors(std::move(words), std::move(vectors));
} catch (const ValueError& error) {
  throw FileError(text(file, ": ", error.what()));
}

/// Reads "WORD NUMBER ..." into a column, from the end, because a word may contain blanks. A word that ends with a
/// blank and a number throws, because the line then has one number too many.
inline std::string read_vector_line(const TextLines& lines, std::string_view line, Eigen::Ref<VectorX<float>> to) {
  const auto word_of = [whole = line] { return in_quotes(whole.substr(0, whole.find_first_of(" \t"))); };
  for (Index k = to.size(); k-- > 0;) {
    const std::string_view number = take_last(line);
    lines.expect(!line.empty(), "the vector of ", word_of, " must have ", to.size(), " numbers, got ",
                 to.size() - 1 - k);
    const auto value = parse_number<float>(number);
    lines.expect(value.has_value(), "number ", k + 1, " of ", word_of, " must be a finite number, got ",
                 [&] { return in_quotes(number); });
    to[k] = *value;
  }
  std::string_view before = line;
  const std::string_view last = take_last(before);
  lines.expect(before.empty() || !parse_number<float>(last), "the vector of ", word_of, " must have ", to.size(),
               " numbers, got more");
  return std::string(line);
}

/// Sizes of a file without a line of sizes.
inline VectorSizes count_vectors(std::string_view content, std::string_view first) {
  VectorSizes sizes;
  for (take_last(first); !first.empty(); ++sizes.dimension) take_last(first);
  for (TextLines lines(content, {}); lines.next();) ++sizes.words;
  return sizes;
}

inline WordVectors read_text_vectors(const std::string& content, const std::string& file) {
  TextLines lines(content, file);
  auto line = lines.next();
  require<FileError>(line.has_value(), file, ": the file must have at least 1 word, got 0");
  const auto told = parse_sizes(*line);
  const VectorSizes sizes = told.value_or(count_vectors(content, *line));
  check_sizes(sizes, content.size(), 1, 2, file);
  std::vector<std::string> words;
  MatrixX<float> vectors(Index(sizes.dimension), Index(sizes.words));
  if (told) line = lines.next();
  for (Index k = 0; k < vectors.cols(); ++k, line = lines.next()) {
    require<FileError>(line.has_value(), file, ": the file must have ", sizes.words, " words, got ", k);
    words.push_back(read_vector_line(lines, *line, vectors.col(k)));
  }
  lines.expect(!line, "the file must have ", sizes.words, " words, as in its first line, got more");
  return make_word_vectors(std::move(words), std::move(vectors), file);
}

inline WordVectors read_binary_vectors(std::string_view rest, const std::string& file) {
  const std::string_view first = take_until(rest, '\n').substr(0, 64);
  const auto sizes = parse_sizes(first);
  require<FileError>(sizes.has_value(), file, ": the first line must be the numbers of words and dimensions, got ",
                     [&] { return in_quotes(first); });
  check_sizes(*sizes, rest.size(), 2, sizeof(float), file);
  const std::size_t bytes = sizes->dimension * sizeof(float);
  std::vector<std::string> words;
  MatrixX<float> vectors(Index(sizes->dimension), Index(sizes->words));
  const auto skip_newline = [&] { rest.remove_prefix(rest.starts_with('\n')); };
  for (Index k = 0; k < vectors.cols(); ++k) {
    skip_newline();
    const auto blank = rest.find(' ');
    require<FileError>(blank != rest.npos && rest.size() - blank - 1 >= bytes, file, ": the file must have ",
                       sizes->words, " complete words, got ", k);
    words.emplace_back(take_until(rest, ' '));
    require<FileError>(
        std::ranges::none_of(words.back(), [](unsigned char c) { return c < ' '; }), file, ": word ", k + 1,
        " must have no control character, got ", [&] { return in_quotes(words.back()); },
        "; binary files cannot have words with blanks");
    std::memcpy(vectors.col(k).data(), rest.data(), bytes);
    rest.remove_prefix(bytes);
  }
  skip_newline();
  require<FileError>(rest.empty(), file, ": 0 bytes must follow the last word, got ", rest.size());
  return make_word_vectors(std::move(words), std::move(vectors), file);
}

/// Appends the shortest decimal number that reads back as the same float.
inline void append_number(std::string& out, float value) {
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

}  // namespace detail

/// Word vectors from a file. Words in text files may contain blanks, as some of GloVe's do. Throws FileError, with the
/// file and the line or word, for truncated files, wrong counts, numbers that are not finite, and duplicate words.
/// Sizes given in the file are checked against its length before memory is allocated.
inline WordVectors read_word_vectors(const std::filesystem::path& path, WordVectorFormat format) {
  const std::string content = detail::read_text(path);
  return format == WordVectorFormat::text ? detail::read_text_vectors(content, path.string())
                                          : detail::read_binary_vectors(content, path.string());
}
inline WordVectors read_word_vectors(const std::filesystem::path& path) {
  return read_word_vectors(path, word_vector_format(path));
}

/// Writes a file of word vectors atomically. Text has enough digits to read back the same numbers. Throws ValueError
/// for words with a blank or newline, which neither format supports, and FileError as AtomicFile does.
inline void write_word_vectors(const std::filesystem::path& path, const WordVectors& vectors, WordVectorFormat format) {
  std::string content = text(vectors.size(), " ", vectors.dimension(), "\n");
  for (Index k = 0; k < vectors.size(); ++k) {
    const std::string& word = vectors.words()[std::size_t(k)];
    require<ValueError>(word.find_first_of(" \t\r\n") == word.npos,
                        "word vectors: a word in a file must have no blank, got ",
                        [&] { return detail::in_quotes(word); });
    content += word;
    const auto column = vectors.vectors().col(k);
    if (format == WordVectorFormat::binary) {
      content += ' ';
      content.append(reinterpret_cast<const char*>(column.data()), std::size_t(column.size()) * sizeof(float));
    } else {
      for (const float value : column) content += ' ', detail::append_number(content, value);
    }
    content += '\n';
  }
  write_text(path, content);
}
inline void write_word_vectors(const std::filesystem::path& path, const WordVectors& vectors) {
  write_word_vectors(path, vectors, word_vector_format(path));
}

}  // namespace unroll
