#pragma once
// Words or characters as numbers.

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

/// Lets a map of strings be asked for views.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using TokenNumbers = std::unordered_map<std::string, Index, TextHash, std::equal_to<>>;

}  // namespace detail

/// How often each token was seen.
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
  /// In the order in which they were first seen.
  const std::vector<std::pair<std::string, Index>>& counts() const { return counts_; }

 private:
  detail::TokenNumbers places_;
  std::vector<std::pair<std::string, Index>> counts_;
  Index total_ = 0;
};

struct VocabularyOptions {
  Index size = 0;                 ///< tokens at most, special ones included: the most frequent are kept; 0: no limit
  Index least = 1;                ///< tokens that were seen less often are left out
  bool unknown = true;            ///< there is a token for all others; without it they are refused
  bool start = true, end = true;  ///< there are tokens for the beginning and the end of a sequence
};

/// Tokens and their numbers: special tokens first (unknown "<unk>", start "<s>", end "</s>", those that there are),
/// then the others, frequent ones before rare ones and equally frequent ones as they were first seen.
class Vocabulary {
 public:
  static constexpr std::string_view unknown_token = "<unk>", start_token = "<s>", end_token = "</s>";

  Vocabulary() = default;

  /// Throws ValueError for options out of range and when no token is left beside the special ones.
  explicit Vocabulary(const TokenCounts& seen, const VocabularyOptions& options = {}) {
    require<ValueError>(options.size >= 0 && options.least >= 1, "vocabulary: size is ", options.size, ", least is ",
                        options.least, ", expected a size of at least 0 and a count of at least 1");
    if (options.unknown) unknown_ = append(unknown_token);
    if (options.start) start_ = append(start_token);
    if (options.end) end_ = append(end_token);
    const Index special = size();
    require<ValueError>(options.size == 0 || options.size > special, "vocabulary: a size of ", options.size,
                        " leaves no room beside the ", special, " special tokens");
    auto counts = seen.counts();
    std::stable_sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [token, count] : counts) {
      if (count < options.least || (options.size > 0 && size() >= options.size)) break;
      // A special token that the text spells out is that token.
      if (!find(token)) append(token, count);
    }
    require<ValueError>(size() > special, "vocabulary: no token is left of ", counts.size(), " different ones, each ",
                        "must be seen ", options.least, " times or more");
  }

  Index size() const { return Index(tokens_.size()); }
  /// The numbers of the special tokens; -1 where there is none.
  Index unknown() const { return unknown_; }
  Index start() const { return start_; }
  Index end() const { return end_; }

  const std::string& token(Index number) const {
    check_number(number);
    return tokens_[std::size_t(number)];
  }
  /// How often a token was seen; 0 for special ones and in a vocabulary that was read from a file.
  Index count(Index number) const {
    check_number(number);
    return counts_[std::size_t(number)];
  }

  std::optional<Index> find(std::string_view token) const {
    const auto found = numbers_.find(token);
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
  }
  /// The unknown token's number for one that is not here; throws ValueError where there is no such token.
  Index number(std::string_view token) const {
    const Index found = find(token).value_or(unknown_);
    require<ValueError>(found >= 0, "vocabulary: '", token, "' is none of its ", size(), " tokens");
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

  /// For a model file: entries of its metadata, whose names begin with `prefix`.
  void save(std::map<std::string, std::string>& metadata, const std::string& prefix = "vocabulary") const {
    std::string lines;
    for (const std::string& token : tokens_) lines += escaped(token) + "\n";
    metadata[prefix] = lines;
    metadata[prefix + ".special"] =
        std::string(unknown_ >= 0 ? "unknown " : "") + (start_ >= 0 ? "start " : "") + (end_ >= 0 ? "end " : "");
  }

  /// What `save` wrote. `file` names its source in messages. Throws FileError for anything else.
  static Vocabulary load(const std::map<std::string, std::string>& metadata, const std::string& file,
                         const std::string& prefix = "vocabulary") {
    const auto tokens = metadata.find(prefix), special = metadata.find(prefix + ".special");
    require<FileError>(tokens != metadata.end() && special != metadata.end(), file, ": its metadata have no '", prefix,
                       "': the model was saved without one");
    Vocabulary vocabulary;
    std::string_view rest = tokens->second;
    while (!rest.empty()) {
      const auto end = std::min(rest.find('\n'), rest.size());
      const std::string token = unescaped(rest.substr(0, end));
      require<FileError>(!token.empty() && !vocabulary.find(token), file, ": token ", vocabulary.size(), " of its '",
                         prefix, "' is empty or there twice");
      vocabulary.append(token);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    vocabulary.mark_special(special->second, file);
    return vocabulary;
  }

 private:
  void check_number(Index number) const {
    require<ValueError>(number >= 0 && number < size(), "vocabulary: there is no token ", number, " among ", size());
  }

  Index append(std::string_view token, Index count = 0) {
    tokens_.emplace_back(token);
    counts_.push_back(count);
    numbers_.emplace(token, size() - 1);
    return size() - 1;
  }

  void mark_special(std::string_view words, const std::string& file) {
    Index next = 0;
    const auto mark = [&](std::string_view word, std::string_view token, Index& number) {
      if (words.find(word) == words.npos) return;
      require<FileError>(next < size() && this->token(next) == token, file, ": token ", next, " is not ", token);
      number = next++;
    };
    mark("unknown", unknown_token, unknown_);
    mark("start", start_token, start_);
    mark("end", end_token, end_);
    require<FileError>(size() > next, file, ": its vocabulary has no token beside the special ones");
  }

  /// A newline is a token of texts by characters.
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

/// Throws ValueError, with the first token that differs, unless both are the same. `whose` and `other` name them.
inline void require_same(const Vocabulary& a, const Vocabulary& b, std::string_view whose, std::string_view other) {
  require<ValueError>(a.size() == b.size(), whose, " has a vocabulary of ", a.size(), " tokens, ", other, " one of ",
                      b.size());
  for (Index k = 0; k < a.size(); ++k)
    require<ValueError>(a.token(k) == b.token(k), whose, " has another vocabulary than ", other, ": token ", k, " is '",
                        a.token(k), "', there '", b.token(k), "'");
  require<ValueError>(a == b, whose, " has other special tokens than ", other);
}

}  // namespace unroll
