#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"

namespace unroll {
namespace detail {

/// Hash that allows lookup of string_views in a map of strings.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using TokenNumbers = std::unordered_map<std::string, Index, TextHash, std::equal_to<>>;

}  // namespace detail

/// Counts of tokens.
class TokenCounts {
 public:
  void add(std::string_view token) {
    auto place = places_.find(token);
    if (place == places_.end()) {
      place = places_.emplace(std::string(token), Index(counts_.size())).first;
      counts_.push_back({std::string(token), 0});
    }
    ++counts_[std::size_t(place->second)].second;
    ++total_;
  }
  template <class Tokens>
  void add_all(const Tokens& tokens) {
    for (const auto& token : tokens) add(token);
  }

  Index total() const { return total_; }
  /// Tokens with their counts, in order of first occurrence.
  const std::vector<std::pair<std::string, Index>>& counts() const { return counts_; }

 private:
  detail::TokenNumbers places_;
  std::vector<std::pair<std::string, Index>> counts_;
  Index total_ = 0;
};

/// Options of Vocabulary.
struct VocabularyOptions {
  Index size = 0;       ///< largest number of tokens, including special ones; the most frequent are kept; 0: no limit
  Index least = 1;      ///< smallest count of a token that is kept
  bool unknown = true;  ///< whether there is a token for all tokens that are not kept; otherwise these throw
  bool start = true, end = true;  ///< whether there are tokens for the beginning and the end of a sequence
};

/// Vocabulary: tokens (words or characters) and their numbers. Special tokens come first (unknown "<unk>", start "<s>",
/// end "</s>", if present), then the others by decreasing count, equal counts in order of first occurrence.
class Vocabulary {
 public:
  static constexpr std::string_view unknown_token = "<unk>", start_token = "<s>", end_token = "</s>";

  Vocabulary() = default;

  /// Throws ValueError for options out of range and if only special tokens would remain.
  explicit Vocabulary(const TokenCounts& seen, const VocabularyOptions& options = {}) {
    require<ValueError>(options.size >= 0, "vocabulary: size must be at least 0 tokens (0: no limit), got ",
                        options.size);
    require<ValueError>(options.least >= 1, "vocabulary: least must be at least 1, got ", options.least);
    if (options.unknown) unknown_ = append(unknown_token);
    if (options.start) start_ = append(start_token);
    if (options.end) end_ = append(end_token);
    const Index special = size();
    require<ValueError>(options.size == 0 || options.size > special, "vocabulary: size must be above ", special,
                        ", the number of special tokens, got ", options.size);
    auto counts = seen.counts();
    std::stable_sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [token, count] : counts) {
      if (count < options.least || (options.size > 0 && size() >= options.size)) break;
      // If the text contains a special token literally, it is that token.
      if (!find(token)) append(token, count);
    }
    require<ValueError>(size() > special, "vocabulary: at least 1 of ", counts.size(), " different tokens must occur ",
                        options.least, " times or more, got 0");
  }

  /// Vocabulary of tokens in the order of their numbers, such as ModelDetails::tokens. Special tokens are those with
  /// their names, "<unk>", "<s>" and "</s>", at the beginning and in this order. `file` names the source in messages.
  /// Throws FileError for no other tokens, an empty one and one that occurs twice.
  static Vocabulary of(const std::vector<std::string>& tokens, const std::string& file) {
    Vocabulary vocabulary;
    for (const std::string& token : tokens) vocabulary.append_new(token, file, "tokens");
    std::string special;
    auto next_is = [&, next = std::size_t(0)](std::string_view token) mutable {
      const bool is = next < tokens.size() && tokens[next] == token;
      next += is;
      return is;
    };
    if (next_is(unknown_token)) special += "unknown ";
    if (next_is(start_token)) special += "start ";
    if (next_is(end_token)) special += "end ";
    vocabulary.mark_special(special, file);
    return vocabulary;
  }

  Index size() const { return Index(tokens_.size()); }
  /// All tokens, by number.
  const std::vector<std::string>& tokens() const { return tokens_; }
  /// Numbers of the special tokens; -1 if absent.
  Index unknown() const { return unknown_; }
  Index start() const { return start_; }
  Index end() const { return end_; }

  const std::string& token(Index number) const {
    check_number(number);
    return tokens_[std::size_t(number)];
  }
  /// Count of a token; 0 for special tokens and in a vocabulary read from a file.
  Index count(Index number) const {
    check_number(number);
    return counts_[std::size_t(number)];
  }

  std::optional<Index> find(std::string_view token) const {
    const auto found = numbers_.find(token);
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
  }
  /// Number of `token`, or of the unknown token if it is not in the vocabulary. Throws ValueError if there is no
  /// unknown token either.
  Index number(std::string_view token) const {
    const Index found = find(token).value_or(unknown_);
    require<ValueError>(found >= 0, "vocabulary: the token must be one of ", size(), " tokens, got '", token, "'");
    return found;
  }
  template <class Tokens>
  std::vector<Index> numbers(const Tokens& tokens) const {
    std::vector<Index> all;
    for (const auto& token : tokens) all.push_back(number(token));
    return all;
  }

  friend bool operator==(const Vocabulary& a, const Vocabulary& b) {
    return a.tokens_ == b.tokens_ && a.unknown_ == b.unknown_ && a.start_ == b.start_ && a.end_ == b.end_;
  }

  /// Stores the vocabulary in the metadata of a model file, in entries whose names begin with `prefix`.
  void save(std::map<std::string, std::string>& metadata, const std::string& prefix = "vocabulary") const {
    std::string lines;
    for (const std::string& token : tokens_) lines += escaped(token) + "\n";
    metadata[prefix] = lines;
    metadata[prefix + ".special"] =
        std::string(unknown_ >= 0 ? "unknown " : "") + (start_ >= 0 ? "start " : "") + (end_ >= 0 ? "end " : "");
  }

  /// Vocabulary stored by `save`. `file` names the source in messages. Throws FileError for other content.
  static Vocabulary load(const std::map<std::string, std::string>& metadata, const std::string& file,
                         const std::string& prefix = "vocabulary") {
    const auto tokens = metadata.find(prefix), special = metadata.find(prefix + ".special");
    require<FileError>(tokens != metadata.end() && special != metadata.end(), file, ": the metadata have no '", prefix,
                       "'; save the model with its vocabulary");
    Vocabulary vocabulary;
    std::string_view rest = tokens->second;
    while (!rest.empty()) {
      const auto end = std::min(rest.find('\n'), rest.size());
      vocabulary.append_new(unescaped(rest.substr(0, end)), file, prefix);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    vocabulary.mark_special(special->second, file);
    return vocabulary;
  }

 private:
  void check_number(Index number) const {
    require<ValueError>(number >= 0 && number < size(), "vocabulary: token must be 0 to ", size() - 1, ", got ",
                        number);
  }

  Index append(std::string_view token, Index count = 0) {
    tokens_.emplace_back(token);
    counts_.push_back(count);
    numbers_.emplace(token, size() - 1);
    return size() - 1;
  }

  void append_new(const std::string& token, const std::string& file, const std::string& list) {
    require<FileError>(!token.empty() && !find(token), file, ": token ", size(), " of '", list,
                       "' must be new and not empty, got '", token, "'");
    append(token);
  }

  void mark_special(std::string_view words, const std::string& file) {
    Index next = 0;
    const auto mark = [&](std::string_view word, std::string_view token, Index& number) {
      if (words.find(word) == words.npos) return;
      require<FileError>(next < size() && this->token(next) == token, file, ": token ", next, " must be ", token,
                         ", got ", [&] { return next < size() ? "'" + this->token(next) + "'" : std::string("none"); });
      number = next++;
    };
    mark("unknown", unknown_token, unknown_);
    mark("start", start_token, start_);
    mark("end", end_token, end_);
    require<FileError>(size() > next, file, ": the vocabulary must have more than ", next,
                       " tokens, the special ones, got ", size());
  }

  /// Escapes newlines, which are tokens in character vocabularies.
  static std::string escaped(std::string_view token) {
    std::string out;
    for (const char c : token) out += c == '\n' ? "\\n" : c == '\\' ? "\\\\" : std::string(1, c);
    return out;
  }
  static std::string unescaped(std::string_view line) {
    std::string out;
    for (std::size_t k = 0; k < line.size(); ++k) {
      const bool escape = line[k] == '\\' && k + 1 < line.size();
      if (escape) ++k;
      out += escape && line[k] == 'n' ? '\n' : line[k];
    }
    return out;
  }

  std::vector<std::string> tokens_;
  std::vector<Index> counts_;
  detail::TokenNumbers numbers_;
  Index unknown_ = -1, start_ = -1, end_ = -1;
};

/// Throws ValueError with the first different token unless both vocabularies are equal. `whose` and `other` name them
/// in the message.
inline void require_same(const Vocabulary& a, const Vocabulary& b, std::string_view whose, std::string_view other) {
  require<ValueError>(a.size() == b.size(), whose, ": the vocabulary must have ", b.size(), " tokens, as ", other,
                      ", got ", a.size());
  for (Index k = 0; k < a.size(); ++k)
    require<ValueError>(a.token(k) == b.token(k), whose, ": token ", k, " must be '", b.token(k), "', as in ", other,
                        ", got '", a.token(k), "'");
  require<ValueError>(a == b, whose, ": the special tokens must be those of ", other, ", got others");
}

}  // namespace unroll
