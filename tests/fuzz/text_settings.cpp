// Fuzz target: settings of the example text in JSON, as in --config and model files.

#include <nlohmann/json.hpp>

#include "fuzz.hpp"
#include "text/options.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  std::vector<Bytes> all;
  for (const char* name :
       {"good", "cut", "list", "misspelt", "no_number", "no_object", "too_large", "long", "long_name"})
    all.push_back(project_file(text("tests/text_program/", name, ".json")));
  all.push_back(project_file("examples/text/wordnet.json"));
  lm::Options options;
  all.push_back(lm::settings_of(options).to_json());
  all.push_back(lm::identity_of(options));
  return all;
}

void fuzz::read(const Bytes& input) {
  lm::Options options;
  const lm::Settings settings = lm::settings_of(options);
  settings.take_json(input, "x");
  const std::string written = settings.to_json();
  lm::Options same;
  const lm::Settings again = lm::settings_of(same);
  read_again([&] { return again.take_json(written, "again"), 0; });
  expect(again.to_json() == written, "other settings came back");
  // Every setting has the value of the input.
  const auto given = nlohmann::ordered_json::parse(input), set = nlohmann::ordered_json::parse(written);
  for (const auto& [name, value] : given.items()) {
    const auto& now = set.at(name);
    const std::string word = value.is_string() ? value.get<std::string>() : value.dump();
    if (now.is_number_float())
      expect(now.get<double>() == std::strtod(word.c_str(), nullptr), "a number was not taken");
    else
      expect((now.is_string() ? now.get<std::string>() : now.dump()) == word || now.is_number(),
             "a word was not taken");
  }
  accepted([&] { lm::check_together(options); });
}
