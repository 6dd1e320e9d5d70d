// Brain decoding: classifies movie clips from the activity of brain regions at every second.
// bin/hcp [--model lstm] [--controls] [--data X.npy --meta meta.csv] ...      bin/hcp --help
// Takes about 20 seconds with the defaults. Prints the accuracy on participants that are not in the training
// data. --controls also trains on shuffled, random and permuted data and reports whether information leaks.

#include <cstdio>
#include <filesystem>

#include "../support/names.hpp"
#include "../support/output_folder.hpp"
#include "../support/program.hpp"
#include "files.hpp"
#include "pictures.hpp"
#include "report.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/io/checkpoint.hpp"
#include "unroll/io/formats/safetensors.hpp"
#include "unroll/io/model_file.hpp"

using namespace unroll;
using namespace hcp;

namespace {

Data read_data(const Options& options) {
  if (options.data.empty()) return make_stand_in(options.stand_in, options.steps);
  const auto default_meta = std::filesystem::path(options.data).replace_filename("meta.csv");
  return read_recordings(options.data, options.meta.empty() ? default_meta : std::filesystem::path(options.meta),
                         options.steps);
}

Index number_in(const Metadata& metadata, const std::string& key, const std::string& file) {
  const auto& word = metadata.at(key);
  const bool digits = !word.empty() && word.size() < 10 && word.find_first_not_of("0123456789") == word.npos;
  require<FileError>(digits, file, ": metadata entry '", key, "' must be a whole number, got ",
                     unroll::detail::in_quotes(word));
  return std::stol(word);
}

/// Replaces options by the metadata of the loaded model.
void take_options_of(const Metadata& metadata, Options& options) {
  options.model = {metadata.at("kind"), number_in(metadata, "units", options.load),
                   number_in(metadata, "depth", options.load)};
  // A lower bound of the parameters: input weights of the first layer and state weights of each layer.
  const double units = double(options.model.units), regions = double(number_in(metadata, "regions", options.load));
  read_safetensors(options.load).require_numbers(units * (regions + double(options.model.layers) * units));
  options.steps = number_in(metadata, "steps", options.load);
  if (options.data.empty()) options.stand_in.regions = number_in(metadata, "regions", options.load);
}

void check_fits(const Metadata& metadata, const Options& options, const Data& data) {
  const Index regions = number_in(metadata, "regions", options.load);
  require<ShapeError>(regions == data.clips.features(), data.source, ": must have ", regions,
                      " regions, as the training data of ", options.load, ", got ", data.clips.features());
}

Metadata metadata_of(const Options& options, const Data& data, const TrainedOn& trained) {
  return {{"kind", options.model.kind},          {"units", text(options.model.units)},
          {"depth", text(options.model.layers)}, {"regions", text(data.clips.features())},
          {"steps", text(options.steps)},        {"clips", example::json_list(clip_names())},
          {"trained_on", to_json(trained)}};
}

/// Saves the model and checks that the loaded file gives the same outputs.
void save_and_check(const Model& model, const std::filesystem::path& file, const Options& options, const Data& data,
                    const TrainedOn& trained) {
  model.save(file, metadata_of(options, data, trained));
  const auto again = make_model(options.model, data.clips.features());
  again->load(file);
  const std::vector<Index> some{0};
  const auto clips = data.clips.subset(some);
  require<FileError>(model.predict(clips) == again->predict(clips), file.string(),
                     ": the saved model must give the same outputs after loading");
}

void print(const Options& options, const std::string& words) {
  if (!options.quiet) example::print(words);
}

void train(Model& model, const std::filesystem::path& folder, const Options& options, const Data& data,
           const Division& division, Results& results) {
  if (options.folds > 0)
    cross_validate(options, data, division, results,
                   [&](const Fold& fold) { print(options, fold_text(results.folds.size() + 1, fold)); });
  if (results.validation)
    print(options, text("cross-validation: ", percent_text(results.validation->steps.accuracy()), "\n\n"));
  train_model(model, options, data, division, results,
              [&](const Epoch& epoch) { print(options, epoch_text(epoch, options.training.epochs)); });
  save_and_check(model, folder / "model.safetensors", options, data, trained_on(data, division.training));
}

void write_files(const std::filesystem::path& folder, const Options& options, const Data& data,
                 const Division& division, const Model& model, const Results& results) {
  write_text(folder / "metrics.json", metrics_json(options, data, division, model, results));
  const std::string missing = write_report(folder, options, data, model, results);
  std::string words =
      text("files in ", options.out, ": report.html, metrics.json", options.load.empty() ? ", model.safetensors" : "");
  if (!missing.empty()) words += "; without figures: " + missing;
  print(options, words + "\n");
}

/// Participants that the model was trained on; empty if the file of a loaded model does not list them.
std::optional<TrainedOn> trained_on_of(const Metadata& metadata, const Options& options, const Data& data,
                                       const Division& division) {
  if (options.load.empty()) return trained_on(data, division.training);
  const auto entry = metadata.find("trained_on");
  if (entry == metadata.end()) return std::nullopt;
  return trained_on_of_json(entry->second, options.load);
}

void run(Options options) {
  const auto folder = example::output_folder(options.out, "metrics.json");
  const Metadata metadata = options.load.empty() ? Metadata{} : read_metadata(options.load);
  if (!options.load.empty()) take_options_of(metadata, options);
  const Data data = read_data(options);
  if (!options.load.empty()) check_fits(metadata, options, data);
  const Division division = divide(options, data);
  const auto model = make_model(options.model, data.clips.features());
  print(options, data_text(data, division, options.load.empty()) +
                     text("  ", options.model.kind, " with ", model->parameters(), " parameters\n\n"));
  Results results;
  if (options.load.empty()) {
    train(*model, folder, options, data, division, results);
  } else {
    model->load(options.load);
  }
  if (!division.test.empty())
    test_model(*model, data, division.test, trained_on_of(metadata, options, data, division), results);
  print(options, "\n" + moments_text(results.main()) + chance_text(results.chance));
  if (options.controls) {
    run_controls(options, data, division, results, [&](Control control, Index repeat, const GroupedHits& hits) {
      print(options, run_text(control, repeat, hits));
    });
    print(options, text("\n", results.leak->table(), "\n", results.leak->verdict(), "\n\n"));
  }
  write_files(folder, options, data, division, *model, results);
  print(options, result_text(results));
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("hcp", [&] {
    Options options;
    const int status = read_command_line(argc, argv, options);
    if (status >= 0) return status;
    run(options);
    return 0;
  });
}
