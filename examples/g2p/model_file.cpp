#include "model_file.hpp"

#include <algorithm>
#include <charconv>

#include "unroll/io/model_file.hpp"

namespace g2p {

using namespace unroll;

namespace {

/// Symbols separated by blanks. No symbol contains a blank, since blanks separate symbols in the dictionaries too.
std::string joined(const std::vector<std::string>& symbols) {
  std::string line;
  for (const std::string& symbol : symbols) line += (line.empty() ? "" : " ") + symbol;
  return line;
}

/// Checked access to the metadata of a file.
class Metadata {
 public:
  explicit Metadata(const SafeTensors& file) : file_(file) {}

  const std::string& word(const std::string& key) const {
    const auto found = file_.metadata.find(key);
    require<FileError>(found != file_.metadata.end(), file_.file, ": must be a model of this program; metadata entry '",
                       key, "' is missing");
    return found->second;
  }

  Index size(const std::string& key) const {
    const std::string& given = word(key);
    Index value = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
    require<FileError>(error == std::errc{} && end == given.data() + given.size() && value >= 1 && value <= 4096,
                       file_.file, ": metadata entry '", key, "' must be a whole number from 1 to 4096, got ",
                       unroll::detail::in_quotes(given));
    return value;
  }

  /// List of symbols; it must be sorted without duplicates, because Vocabulary searches it by bisection.
  std::vector<std::string> symbols(const std::string& key) const {
    std::vector<std::string> all(1);
    for (const char c : word(key))
      if (c == ' ')
        all.emplace_back();
      else
        all.back() += c;
    const bool good =
        !all.front().empty() && std::adjacent_find(all.begin(), all.end(), std::greater_equal<>()) == all.end();
    require<FileError>(good, file_.file, ": metadata entry '", key, "' must be a sorted list without duplicates");
    return all;
  }

 private:
  const SafeTensors& file_;
};

}  // namespace

void save(const Trained& trained, const std::filesystem::path& file) {
  const NetworkOptions& o = trained.options;
  std::map<std::string, std::string> metadata{{"cell", o.cell},
                                              {"attention", o.attention},
                                              {"score", o.score},
                                              {"units", text(o.units)},
                                              {"embedding", text(o.embedding)},
                                              {"letters", joined(trained.vocabulary.letters)},
                                              {"phonemes", joined(trained.vocabulary.phonemes)}};
  if (trained.learned) metadata["learned"] = joined({trained.learned->begin(), trained.learned->end()});
  write_safetensors(file, trained.network->tensors(std::move(metadata)));
}

Trained load(const std::filesystem::path& path) {
  const SafeTensors file = read_safetensors(path);
  const Metadata metadata(file);
  Trained trained{{metadata.word("cell"), metadata.word("attention"), metadata.word("score"), metadata.size("units"),
                   metadata.size("embedding")},
                  {metadata.symbols("letters"), metadata.symbols("phonemes")},
                  {},
                  {}};
  require<FileError>(find_kind(trained.options) != nullptr, file.file, ": the kind of network must be known, got ",
                     unroll::detail::in_quotes(name_of(trained.options)));
  // A lower bound of the parameters: embedding of letters, and the encoder's weights for inputs and states.
  const double units = double(trained.options.units), embedding = double(trained.options.embedding);
  file.require_numbers(double(trained.vocabulary.letters.size()) * embedding + embedding * units + units * units);
  trained.network =
      make_network(trained.options, Index(trained.vocabulary.letters.size()), trained.vocabulary.tokens());
  trained.network->take(file);
  if (file.metadata.contains("learned")) {
    const auto words = metadata.symbols("learned");
    trained.learned.emplace(words.begin(), words.end());
  }
  return trained;
}

}  // namespace g2p
