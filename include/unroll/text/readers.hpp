#pragma once
// Readers of text files: division into lines, sentences or paragraphs, and into words.

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/utf8.hpp"
#include "unroll/io/detail/text_lines.hpp"
#include "unroll/io/input_file.hpp"

namespace unroll {

/// Units of a text. A line ends with "\n", "\r\n" or "\r". A paragraph ends with an empty line; its other line ends
/// become blanks. A sentence is a part of a paragraph and ends with one of . ! ? and following quotes and brackets, if
/// a blank comes next. There is no list of abbreviations, so "Mr. Fox" ends a sentence.
enum class TextUnit { line, sentence, paragraph, whole };

namespace detail {

/// Lower-case letter of a capital of most Latin alphabets, Greek, Cyrillic or Armenian; any other code point is
/// returned unchanged.
inline std::uint32_t lower_case(std::uint32_t c) {
  const auto within = [c](std::uint32_t first, std::uint32_t last) { return first <= c && c <= last; };
  if (c < 0x80) return within('A', 'Z') ? c + 0x20 : c;
  if ((within(0xC0, 0xDE) && c != 0xD7) || (within(0x391, 0x3AB) && c != 0x3A2) || within(0x410, 0x42F))
    return c + 0x20;
  if (within(0x400, 0x40F)) return c + 0x50;
  if (within(0x531, 0x556)) return c + 0x30;
  // Accented Greek, and letters whose capitals are in other blocks.
  if (within(0x388, 0x38A)) return c + 0x25;
  if (c == 0x38E || c == 0x38F) return c + 0x3F;
  constexpr std::pair<std::uint32_t, std::uint32_t> others[]{
      {0x130, 'i'}, {0x178, 0xFF}, {0x18F, 0x259}, {0x386, 0x3AC}, {0x38C, 0x3CC}, {0x4C0, 0x4CF}, {0x1E9E, 0xDF}};
  for (const auto& [capital, small] : others)
    if (c == capital) return small;
  // Capitals before their small letters.
  const bool even = within(0x100, 0x137) || within(0x14A, 0x177) || within(0x1A0, 0x1A5) || within(0x1DE, 0x1EF) ||
                    within(0x1F8, 0x21F) || within(0x222, 0x233) || within(0x3D8, 0x3EF) || within(0x460, 0x481) ||
                    within(0x48A, 0x4BF) || within(0x4D0, 0x52F) || within(0x1E00, 0x1E95) || within(0x1EA0, 0x1EFF);
  const bool odd = within(0x139, 0x148) || within(0x179, 0x17E) || within(0x1AF, 0x1B0) || within(0x1B3, 0x1B6) ||
                   within(0x1CD, 0x1DC) || within(0x4C1, 0x4CE);
  return (even && c % 2 == 0) || (odd && c % 2 == 1) ? c + 1 : c;
}

/// Whether a code point is in Unicode's White_Space or is the zero-width space (U+200B).
inline bool is_blank(std::uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200B) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}
/// Whether a code point is ignored in words: soft hyphen, directional marks, word joiner, byte-order mark.
inline bool is_unseen(std::uint32_t c) {
  return c == 0xAD || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
         c == 0xFEFF;
}
inline bool is_digit(std::uint32_t c) { return c >= '0' && c <= '9'; }

/// Whether a code point is a letter: an ASCII letter, or a code point beyond ASCII except Latin-1 symbols and general
/// and ideographic punctuation. Joiners (U+200C, U+200D) count as letters.
inline bool is_letter(std::uint32_t c) {
  const bool joiner = c == 0x200C || c == 0x200D;
  const bool sign = c < 0xC0 || c == 0x1680 || (c >= 0x2000 && c < 0x2070 && !joiner) || (c >= 0x3000 && c < 0x3040);
  const std::uint32_t small = c | 0x20;
  return c < 0x80 ? small >= 'a' && small <= 'z' : !sign;
}
inline bool is_apostrophe(std::uint32_t c) { return c == '\'' || c == 0x2019; }

class WordReader {
 public:
  WordReader(std::string_view text, bool lower) : rest_(text), lower_(lower) { skip_unseen(); }

  /// Next word; empty at the end of the text.
  std::string next() {
    while (is_blank(ahead())) take();
    word_.clear();
    if (is_letter(ahead()))
      take_letters();
    else if (is_digit(ahead()))
      while (is_digit(ahead())) take();
    else if (!rest_.empty())
      take();
    return word_;
  }

 private:
  /// Current code point; 0 at the end.
  std::uint32_t ahead() const { return at(0).value; }
  CodePoint at(std::size_t byte) const {
    const auto point = code_point(rest_.substr(std::min(byte, rest_.size())));
    require<ValueError>(point.has_value() || byte >= rest_.size(), "words: the text is not UTF-8; convert it first");
    return point.value_or(CodePoint{});
  }

  void take() {
    const CodePoint point = at(0);
    append_utf8(word_, lower_ ? lower_case(point.value) : point.value);
    rest_.remove_prefix(point.bytes);
    skip_unseen();
  }
  void skip_unseen() {
    for (CodePoint point = at(0); is_unseen(point.value); point = at(0)) rest_.remove_prefix(point.bytes);
  }

  void take_letters() {
    while (is_letter(ahead())) take();
    const CodePoint mark = at(0);
    if (!is_apostrophe(mark.value) || !is_letter(at(mark.bytes).value)) return;
    take();
    while (is_letter(ahead())) take();
  }

  std::string_view rest_;
  bool lower_;
  std::string word_;
};

/// Text with '\n' for every line end.
inline std::string with_plain_ends(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char* const end = text.data() + text.size(); !text.empty();) {
    const std::string_view line = take_line(text);
    out += line;
    if (line.data() + line.size() != end) out += '\n';
  }
  return out;
}

/// Text without byte-order mark and with '\n' for every line end.
inline std::string plain(std::string_view text) { return with_plain_ends(without_mark(text)); }

/// Removes the first paragraph from `rest` and returns it, with its lines joined by blanks.
inline std::string take_paragraph(std::string_view& rest) {
  std::string paragraph;
  while (!rest.empty()) {
    const std::string_view line = trimmed(take_line(rest));
    if (line.empty() && !paragraph.empty()) break;
    if (!line.empty()) paragraph.append(paragraph.empty() ? "" : " ").append(line);
  }
  return paragraph;
}

/// End of the first sentence of a paragraph.
inline std::size_t end_of_sentence(std::string_view paragraph) {
  for (std::size_t k = 0; k < paragraph.size(); ++k) {
    k = paragraph.find_first_of(".!?", k);
    if (k == paragraph.npos) break;
    const std::size_t behind = paragraph.find_first_not_of(".!?\"')]", k);
    if (behind == paragraph.npos) break;
    if (paragraph[behind] == ' ') return behind;
    k = behind - 1;
  }
  return paragraph.size();
}

}  // namespace detail

/// Words of a text: runs of letters (with one apostrophe between letters: "don't"), runs of digits, and every other
/// non-blank character alone. Letters are the ASCII letters and all code points beyond ASCII except punctuation. Of the
/// zero-width characters, U+200B is a blank; soft hyphens, byte-order marks and directional marks are removed. `lower`
/// converts Latin, Greek, Cyrillic and Armenian capitals to lower case. Throws ValueError for a text that is not UTF-8.
inline std::vector<std::string> words(std::string_view text, bool lower = false) {
  std::vector<std::string> all;
  detail::WordReader reader(text, lower);
  for (std::string word = reader.next(); !word.empty(); word = reader.next()) all.push_back(std::move(word));
  return all;
}

/// Text with Latin, Greek, Cyrillic and Armenian capitals converted to lower case. Throws ValueError for a text that is
/// not UTF-8.
inline std::string lower_case(std::string_view text) {
  std::string lower;
  for (const std::string& c : characters(text)) append_utf8(lower, detail::lower_case(code_point(c)->value));
  return lower;
}

/// Non-empty units of a text, without blanks at both ends; for `whole`, the unchanged text.
inline std::vector<std::string> units(std::string_view text, TextUnit unit) {
  if (unit == TextUnit::whole) return {std::string(text)};
  std::vector<std::string> all;
  while (!text.empty()) {
    std::string part =
        unit == TextUnit::line ? std::string(detail::trimmed(detail::take_line(text))) : detail::take_paragraph(text);
    std::string_view rest = part;
    while (unit == TextUnit::sentence && detail::end_of_sentence(rest) < rest.size()) {
      const std::size_t end = detail::end_of_sentence(rest);
      all.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    if (!rest.empty()) all.emplace_back(rest);
  }
  return all;
}

/// Content of a UTF-8 file, without byte-order mark and with '\n' for every line end. Throws FileError for a file that
/// is missing, empty or blank, for bytes that are not UTF-8, with line and position, and for a zero byte, with
/// position.
inline std::string read_text_file(const std::filesystem::path& path) {
  std::string text = detail::read_text(path);
  require_utf8(text, path.string());
  const std::size_t zero = text.find('\0');
  require<FileError>(zero == text.npos, path.string(), ": the file must be text in UTF-8, got a zero byte at ", zero,
                     "; convert it first if it is UTF-16");
  text = detail::plain(text);
  require<FileError>(text.find_first_not_of(" \t\n") != text.npos, path.string(),
                     ": the file must have text, got none");
  return text;
}

}  // namespace unroll
