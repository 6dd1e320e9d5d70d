#include "application.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <unroll/core/tables/data_table.hpp>

#include "../support/format.hpp"
#include "../support/names.hpp"
#include "../support/output_folder.hpp"
#include "../support/program.hpp"
#include "../support/today.hpp"
#include "readers.hpp"
#include "report.hpp"
#include "stand_in.hpp"
#include "stream_task.hpp"
#include "unroll/io/detail/text_lines.hpp"
#include "unroll/report/environment.hpp"
#include "unroll/report/heat_map.hpp"
#include "unroll/report/report.hpp"
#include "unroll/train/metrics/grouped_hits.hpp"

namespace har {

using namespace unroll;
using example::format;

namespace {

/// New data in the form that both kinds of models share: outputs [classes x columns] and labels of each sequence.
struct Applied {
  std::string name;
  std::vector<std::string> remarks;
  std::vector<MatrixX<float>> outputs;
  std::vector<Labels> labels;        // of the columns; negative: unknown
  std::vector<std::string> names;    // of each sequence
  std::vector<std::string> persons;  // of each sequence; empty strings: unknown
  bool labelled = true;
  std::vector<std::string> hashes = {};  // of each sequence; none of recordings with a class at every step
};

TrainedModel read_model(const Options& options) {
  TrainedModel model = read_trained(options.load);
  require<ValueError>(!options.stream || model.options.stream, model.file,
                      ": --stream needs a model with a class at every step, got one for whole sequences");
  return model;
}

Applied applied_to_windows(const TrainedModel& model, const Options& options, const Threads& threads) {
  NewRecordings given = options.data == "stand-in"
                            ? part_of(make_stand_in({}), model.classes(), options.part)
                            : read_new(options.data, model.options.window, model.classes(), options.part);
  check_fits(model, model.classes(), given.windows.features(), given.sample_rate);
  std::vector<std::string> hashes;
  for (Index s = 0; s < given.windows.size(); ++s) hashes.push_back(sequence_hash(given.windows.sequence(s)));
  model.standardizer().apply(given.windows);
  Applied all{given.name,     given.remarks,    outputs(model.network, given.windows, threads), {}, {}, {},
              given.labelled, std::move(hashes)};
  for (Index s = 0; s < given.windows.size(); ++s) {
    all.labels.push_back(Labels::Constant(1, given.labelled ? given.windows.labels(s)[0] : -1));
    all.names.push_back(text(s + 1));
    all.persons.push_back(given.people.empty() ? std::string() : text(given.people[std::size_t(s)]));
  }
  return all;
}

NewStreams read_streams_for(const TrainedModel& model, const Options& options) {
  if (options.data != "freezing") return read_new_streams(options.data, model.network.features(), model.classes());
  require<ValueError>(model.classes() == make_gait_stand_in({.people = 1, .seconds = 60}, 0.5).classes, model.file,
                      ": the classes of the model must be those of the data 'freezing'");
  const double share = 0.3;  // as in training by default
  StreamParts parts = make_gait_stand_in({}, share);
  NewStreams given{parts.name, options.part == "training" ? parts.train : parts.test, true, parts.sample_rate,
                   parts.remarks};
  require<ValueError>(options.part != "all", "--part must be training or test for 'freezing', got all");
  return given;
}

Applied applied_to_streams(const TrainedModel& model, const Options& options, const Threads& threads) {
  const NewStreams given = read_streams_for(model, options);
  check_fits(model, model.classes(), given.streams.front().channels.rows(), given.sample_rate);
  const auto streams = standardized(given.streams, model.standardizer());
  Applied all{given.name, given.remarks, stream_outputs(model.network, model.options, streams, threads), {}, {},
              {},         given.labelled};
  for (const Stream& stream : streams) {
    all.labels.push_back(stream.labels);
    all.names.push_back(stream.name);
    all.persons.push_back(stream.person);
  }
  return all;
}

Applied applied(const TrainedModel& model, const Options& options) {
  const Threads threads(options.running.threads);
  return model.options.stream ? applied_to_streams(model, options, threads)
                              : applied_to_windows(model, options, threads);
}

/// Refuses to replace files in --out without --force, before the model runs.
std::filesystem::path folder_for(const Options& options, std::initializer_list<const char*> names) {
  if (options.running.out.empty()) return {};
  const auto folder = example::output_folder(options.running.out, *names.begin());
  for (const char* name : names)
    require<ValueError>(options.running.force || !std::filesystem::exists(folder / name), "--out ", folder.string(),
                        ": ", name, " exists; --force replaces it");
  return folder;
}

// ---- evaluation

/// Scores of some of the sequences.
struct Figures {
  Index sequences = 0, scored = 0;
  std::vector<double> top = {};
  Interval limits = {};  // of top-1, over people
  Index persons = 0;
  ConfusionMatrix::Counts confusion = {};
};

/// `without`: whether a sequence is left out; empty: none.
Figures figures_of(const Applied& all, Index classes, const std::vector<bool>& without) {
  const auto is_left_out = [&](std::size_t k) { return !without.empty() && without[k]; };
  std::vector<Index> best;
  for (Index k = 1; k <= std::min<Index>(3, classes); ++k) best.push_back(k);
  TopK top(best);
  ConfusionMatrix confusion(classes);
  std::map<std::string, Index> group;
  for (std::size_t k = 0; k < all.persons.size(); ++k)
    if (!is_left_out(k)) group.emplace(all.persons[k], std::ssize(group));
  GroupedHits grouped(std::max<Index>(std::ssize(group), 1), classes);
  Figures figures{.persons = std::ssize(group)};
  for (std::size_t k = 0; k < all.outputs.size(); ++k) {
    if (is_left_out(k)) continue;
    ++figures.sequences;
    top.add(all.outputs[k], all.labels[k]);
    confusion.add(all.outputs[k], all.labels[k]);
    grouped.add(group.at(all.persons[k]), all.outputs[k], all.labels[k]);
  }
  for (const Hits& hits : top.hits()) figures.top.push_back(hits.value());
  figures.scored = top.hits().front().scored;
  figures.limits = grouped.accuracy();
  figures.confusion = confusion.counts();
  return figures;
}

nlohmann::json json_of(const Figures& figures, bool known) {
  nlohmann::json json{
      {"sequences", figures.sequences}, {"scored", figures.scored}, {"confusion", har::json_of(figures.confusion)}};
  for (std::size_t k = 0; k < figures.top.size(); ++k) json[text("top_", k + 1)] = figures.top[k];
  if (known && figures.persons > 1)
    json["top_1_limits_over_people"] = {
        {"confidence", 0.95}, {"low", figures.limits.low}, {"high", figures.limits.high}};
  return json;
}

std::string text_of(const Figures& figures, bool known, const char* unit) {
  std::string line;
  for (std::size_t k = 0; k < figures.top.size(); ++k)
    line += format("%stop-%ld %.1f %%", k == 0 ? "" : ", ", long(k + 1), 100 * figures.top[k]);
  line += text(" on ", figures.scored, " ", unit);
  if (known && figures.persons > 1)
    line += format(" of %ld people; 95 %% limits of top-1 over people %.1f to %.1f %%", long(figures.persons),
                   100 * figures.limits.low, 100 * figures.limits.high);
  return line;
}

/// Whether the numbering of people of the data is that of the model's training data.
bool same_numbering(const TrainedModel& model, const std::string& data) {
  return text(", then ", model.data(), ", then ").find(text(", then ", data, ", then ")) != std::string::npos;
}

/// People of the data, those that the model was trained on, and sequences that are training data.
struct Known {
  std::set<std::string> all, trained;
  std::vector<bool> seen;          // of each sequence: by its person or its values
  std::optional<Index> same = {};  // number of sequences with the values of a training sequence; none: unknown
  std::string text;                // lines for the reader
  Index number_seen() const { return std::ranges::count(seen, true); }
};
Known known_data(const TrainedModel& model, const Applied& all) {
  Known known;
  for (const std::string& person : all.persons)
    if (!person.empty()) known.all.insert(person);
  const std::set<std::string> people = model.people();
  if (known.all.empty()) {
    known.text = "people of the data: unknown\n";
  } else if (people.empty() || !(model.options.stream || same_numbering(model, all.name))) {
    known.text = text(
        "people of the data: ", known.all.size(),
        "; unknown whether the model was trained on them (its data: ", unroll::detail::in_quotes(model.data()), ")\n");
    known.all.clear();
  } else {
    std::ranges::set_intersection(known.all, people, std::inserter(known.trained, known.trained.end()));
    known.text = text("people that the model was trained on: ", known.trained.size(), " of ", known.all.size(),
                      known.trained.empty() ? "" : ": ",
                      example::quoted_list({known.trained.begin(), known.trained.end()}), "\n");
  }
  for (const std::string& person : all.persons) known.seen.push_back(known.trained.contains(person));
  const std::set<std::string> sequences = model.sequences();
  if (sequences.empty()) return known;
  known.same = 0;
  for (std::size_t k = 0; k < all.hashes.size(); ++k)
    if (sequences.contains(all.hashes[k])) known.seen[k] = true, ++*known.same;
  known.text += text("sequences that the model was trained on: ", *known.same, " of ", all.hashes.size(), "\n");
  return known;
}

std::string seen_recordings(const TrainedModel& model, const Applied& all) {
  std::vector<std::string> seen;
  const auto trained = model.recordings();
  for (const std::string& name : all.names)
    if (model.options.stream && trained.contains(name)) seen.push_back(name);
  return seen.empty()
             ? std::string()
             : text("recordings whose names are those of training recordings: ", example::quoted_list(seen), "\n");
}

}  // namespace

void evaluate_new(const Options& options) {
  const TrainedModel model = read_model(options);
  const auto folder = folder_for(options, {"evaluation.json", "report.html"});
  const Applied all = applied(model, options);
  require<ValueError>(all.labelled, "--data ", options.data,
                      ": evaluation needs class labels, found none; har predict "
                      "needs none");
  const Index classes = std::ssize(model.classes());
  const char* const unit = model.options.stream ? "steps" : "sequences";
  const Known known = known_data(model, all);
  const Figures every = figures_of(all, classes, {});
  require<ValueError>(every.scored > 0, "--data ", options.data, ": at least one ", unit,
                      " must have a label, got none");
  const bool by_people = !known.all.empty();
  const bool some_others = (by_people || known.same) && known.number_seen() < std::ssize(known.seen);
  const bool divided = some_others && known.number_seen() > 0;
  nlohmann::json json{{"model", model.file},
                      {"data", all.name},
                      {"remarks", all.remarks},
                      {"classes", model.classes()},
                      {"all", json_of(every, by_people)}};
  std::string words =
      text(all.name, ": ", all.outputs.size(), model.options.stream ? " recordings" : " sequences", "\n");
  for (const std::string& remark : all.remarks) words += "  " + remark + "\n";
  words += known.text + seen_recordings(model, all) + "all: " + text_of(every, by_people, unit) + "\n";
  if (known.same) json["sequences_trained_on"] = *known.same;
  if (by_people) {
    std::vector<std::string> others;
    std::ranges::set_difference(known.all, known.trained, std::back_inserter(others));
    json["people"] = {{"trained_on", known.trained}, {"others", others}};
  }
  Figures shown = every;
  if (divided) {
    shown = figures_of(all, classes, known.seen);
    json[by_people ? "people_not_trained_on" : "sequences_not_trained_on"] = json_of(shown, by_people);
    words += text(by_people ? "people" : "sequences", " not trained on: ", text_of(shown, by_people, unit), "\n");
  }
  const char* const whom = !some_others ? "" : by_people ? ", people not trained on" : ", sequences not trained on";
  words += text("\nconfusion matrix", whom, "; rows: true class, columns: predicted\n",
                confusion_text(shown.confusion, model.classes()));
  if (!folder.empty()) {
    write_text(folder / "evaluation.json", text_of(json));
    Report report("Activity recognition, evaluation: " + all.name, folder);
    for (std::string_view rest = std::string_view(words).substr(0, words.find("\nconfusion")); !rest.empty();)
      report.paragraph(std::string(unroll::detail::trimmed(unroll::detail::take_line(rest))));
    for (std::size_t k = 0; k < shown.top.size(); ++k)
      report.metric({.name = text("top-", k + 1, whom), .value = 100 * shown.top[k], .unit = "%"});
    report.figure(
        "confusion",
        figure::Confusion{.title = {}, .counts = shown.confusion, .classes = model.classes(), .counted = unit},
        text("Confusion matrix", whom,
             ": true class (rows) and predicted class (columns), in % of the true "
             "class."),
        text_of(shown, by_people, unit));
    report.settings({{"model", model.file}, {"data", options.data}});
    report.environment(environment(example::today()));
    report.file("evaluation.json", "all printed numbers");
    report.write();
    words += text("files in ", options.running.out, ": evaluation.json, report.html\n");
  }
  if (options.running.json) example::print(text_of(json));
  if (!options.running.json && !options.running.quiet) example::print(words);
}

// ---- prediction

namespace {

DataTable table_of(const TrainedModel& model, const Applied& all) {
  const bool steps = model.options.stream;
  DataTable table{{steps ? "recording" : "sequence"}, {}};
  if (steps) table.columns.push_back("step");
  if (all.labelled) table.columns.push_back("label");
  table.columns.push_back("class");
  for (const std::string& name : model.classes()) table.columns.push_back("probability of " + name);
  for (std::size_t k = 0; k < all.outputs.size(); ++k) {
    const MatrixX<double> p = probabilities(all.outputs[k], model.options);
    for (Index t = 0; t < p.cols(); ++t) {
      std::vector<TableValue> row;
      if (steps)
        row = {all.names[k], t + 1};
      else
        row = {Index(k) + 1};
      const Index label = all.labels[k][t], best = unroll::detail::predicted_class(all.outputs[k].col(t));
      if (all.labelled) row.emplace_back(label < 0 ? std::string() : model.classes()[std::size_t(label)]);
      row.emplace_back(best < 0 ? std::string() : model.classes()[std::size_t(best)]);
      for (const double value : p.col(t)) row.emplace_back(value);
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

nlohmann::json json_of_predictions(const TrainedModel& model, const Applied& all) {
  const bool steps = model.options.stream;
  nlohmann::json json{{"model", model.file},
                      {"data", all.name},
                      {"classes", model.classes()},
                      {steps ? "recordings" : "sequences", nlohmann::json::array()}};
  const auto class_at = [&](std::size_t k, Index t) -> nlohmann::json {
    const Index best = unroll::detail::predicted_class(all.outputs[k].col(t));
    return best < 0 ? nlohmann::json() : nlohmann::json(model.classes()[std::size_t(best)]);
  };
  for (std::size_t k = 0; k < all.outputs.size(); ++k) {
    const MatrixX<double> p = probabilities(all.outputs[k], model.options);
    nlohmann::json one{{steps ? "recording" : "sequence", all.names[k]}};
    if (!steps) one["sequence"] = k + 1;
    if (steps) one["class"] = one["probabilities"] = nlohmann::json::array();
    for (Index t = 0; t < p.cols(); ++t) {
      const std::vector<double> column(p.col(t).begin(), p.col(t).end());
      if (steps)
        one["class"].push_back(class_at(k, t)), one["probabilities"].push_back(column);
      else
        one["class"] = class_at(k, t), one["probabilities"] = column;
    }
    json[steps ? "recordings" : "sequences"].push_back(std::move(one));
  }
  return json;
}

}  // namespace

void predict_new(const Options& options) {
  const TrainedModel model = read_model(options);
  const auto folder = folder_for(options, {"predictions.csv", "predictions.json"});
  const Applied all = applied(model, options);
  const bool files = !folder.empty();
  const std::string csv = files || !options.running.json ? to_csv(table_of(model, all)) : std::string();
  const std::string json = files || options.running.json ? text_of(json_of_predictions(model, all)) : std::string();
  if (files) write_text(folder / "predictions.csv", csv), write_text(folder / "predictions.json", json);
  if (options.running.json) return example::print(json);
  if (options.running.quiet) return;
  example::print(files ? text("files in ", options.running.out, ": predictions.csv, predictions.json\n") : csv);
}

}  // namespace har
