#include "options.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>

#include "unroll/core/error.hpp"

namespace har {
namespace {

using unroll::text;

/// CLI11's own range check prints limits as 1.000000; this one says what was expected in words.
template <class Number>
CLI::Validator within(Number low, Number high, const char* kind) {
  const std::string range = text(kind, " from ", low, " to ", high);
  const auto check = [=](const std::string& given) {
    Number value{};
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
    const bool good = error == std::errc{} && end == given.data() + given.size() && low <= value && value <= high;
    return good ? std::string() : text("expected ", range, ", got '", given, "'");
  };
  return {check, range, "range"};
}
CLI::Validator whole(std::int64_t low, std::int64_t high) { return within(low, high, "a whole number"); }
CLI::Validator number(double low, double high) { return within(low, high, "a number"); }

CLI::Validator one_of(std::vector<std::string> words) {
  std::string all = words.front();
  for (std::size_t k = 1; k < words.size(); ++k) all += (k + 1 < words.size() ? ", " : " or ") + words[k];
  const auto check = [=](const std::string& given) {
    const bool good = std::find(words.begin(), words.end(), given) != words.end();
    return good ? std::string() : text("expected ", all, ", got '", given, "'");
  };
  return {check, all, "words"};
}

void add_options(CLI::App& app, Options& o) {
  app.add_option("--train", o.train, "training data, a .ts file (default: BasicMotions)")->option_text("FILE");
  app.add_option("--test", o.test, "test data with the same channels and classes")->option_text("FILE");
  app.add_option("--cell", o.cell, "recurrent cell")->check(one_of({"gru", "lstm", "elman"}));
  app.add_option("--direction", o.direction, "in time")->check(one_of({"forward", "backward", "bidirectional"}));
  app.add_option("--units", o.units, "of each recurrent layer")->check(whole(1, 4096));
  app.add_option("--layers", o.layers, "recurrent layers")->check(whole(1, 8));
  app.add_option("--pool", o.pool, "how a sequence becomes one vector")->check(one_of({"mean", "last", "max"}));
  app.add_option("--dropout", o.dropout, "behind each recurrent layer")->check(number(0, 0.95));
  app.add_option("--optimizer", o.optimizer, "")->check(one_of({"adam", "sgd", "rmsprop"}));
  app.add_option("--epochs", o.epochs, "")->check(whole(1, 100000));
  app.add_option("--batch", o.batch, "sequences per update")->check(whole(1, 1000000));
  app.add_option("--rate", o.rate, "learning rate")->check(number(1e-7, 10));
  app.add_option("--clip", o.clip, "largest norm of the gradient; 0: no limit")->check(number(0, 1e6));
  app.add_option("--validation", o.validation, "share of the training data held out")->check(number(0, 0.9));
  app.add_option("--patience", o.patience, "stop after so many epochs without a better validation loss; 0: never")
      ->check(whole(0, 100000));
  app.add_option("--seeds", o.seeds, "runs, each with a seed of its own")->check(whole(1, 1000));
  app.add_option("--first-seed", o.first_seed, "seed of the first run; the others count on")
      ->check(whole(0, 1000000000));
  app.add_option("--out", o.out, "folder for model, numbers and pictures")->option_text("DIR");
  app.add_flag("--quiet", o.quiet, "only the result");
}

/// What no option can know alone.
void check_together(const CLI::App& app, const Options& o) {
  if (app.count("--train") != app.count("--test"))
    throw CLI::ValidationError(app.count("--train") == 0 ? "--test" : "--train",
                               "--train and --test are given together, or neither for BasicMotions");
  if (o.patience > 0 && o.validation == 0)
    throw CLI::ValidationError("--patience", "needs validation data, but --validation is 0");
}

}  // namespace

int read_command_line(int argc, char** argv, Options& options) try {
  CLI::App app("Trains a recurrent network to tell what a person is doing from the sensors of a watch, and tests it.",
               "har");
  app.option_defaults()->always_capture_default();
  app.get_formatter()->column_width(36);
  add_options(app, options);
  try {
    app.parse(argc, argv);
    check_together(app, options);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  }
  return -1;
} catch (const CLI::ParseError& error) {
  std::fprintf(stderr, "har: %s (har --help lists all options)\n", error.what());
  return 2;
}

}  // namespace har
