// Verbs, options, configuration files and output folders of the example programs.

#include <fstream>
#include <support/catch.hpp>
#include <support/temporary.hpp>

#include "support/names.hpp"
#include "support/run_folder.hpp"
#include "unroll/io/input_file.hpp"

using namespace example;
using support::TemporaryFolder;

namespace {

struct Tried {
  int units = 32, status = 0;
  double rate = 0.01, clip = 1;
  std::vector<int> sizes = {1, 2};
  std::vector<std::string> words;
  std::string name = "a, b", data = "x.csv";
  std::string file = {}, person = {}, letters = "keep";
  bool lower = false;
  Seeds seeds = {};
  Running running = {};
  std::string verb, settings;
};

/// Runs a program with the verbs train, predict, and apply, which cannot be resumed.
Tried run(std::vector<std::string> words, const std::function<void(const CLI::App&, Tried&)>& body = {}) {
  Tried tried;
  const auto add = [&](CLI::App& app) {
    app.add_option("--units", tried.units, "units")->check(whole(1, 4096));
    app.add_option("--rate", tried.rate, "rate")->check(number(0, 1));
    app.add_option("--clip", tried.clip, "clip")->check(number(0, 9));
    app.add_option("--sizes", tried.sizes, "sizes")->check(whole(1, 9))->delimiter(',');
    app.add_option("--name", tried.name, "name");
    app.add_option("--data", tried.data, "data");
    app.add_option("word", tried.words, "words");
    app.add_flag("--lower", tried.lower, "lower");
    app.add_option("--file", tried.file, "file or share")->option_text("FILE|SHARE");
    app.add_option("--person", tried.person, "file or name")->option_text("FILE|NAME");
    app.add_option("--case", tried.letters, "letters");
    add_seed_options(app, tried.seeds);
    add_running_options(app, tried.running, "out/tried");
  };
  const auto apply = [&](CLI::App& app) { add_applying_options(app, tried.running); };
  const auto take = [&](const CLI::App& app) {
    tried.verb = app.get_name(), tried.settings = settings_json(app);
    if (body) body(app, tried);
    return 0;
  };
  const auto inherited = [&](const CLI::App&) -> std::string {
    return tried.name == "loaded" ? R"({"units": 7, "rate": 0.5})" : "";
  };
  words.insert(words.begin(), "tried");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  tried.status = run_verbs("tried", "Tries options.", int(arguments.size()), arguments.data(),
                           {{"train", "trains", add, {}, take, inherited},
                            {"predict", "predicts", add, {}, take},
                            {"apply", "applies", apply, {}, take}},
                           {{"--first-seed", "--seed"}, {"--predict", "predict"}, {"--small", "--case=lower"}});
  return tried;
}

std::string file_of(const TemporaryFolder& folder, const std::string& text) {
  std::ofstream(folder.path / "c.json") << text;
  return (folder.path / "c.json").string();
}

}  // namespace

TEST_CASE("verbs: a call without a verb trains") {
  CHECK(run({}).verb == "train");
  CHECK(run({"--units", "4"}).units == 4);
  CHECK(run({"predict", "--units", "4"}).verb == "predict");
  CHECK(run({"one", "two"}).words == std::vector<std::string>{"one", "two"});
}

TEST_CASE("verbs: earlier names are accepted") {
  CHECK(run({"--first-seed", "7"}).seeds.seed == 7);
  CHECK(run({"--first-seed=7"}).seeds.seed == 7);
  CHECK(run({"--units", "3", "--predict"}).verb == "predict");
  CHECK(run({"train", "--predict", "--units", "3"}).verb == "predict");
  CHECK(run({"predict", "--predict"}).status == 2);  // an option of the verb, which has none
}

TEST_CASE("verbs: mistakes end with status 2") {
  CHECK(run({"--unit", "4"}).status == 2);
  CHECK(run({"predict", "--units", "0"}).status == 2);
  CHECK(run({"--sizes", "1,,2"}).status == 2);
  CHECK(run({"--help"}).status == 0);
  CHECK(run({"--version"}).status == 0);
}

TEST_CASE("seeds: a number counts from --seed, a list gives the seeds") {
  using Numbers = std::vector<std::uint64_t>;
  CHECK(run({}).seeds.all() == Numbers{1});
  CHECK(run({"--seed", "5", "--seeds", "3"}).seeds.all() == Numbers{5, 6, 7});
  CHECK(run({"--seeds", "42,263,682"}).seeds.all() == Numbers{42, 263, 682});
}

TEST_CASE("seeds: no run, too many runs and equal seeds are refused") {
  for (const char* seeds : {"0", "1001", "5,5"}) CHECK(run({"--seeds", seeds}).status == 2);
  CHECK(run({"--seeds", "0,5"}).status == 0);
}

TEST_CASE("configuration file: written settings give the same options") {
  const TemporaryFolder folder;
  const Tried written = run({"w1", "--units", "5", "--sizes", "3,4", "--name", "x y", "--lower", "--rate", "0.25"});
  const Tried read = run({"--config", file_of(folder, written.settings)});
  CHECK(read.status == 0);
  CHECK(read.units == 5);
  CHECK(read.sizes == std::vector<int>{3, 4});
  CHECK(read.name == "x y");
  CHECK(read.words == std::vector<std::string>{"w1"});
  CHECK(read.lower);
  CHECK(read.settings == written.settings);
  CHECK(run({}).settings.find("\"sizes\": [\n    1,\n    2\n  ]") != std::string::npos);
}

TEST_CASE("configuration file: a value that is the default counts as not given") {
  const TemporaryFolder folder;
  const auto given = [](const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options())
      if (option->count() > 0) names.push_back(option->get_name());
    return names;
  };
  std::vector<std::string> names;
  const auto note = [&](const CLI::App& app, Tried&) { names = given(app); };
  run({"--config", file_of(folder, run({}).settings)}, note);
  CHECK(names == std::vector<std::string>{"--config"});
  run({"--config", file_of(folder, run({"--units", "5", "--sizes", "3,4", "--lower"}).settings)}, note);
  CHECK(names == std::vector<std::string>{"--units", "--sizes", "--lower", "--config"});
}

TEST_CASE("configuration file: the command line overrides it") {
  const TemporaryFolder folder;
  const std::string file = file_of(folder, R"({"units": 5, "sizes": [3, 4], "first-seed": 9, "word": ["a"]})");
  const Tried tried = run({"--config", file, "--sizes", "7", "b"});
  CHECK(tried.units == 5);
  CHECK(tried.sizes == std::vector<int>{7});
  CHECK(tried.seeds.seed == 9);
  CHECK(tried.words == std::vector<std::string>{"b"});
}

TEST_CASE("verbs: the successor of a flag can have a value") {
  const TemporaryFolder folder;
  CHECK(run({"--small"}).letters == "lower");
  CHECK(run({"--config", file_of(folder, R"({"small": true})")}).letters == "lower");
  CHECK(run({"--config", file_of(folder, R"({"small": false})")}).letters == "keep");
  CHECK_THROWS_WITH(run({"--config", file_of(folder, R"({"small": 1})")}), Catch::Contains("must be true or false"));
}

TEST_CASE("verbs: options that follow from others replace defaults only") {
  CHECK(run({"--name", "loaded"}).units == 7);
  const Tried tried = run({"--name", "loaded", "--units", "9"});
  CHECK(tried.units == 9);
  CHECK(tried.rate == 0.5);
  CHECK(tried.settings.find("\"rate\": 0.5") != std::string::npos);
  CHECK(run({"--name", "loaded", "--help"}).status == 0);
}

TEST_CASE("configuration file: relative paths are relative to its folder") {
  const TemporaryFolder folder;
  const std::string inside = (folder.path / "a.txt").string();
  CHECK(run({"--config", file_of(folder, R"({"file": "a.txt"})")}).file == inside);
  CHECK(run({"--config", file_of(folder, R"({"file": "0.1"})")}).file == "0.1");
  CHECK(run({"--config", file_of(folder, R"({"file": 0.1})")}).file == "0.1");
  CHECK(run({"--config", file_of(folder, R"({"file": "/b.txt", "name": "a.txt"})")}).file == "/b.txt");
  CHECK(run({"--config", file_of(folder, R"({"file": "a.txt"})"), "--file", "c.txt"}).file == "c.txt");
  CHECK(run({"--config", file_of(folder, R"({"name": "a.txt"})")}).name == "a.txt");
  // Names, not files; the second one is too long for a file.
  for (const std::string& name : {std::string("ann"), std::string(5000, 'a')})
    CHECK(run({"--config", file_of(folder, ("{\"person\": \"" + name + "\"}").c_str())}).person == name);
  std::ofstream(folder.path / "people.txt") << "ann\n";
  CHECK(run({"--config", file_of(folder, R"({"person": "people.txt"})")}).person ==
        (folder.path / "people.txt").string());
  std::string written;
  run({"--file", "d.txt"}, [&](const CLI::App& app, Tried&) { written = settings_json(app, folder.path.string()); });
  const auto read = std::filesystem::absolute(run({"--config", file_of(folder, written)}).file).lexically_normal();
  CHECK(read == std::filesystem::absolute("d.txt"));
}

TEST_CASE("configuration file: does not contain options of one call") {
  const Tried tried = run({"--force", "--quiet"});
  for (const char* name : {"force", "resume", "quiet", "json", "config"}) {
    CAPTURE(name);
    CHECK(tried.settings.find(unroll::text("\"", name, "\"")) == std::string::npos);
  }
  CHECK(tried.settings.find("\"threads\"") != std::string::npos);
}

TEST_CASE("configuration file: what is not an option is refused with the name of the file") {
  const TemporaryFolder folder;
  const auto refused = [&](const char* text, const char* message) {
    CAPTURE(text);
    CHECK_THROWS_WITH(run({"--config", file_of(folder, text)}), Catch::Contains(message));
  };
  refused(R"({"unit": 5})", "c.json: there is no option 'unit'; the nearest: 'units'");
  refused(R"({"units": 0})", "c.json: --units must be a whole number from 1 to 4096, got '0'");
  refused(R"({"units": {}})", "c.json: units must be a string");
  refused(R"({"lower": 1})", "c.json: lower must be true or false");
  refused(R"({"seed": 1, "first-seed": 2})",
          "c.json: 'first-seed' must be left out, because 'seed' sets the same option");
  refused(R"({"program": "other"})", "c.json: program must be tried, got \"other\"");
  refused(R"([1])", "c.json: must be a JSON object");
  refused("{", "c.json");
}

TEST_CASE("output folder: another run is refused without --resume or --force") {
  const TemporaryFolder folder;
  const std::string out = (folder.path / "o").string();
  bool resumes = false;
  const auto begin = [&](std::vector<std::string> words, const std::string& data = "d") {
    words.insert(words.end(), {"--out", out});
    return run(words, [&](const CLI::App& app, Tried& tried) {
      RunFolder mine(app, tried.running, {"rate"});
      mine.begin(data);
      resumes = mine.resumes();
    });
  };
  begin({"--resume"});
  CHECK_FALSE(resumes);
  CHECK(run({"--config", out + "/config.json"}).data == "x.csv");  // the fingerprint of the data has another name
  CHECK_THROWS_WITH(begin({}), Catch::Contains("the folder contains a run of tried; --resume continues it, --force"));
  CHECK_THROWS_WITH(begin({"apply"}), Catch::EndsWith("the folder contains a run of tried; --force replaces it"));
  CHECK_THROWS_WITH(begin({"predict", "--resume"}),
                    Catch::Contains("must contain a run of tried predict, got a run of tried train"));
  CHECK_THROWS_WITH(begin({"--resume", "--units", "3"}),
                    Catch::Contains("--units must be 32, as in the run that is continued, got 3; --config " + out +
                                    "/config.json repeats its options"));
  CHECK_THROWS_WITH(begin({"--resume", "--sizes", "4,5"}),
                    Catch::Contains("--sizes must be 1,2, as in the run that is continued, got 4,5;"));
  CHECK_THROWS_WITH(begin({"--resume"}, "e"), Catch::Contains("the data must be those of the run"));
  begin({"--resume", "--rate", "0.5", "--threads", "2"});
  CHECK(resumes);
  std::ofstream(folder.path / "o" / "checkpoint.safetensors") << "old";
  begin({"--force", "--units", "3"});
  CHECK_FALSE(resumes);
  CHECK_FALSE(std::filesystem::exists(folder.path / "o" / "checkpoint.safetensors"));
  CHECK(begin({"--force", "--resume"}).status == 2);
}

TEST_CASE("output folder: a run that begins or continues removes the scores") {
  const TemporaryFolder folder;
  const auto scores = folder.path / "scores.json";
  for (const char* words : {"--quiet", "--resume", "--force"}) {
    std::ofstream(scores) << "of an earlier run";
    run({words, "--out", folder.path.string()}, [](const CLI::App& app, Tried& tried) {
      RunFolder mine(app, tried.running);
      CHECK(std::filesystem::exists(std::filesystem::path(tried.running.out) / "scores.json"));
      mine.begin("d");
    });
    CHECK_FALSE(std::filesystem::exists(scores));
  }
}

TEST_CASE("output folder: a folder in it and a copy of the model") {
  const TemporaryFolder folder;
  run({"--out", folder.path.string()}, [](const CLI::App& app, Tried& tried) {
    const RunFolder mine(app, tried.running);
    CHECK(std::filesystem::is_directory(mine.inner("runs")));
    std::ofstream(mine / "file") << "a model";
    CHECK_THROWS_WITH(mine.inner("file"), Catch::Contains("file: the folder cannot be created"));
    const std::string copy = (mine / "copy").string();
    check_copy(copy);
    CHECK_FALSE(std::filesystem::exists(copy));
    write_copy(mine / "file", copy);
    CHECK(unroll::detail::read_text(copy) == "a model");
    CHECK_THROWS_WITH(check_copy((mine / "missing" / "copy").string()), Catch::Contains("copy: cannot be created"));
    check_copy("");
    write_copy(mine / "file", "");
  });
}

TEST_CASE("output folder: paths in messages begin at the present folder") {
  const TemporaryFolder folder;
  const auto begin = [&](const char* file) {
    const auto take = [&](const CLI::App& app, Tried& tried) { RunFolder(app, tried.running).begin("d"); };
    return run({"--resume", "--out", folder.path.string(), "--file", file}, take).status;
  };
  CHECK(begin("data/a.txt") == 0);
  CHECK(begin("data/a.txt") == 0);
  const auto here = [](const char* file) { return std::filesystem::absolute(file).lexically_normal().string(); };
  CHECK_THROWS_WITH(begin("b.txt"), Catch::Contains("--file must be " + here("data/a.txt") +
                                                    ", as in the run that is continued, got " + here("b.txt") + ";"));
  CHECK_THROWS_WITH(begin(""), Catch::Contains(", as in the run that is continued, got none;"));
}

TEST_CASE("titles: the last part of a path, or a description") {
  CHECK(title_of("/data/BasicMotions_TRAIN.ts") == "BasicMotions_TRAIN.ts");
  CHECK(title_of("data/events/") == "events");
  CHECK(title_of("a toy simulation") == "a toy simulation");
  CHECK(title_of("").empty());
}

TEST_CASE("output folder: numbers are compared by value") {
  const TemporaryFolder folder;
  const auto begin = [&](const char* clip) {
    const auto take = [&](const CLI::App& app, Tried& tried) { RunFolder(app, tried.running).begin("d"); };
    return run({"--resume", "--out", folder.path.string(), "--clip", clip}, take).status;
  };
  CHECK(begin("0.5") == 0);
  CHECK(begin("0.50") == 0);
  CHECK_THROWS_WITH(begin("0.51"), Catch::Contains("--clip must be 0.5, as in the run that is continued, got 0.51"));
}

TEST_CASE("output folder: --force leaves files of others") {
  const TemporaryFolder folder;
  const auto begin = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--out", folder.path.string()});
    return run(words, [&](const CLI::App& app, Tried& tried) { RunFolder(app, tried.running).begin("d"); });
  };
  const auto write = [&](const char* name, const char* text) { std::ofstream(folder.path / name) << text; };
  std::filesystem::create_directories(folder.path / "other");
  std::filesystem::create_directories(folder.path / "runs");
  for (const char* name : {"checkpoint.safetensors", "other/checkpoint-1", "runs/checkpoint-1", "checkpoints.txt"})
    write(name, "x");
  for (const char* words : {"--force", "--resume", "--quiet"})
    CHECK_THROWS_WITH(begin({words}), Catch::Contains("belongs to no run of this program"));
  write("config.json", R"({"program": "other", "verb": "train"})");
  CHECK_THROWS_WITH(begin({"--force"}), Catch::Contains("belongs to no run of this program"));
  CHECK(std::filesystem::exists(folder.path / "checkpoint.safetensors"));
  write("config.json", R"({"program": "tried", "verb": "train"})");
  CHECK(begin({"--force"}).status == 0);
  CHECK_FALSE(std::filesystem::exists(folder.path / "checkpoint.safetensors"));
  CHECK_FALSE(std::filesystem::exists(folder.path / "runs" / "checkpoint-1"));
  CHECK(std::filesystem::exists(folder.path / "other" / "checkpoint-1"));
  CHECK(std::filesystem::exists(folder.path / "checkpoints.txt"));
}
