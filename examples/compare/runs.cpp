#include "runs.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "../support/names.hpp"
#include "../support/verbs.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/io/json.hpp"
#include "unroll/train/metrics/summary.hpp"

namespace compare {

using namespace unroll;
using Json = nlohmann::ordered_json;
using example::ItemMeasure;
using unroll::detail::in_quotes;

namespace {

constexpr const char* config_file = "config.json";

/// Name of a folder, also if its path ends in a separator or a dot.
std::string name_of(const std::string& folder) { return std::filesystem::canonical(folder).filename().string(); }

Json read_config(const std::filesystem::path& folder) {
  const std::string file = (folder / config_file).string();
  require<FileError>(std::filesystem::exists(file), folder.string(), ": the folder must contain a run, but has no ",
                     config_file);
  Json config = unroll::detail::parse_json<Json>(unroll::detail::read_text(file), file);
  for (const char* key : {"program", "verb"})
    require<FileError>(config.is_object() && config.contains(key) && config[key].is_string(), file,
                       ": must have the options of a run, but has no text '", key, "'");
  return config;
}

Run read_run(const std::string& folder) {
  Run run{.label = {}, .folder = folder, .config = read_config(folder), .scores = {}};
  require<FileError>(std::filesystem::exists(run.folder / example::scores_file), folder, ": the run of ", run.program(),
                     " ", run.verb(), " has no ", example::scores_file,
                     "; it must have ended, and its verb must test a model");
  run.scores = example::read_scores(run.folder);
  return run;
}

std::vector<std::string> labels_of(const std::vector<std::string>& folders) {
  std::vector<std::string> names;
  for (const std::string& folder : folders) names.push_back(name_of(folder));
  return std::set(names.begin(), names.end()).size() == names.size() ? names : folders;
}

double value_of_seed(const ItemMeasure::Values& values) {
  double parts = 0, wholes = values.wholes.empty() ? double(values.parts.size()) : 0;
  for (const double part : values.parts) parts += part;
  for (const double whole : values.wholes) wholes += whole;
  return parts / wholes;
}

/// Whether the measure counts right answers: one seed, each item is a unit, and parts are 0 or 1 of 1.
bool counts_answers(const Run& run, const ItemMeasure& measure) {
  const auto& values = measure.seeds.front();
  return measure.seeds.size() == 1 && run.scores.group_of.empty() &&
         std::ranges::all_of(values.parts, [](double part) { return part == 0 || part == 1; }) &&
         std::ranges::all_of(values.wholes, [](double whole) { return whole == 1; });
}

Index count_only(const std::vector<double>& right, const std::vector<double>& wrong) {
  Index count = 0;
  for (std::size_t k = 0; k < right.size(); ++k) count += right[k] == 1 && wrong[k] == 0;
  return count;
}

/// Reason why two runs cannot be paired; empty if they can.
std::string reason_against(const Run& a, const Run& b, const std::string& measure) {
  if (a.program() != b.program())
    return text("they are runs of different programs, ", a.program(), " and ", b.program());
  for (const Run* run : {&a, &b})
    if (run->measure(measure) == nullptr) return text(in_quotes(run->label), " has no measure ", in_quotes(measure));
  const ItemMeasure &measure_a = *a.measure(measure), &measure_b = *b.measure(measure);
  if (a.scores.tested != b.scores.tested) return "their test data differ";
  if (measure_a.unit != measure_b.unit || measure_a.scale != measure_b.scale) return "the units of the measure differ";
  const Units of_a = units_of(a, measure_a), of_b = units_of(b, measure_b);
  if (of_a.size() != of_b.size() || a.scores.group_of != b.scores.group_of)
    return "the groups of their test data differ";
  if (of_a.size() < 2) return text("a test needs at least 2 ", a.units());
  return {};
}

void test(const Run& a, const Run& b, const std::string& name, PairTest& pair) {
  const ItemMeasure &of_a = *a.measure(name), &of_b = *b.measure(name);
  const Units units_a = units_of(a, of_a), units_b = units_of(b, of_b);
  pair.difference = of_a.scale * (units_a.ratio() - units_b.ratio());
  const Limits limits = bootstrap_limits(units_a, units_b);
  pair.limits = {of_a.scale * limits.low, of_a.scale * limits.high};
  if (counts_answers(a, of_a) && counts_answers(b, of_b)) {
    const auto &right_a = of_a.seeds.front().parts, &right_b = of_b.seeds.front().parts;
    pair.method = "McNemar, exact";
    pair.p = mcnemar_test(count_only(right_a, right_b), count_only(right_b, right_a));
    return;
  }
  const Permutation result = permutation_test(units_a, units_b);
  pair.method = result.exact ? "permutation, exact" : "permutation, sampled";
  pair.p = result.p;
}

std::string word_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// Options that all programs have and that do not change results.
std::set<std::string> running_options() {
  CLI::App app;
  example::Running running;
  example::add_running_options(app, running, "out");
  std::set<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.insert(name);
  return names;
}

}  // namespace

const ItemMeasure* Run::measure(const std::string& name) const {
  const auto found = std::ranges::find(scores.measures, name, &ItemMeasure::name);
  return found == scores.measures.end() ? nullptr : &*found;
}

std::vector<Run> read_runs(const std::vector<std::string>& folders, const std::vector<std::string>& labels) {
  require<ValueError>(folders.size() >= 2, "compare: runs must be at least 2, got ", folders.size());
  require<ValueError>(labels.empty() || labels.size() == folders.size(), "--labels must have ", folders.size(),
                      " names, one for each run, got ", labels.size());
  require<ValueError>(std::set(labels.begin(), labels.end()).size() == labels.size(),
                      "--labels must be different, got ", [&] { return example::quoted_list(labels); });
  std::set<std::filesystem::path> known;
  std::vector<Run> runs;
  for (const std::string& folder : folders) {
    runs.push_back(read_run(folder));
    require<ValueError>(known.insert(std::filesystem::canonical(folder)).second, folder,
                        ": the runs must be in different folders, got this one twice");
  }
  const auto names = labels.empty() ? labels_of(folders) : labels;
  for (std::size_t k = 0; k < runs.size(); ++k) runs[k].label = names[k];
  return runs;
}

Units units_of(const Run& run, const ItemMeasure& measure) {
  const std::vector<Index>& groups = run.scores.group_of;
  const std::size_t items = measure.seeds.front().parts.size();
  std::map<Index, Index> unit_of_group;
  for (const Index group : groups) unit_of_group.emplace(group, 0);
  Index units = 0;
  for (auto& [group, unit] : unit_of_group) unit = units++;
  if (groups.empty()) units = Index(items);
  Units sums{VectorX<double>::Zero(units), VectorX<double>::Zero(units)};
  const double share = 1 / double(measure.seeds.size());
  for (const auto& [parts, wholes] : measure.seeds)
    for (std::size_t k = 0; k < items; ++k) {
      const Index unit = groups.empty() ? Index(k) : unit_of_group.at(groups[k]);
      sums.parts[unit] += share * parts[k];
      sums.wholes[unit] += share * (wholes.empty() ? 1 : wholes[k]);
    }
  return sums;
}

Value value_of(const Run& run, const ItemMeasure& measure) {
  const Units units = units_of(run, measure);
  Value value{.value = measure.scale * units.ratio()};
  if (units.size() > 1) {
    const Limits limits = bootstrap_limits(units);
    value.over_units = {measure.scale * limits.low, measure.scale * limits.high};
  }
  if (measure.seeds.size() > 2) {  // two say too little about their spread
    VectorX<double> values(Index(measure.seeds.size()));
    for (Index k = 0; k < values.size(); ++k) values[k] = measure.scale * value_of_seed(measure.seeds[std::size_t(k)]);
    const Summary summary = summarize(values);
    const double reach =
        student_quantile(0.95, summary.count - 1) * summary.sample_deviation / std::sqrt(double(summary.count));
    value.over_seeds = {summary.mean - reach, summary.mean + reach};
  }
  return value;
}

std::vector<PairTest> test_pairs(const std::vector<Run>& runs, const std::string& measure) {
  std::vector<PairTest> pairs;
  std::vector<double> p;
  for (std::size_t a = 0; a < runs.size(); ++a)
    for (std::size_t b = a + 1; b < runs.size(); ++b) {
      pairs.push_back({.first = a, .second = b, .refused = reason_against(runs[a], runs[b], measure)});
      if (!pairs.back().refused.empty()) continue;
      test(runs[a], runs[b], measure, pairs.back());
      p.push_back(pairs.back().p);
    }
  const std::vector<double> corrected = holm(p);
  auto next = corrected.begin();
  for (PairTest& pair : pairs)
    if (pair.refused.empty()) pair.corrected = *next++;
  return pairs;
}

std::vector<std::string> measure_names(const std::vector<Run>& runs) {
  std::vector<std::string> names;
  for (const Run& run : runs)
    for (const ItemMeasure& measure : run.scores.measures)
      if (std::ranges::find(names, measure.name) == names.end()) names.push_back(measure.name);
  return names;
}

std::vector<Setting> settings_that_differ(const std::vector<Run>& runs) {
  const std::set<std::string> left_out = running_options();
  std::vector<Setting> settings;
  for (const Run& run : runs)
    for (const auto& item : run.config.items())
      if (!left_out.contains(item.key()) && std::ranges::find(settings, item.key(), &Setting::name) == settings.end())
        settings.push_back({item.key(), {}});
  for (Setting& setting : settings)
    for (const Run& run : runs)
      setting.values.push_back(run.config.contains(setting.name) ? word_of(run.config[setting.name]) : std::string());
  std::erase_if(settings, [](const Setting& setting) {
    return std::ranges::all_of(setting.values, [&](const auto& value) { return value == setting.values.front(); });
  });
  return settings;
}

}  // namespace compare
