// Fuzz target: configuration files of the example programs. What settings_json writes must give the same options.

#include "fuzz.hpp"
#include "support/verbs.hpp"

using namespace unroll;

namespace {

/// Settings of a run with a configuration file.
std::string settings_with(const std::filesystem::path& config) {
  long units = 32;
  double rate = 0.01;
  std::vector<int> sizes = {1, 2};
  std::vector<std::string> words;
  std::string name = "a, b";
  bool lower = false;
  example::Seeds seeds;
  example::Running running;
  std::string settings;
  const auto add = [&](CLI::App& app) {
    app.add_option("--units", units, "units")->check(example::whole(1, 4096));
    app.add_option("--rate", rate, "rate")->check(example::number(0, 1));
    app.add_option("--sizes", sizes, "sizes")->check(example::whole(1, 9))->delimiter(',');
    app.add_option("--name", name, "name");
    app.add_option("word", words, "words");
    app.add_flag("--lower", lower, "lower");
    add_seed_options(app, seeds);
    add_running_options(app, running, "out/fuzzed");
  };
  std::vector<std::string> line{"fuzzed", "train", "--config=" + config.string()};
  std::vector<char*> pointers;
  for (std::string& word : line) pointers.push_back(word.data());
  const int status = example::run_verbs("fuzzed", "Reads settings.", int(pointers.size()), pointers.data(),
                                        {{"train", "reads settings", add, {}, [&](const CLI::App& app) {
                                            settings = example::settings_json(app);
                                            return 0;
                                          }}});
  require<ValueError>(status == 0, "settings refused with status ", status);
  return settings;
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  std::vector<Bytes> all{R"({"units": 5, "sizes": [3, 4], "word": ["a", "b"], "lower": true, "rate": 1e-3})",
                         R"({"program": "fuzzed", "verb": "train", "name": "", "seeds": [42, 7], "out": "x"})"};
  for (const char* name :
       {"good", "cut", "list", "misspelt", "no_number", "no_object", "too_large", "long", "long_name"})
    all.push_back(project_file(text("tests/text_program/", name, ".json")));
  return all;
}

void fuzz::read(const Bytes& input) {
  const std::string settings = settings_with(file("input.json", input));
  const std::string again = read_again([&] { return settings_with(file("again.json", settings)); });
  expect(again == settings, "other settings came back");
}
