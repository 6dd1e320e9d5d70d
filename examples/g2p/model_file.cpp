#include "model_file.hpp"

#include <algorithm>
#include <charconv>

#include "unroll/io/model_details.hpp"

namespace g2p {

using namespace unroll;

namespace {

/// Words separated by blanks. No word contains a blank, since blanks separate words from phonemes.
std::string joined(const std::set<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

std::set<std::string> divided(const std::string& line) {
  std::set<std::string> words;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    words.insert(line.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

/// Checked access to the details of a file.
class Details {
 public:
  Details(const ModelDetails& details, const std::string& file) : details_(details), file_(file) {}

  const std::string& word(const std::string& key) const {
    const auto found = details_.training.find(key);
    require<FileError>(found != details_.training.end(), file_, ": must be a model of g2p; its details have no '", key,
                       "'");
    return found->second;
  }

  bool is(const std::string& key, const char* yes, const char* no) const {
    const std::string& given = word(key);
    require<FileError>(given == yes || given == no, file_, ": '", key, "' must be ", yes, " or ", no, ", got ",
                       unroll::detail::in_quotes(given));
    return given == yes;
  }

  Index size(const std::string& key) const {
    const std::string& given = word(key);
    Index value = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
    require<FileError>(error == std::errc{} && end == given.data() + given.size() && value >= 1 && value <= 4096, file_,
                       ": '", key, "' must be a whole number from 1 to 4096, got ", unroll::detail::in_quotes(given));
    return value;
  }

  /// Symbols from place `first`; they must be sorted without duplicates, because Vocabulary searches by bisection.
  std::vector<std::string> symbols(const char* name, const std::vector<std::string>& from, std::size_t first) const {
    const std::vector<std::string> all(from.begin() + std::ptrdiff_t(std::min(first, from.size())), from.end());
    const bool good = !all.empty() && std::adjacent_find(all.begin(), all.end(), std::greater_equal<>()) == all.end();
    require<FileError>(good, file_, ": '", name, "' must be a sorted list without duplicates");
    return all;
  }

 private:
  const ModelDetails& details_;
  const std::string& file_;
};

}  // namespace

std::map<std::string, std::string> fixed_options(const NetworkOptions& o, const Reading& reading) {
  return {{"cell", o.cell},
          {"attention", o.attention},
          {"score", o.score},
          {"units", text(o.units)},
          {"layers", text(o.layers)},
          {"embedding", text(o.embedding)},
          {"case", reading.lower ? "lower" : "keep"},
          {"stress", reading.stress ? "keep" : "drop"}};
}

void save(const Trained& trained, const std::filesystem::path& file) {
  ModelDetails details;
  details.tokens = trained.vocabulary.letters;
  details.outputs = {"<begin>", "<end>"};
  details.outputs.insert(details.outputs.end(), trained.vocabulary.phonemes.begin(), trained.vocabulary.phonemes.end());
  details.training = trained.training;
  details.training.merge(fixed_options(trained.options, trained.reading));
  std::map<std::string, std::string> metadata;
  if (trained.learned) metadata["learned"] = joined(*trained.learned);
  trained.network->save(file, details, metadata);
}

Trained load(const std::filesystem::path& path) {
  const SafeTensors file = read_safetensors(path);
  const ModelDetails stored = details_of(file.metadata, file.file);
  const Details details(stored, file.file);
  Trained trained{
      {.cell = details.word("cell"),
       .attention = details.word("attention"),
       .score = details.word("score"),
       .units = details.size("units"),
       .layers = details.size("layers"),
       .embedding = details.size("embedding")},
      {.lower = details.is("case", "lower", "keep"), .stress = details.is("stress", "keep", "drop")},
      {details.symbols("tokens", stored.tokens, 0), details.symbols("outputs", stored.outputs, special_tokens.end + 1)},
      {},
      {},
      stored.training};
  for (const auto& [key, value] : fixed_options(trained.options, trained.reading)) trained.training.erase(key);
  require<FileError>(find_kind(trained.options) != nullptr, file.file, ": the kind of network must be known, got ",
                     unroll::detail::in_quotes(name_of(trained.options)));
  // A lower bound of the parameters: embedding of letters, and the encoder's weights for inputs and states.
  const double units = double(trained.options.units), embedding = double(trained.options.embedding);
  file.require_numbers(double(trained.vocabulary.letters.size()) * embedding + embedding * units +
                       double(trained.options.layers) * units * units);
  trained.network =
      make_network(trained.options, Index(trained.vocabulary.letters.size()), trained.vocabulary.tokens());
  trained.network->take(file);
  if (const auto found = file.metadata.find("learned"); found != file.metadata.end())
    trained.learned = divided(found->second);
  return trained;
}

}  // namespace g2p
