// Runs of the program that are killed or stopped, and resumed.

#include "support/kill_test.hpp"

namespace test_resume {

namespace {

using support::Arguments, support::content;

int status_of(const Arguments& arguments) { return support::status_of(TEXT_PROGRAM, arguments); }

Arguments run_in(const std::filesystem::path& folder, const Arguments& more) {
  Arguments all{"train",       "--text",    TEXT_DATA,   "--out",   folder.string(),
                "--resume",    "--quiet",   "--units",   "10",      "--layers",
                "2",           "--epochs",  "3",         "--batch", "4",
                "--embedding", "5",         "--samples", "1",       "--checkpoint-seconds",
                "0",           "--threads", "1"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

const support::Results results{{"model.safetensors", "samples.txt", "ratios.csv"}, {"history.csv"}};

void interrupt_and_compare(const Arguments& more, const support::Interruptions& interruptions) {
  support::interrupt_and_compare(
      TEXT_PROGRAM, [&](const auto& folder, int) { return run_in(folder, more); }, results, interruptions);
}

const Arguments streams{"--steps", "15"};
const Arguments sentences{"--tokens", "words", "--read", "units", "--plateau", "1", "--decay-epochs", "0"};
const Arguments seeds{"--steps", "15", "--seeds", "3,5", "--epochs", "2"};

}  // namespace

TEST_CASE("text program: refuses empty names of files in the command line") {
  for (const Arguments& words :
       {Arguments{"train", "--text", ""}, {"train", "--validation", ""}, {"evaluate", "--text", ""}, {"predict", ""}})
    CHECK(status_of(words) == 2);
}

TEST_CASE("text program: refuses to resume when the text has changed") {
  const support::TemporaryFolder folder;
  const auto text = folder.path / "text.txt", out = folder.path / "out";
  const auto status = [&] {
    return status_of(run_in(out, {"--text", text.string(), "--epochs", "1", "--steps", "15"}));
  };
  std::ofstream(text) << content(TEXT_DATA);
  CHECK(status() == 0);
  CHECK(status() == 0);
  std::ofstream(text) << "# " << content(TEXT_DATA);  // another character, the same number of sequences
  CHECK(status() == 1);
  std::ofstream(text) << content(TEXT_DATA) << content(TEXT_DATA);
  CHECK(status() == 1);
}

TEST_CASE("text program: refuses to resume when the word vectors have changed") {
  const support::TemporaryFolder folder;
  const auto vectors = folder.path / "vectors.txt";
  Arguments words = sentences;
  words.insert(words.end(), {"--vectors", vectors.string(), "--epochs", "1"});
  const auto status = [&] { return status_of(run_in(folder.path / "out", words)); };
  std::ofstream(vectors) << "the 1 2 3 4 5\n";
  CHECK(status() == 0);
  CHECK(status() == 0);
  std::ofstream(vectors) << "the 1 2 3 4 6\n";
  CHECK(status() == 1);
}

TEST_CASE("text program: refuses to resume with fewer epochs than the run has") {
  const support::TemporaryFolder folder;
  const auto status = [&](const char* epochs) {
    return status_of(run_in(folder.path, {"--steps", "15", "--epochs", epochs}));
  };
  CHECK(status("2") == 0);
  CHECK(status("1") == 1);
  CHECK(status("2") == 0);
}

TEST_CASE("text program: evaluates the validation text only while it is that of the training") {
  const support::TemporaryFolder folder;
  const auto text = folder.path / "text.txt", model = folder.path / "out" / "model.safetensors";
  for (const Arguments& more : {streams, sentences}) {
    std::ofstream(text) << content(TEXT_DATA);
    Arguments training = more;
    training.insert(training.end(), {"--text", text.string(), "--epochs", "1", "--limit", "500"});
    std::filesystem::remove_all(folder.path / "out");
    REQUIRE(status_of(run_in(folder.path / "out", training)) == 0);
    const Arguments evaluate{"evaluate", "--quiet", "--load", model.string()};
    CHECK(status_of(evaluate) == 0);
    std::ofstream(text, std::ios::app) << "One more line.\n";
    CHECK(status_of(evaluate) == 1);
    Arguments given = evaluate;
    given.insert(given.end(), {"--text", text.string()});
    CHECK(status_of(given) == 0);
  }
}

TEST_CASE("text program: training on from a model has the dropout of the options") {
  const support::TemporaryFolder folder;
  const auto first = folder.path / "first";
  REQUIRE(status_of(run_in(first, {"--steps", "15", "--epochs", "1"})) == 0);
  const auto scores = [&](const char* dropout) {
    const auto out = folder.path / dropout;
    const std::string model = (first / "model.safetensors").string();
    REQUIRE(status_of({"train", "--quiet", "--load", model, "--dropout", dropout, "--out", out.string()}) == 0);
    return content(out / "scores.json");
  };
  const std::string with_that_of_the_model = scores("0.1");
  CHECK(scores("0.10") == with_that_of_the_model);
  CHECK(scores("0.6") != with_that_of_the_model);
  CHECK(scores("0") != with_that_of_the_model);
}

TEST_CASE("text program: leaves other files in its folder unchanged") {
  const support::TemporaryFolder folder;
  const std::vector<std::string> others{"notes.tmp", "chapter.tmp1", "model.safetensors.tmp0", "a.unroll-x.tmp"};
  for (const std::string& name : others) std::ofstream(folder.path / name) << name;
  REQUIRE(status_of(run_in(folder.path, {"--epochs", "1", "--steps", "15"})) == 0);
  for (const std::string& name : others) CHECK(content(folder.path / name) == name);
}

TEST_CASE("text program: a run killed at any moment resumes to the same bits") {
  interrupt_and_compare(streams, {.count = 6});
  interrupt_and_compare(sentences, {.count = 6});
}

TEST_CASE("text program: several seeds that are killed resume to the same bits") {
  interrupt_and_compare(seeds, {.count = 4});
}

TEST_CASE("text program: SIGTERM saves the run, which resumes to the same bits") {
  Arguments rarely = streams;
  rarely.insert(rarely.end(), {"--checkpoint-seconds", "1000"});
  interrupt_and_compare(rarely, {.count = 4, .signals = {SIGTERM}});
}

TEST_CASE("text program: a finished run continues with more epochs as if it had not ended") {
  const support::TemporaryFolder folder;
  const auto whole = folder.path / "whole", longer = folder.path / "longer";
  const Arguments constant{"--steps", "15", "--decay-epochs", "0"};
  const auto with_epochs = [&](const char* epochs) {
    Arguments all = constant;
    all.insert(all.end(), {"--epochs", epochs});
    return all;
  };
  REQUIRE(status_of(run_in(whole, with_epochs("3"))) == 0);
  REQUIRE(status_of(run_in(longer, with_epochs("1"))) == 0);
  REQUIRE(status_of(run_in(longer, with_epochs("3"))) == 0);
  support::check_same(longer, whole, {{"model.safetensors", "samples.txt"}, {"history.csv"}});
}

TEST_CASE("text program: a text that is read by parts gives the same bits, also of a run that continues") {
  const support::TemporaryFolder folder;
  for (const auto& [name, more] : {std::pair("streams", streams), {"sentences", sentences}}) {
    const auto whole = folder.path / name, parts = folder.path / (std::string(name) + " lazy");
    const auto with = [&, &options = more](const char* epochs, bool lazy) {
      Arguments all = options;
      all.insert(all.end(), {"--epochs", epochs, "--decay-epochs", "0"});
      if (lazy) all.push_back("--lazy");
      return all;
    };
    REQUIRE(status_of(run_in(whole, with("3", false))) == 0);
    REQUIRE(status_of(run_in(parts, with("1", true))) == 0);
    REQUIRE(status_of(run_in(parts, with("2", false))) == 0);
    REQUIRE(status_of(run_in(parts, with("3", true))) == 0);
    support::check_same(parts, whole, {{"model.safetensors", "samples.txt", "scores.json"}, {"history.csv"}});
  }
}

TEST_CASE("text program: a run killed many times resumes to the same bits", "[.long]") {
  interrupt_and_compare(streams, {.count = 150});
  interrupt_and_compare(sentences, {.count = 150});
}

}  // namespace test_resume
