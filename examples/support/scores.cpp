#include "scores.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "unroll/io/atomic_file.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/io/json.hpp"
#include "unroll/report/curves.hpp"

namespace example {

using Json = nlohmann::ordered_json;
using unroll::Epoch;
using unroll::FileError;
using unroll::Index;
using unroll::require;

std::vector<EpochValues> curves_of(const std::vector<unroll::History>& histories, const std::string& unit, double scale,
                                   const std::string& other) {
  std::vector<EpochValues> curves;
  const auto add = [&](const std::string& name, const std::string& of, double Epoch::*number, double factor) {
    EpochValues curve{name, of, unroll::figure::epochs_of(histories, number, factor)};
    const auto measured = [](const auto& values) { return std::ranges::any_of(values, unroll::is_finite<double>); };
    if (std::ranges::any_of(curve.seeds, measured)) curves.push_back(std::move(curve));
  };
  add("training loss", unit, &Epoch::loss, scale);
  add(other + " loss", unit, &Epoch::validation_loss, scale);
  add("training accuracy", "%", &Epoch::accuracy, 100);
  add(other + " accuracy", "%", &Epoch::validation_accuracy, 100);
  return curves;
}

void write_scores(const std::filesystem::path& folder, const RunScores& scores) {
  Json all{{"version", 1},
           {"seeds", scores.seeds},
           {"curves", Json::array()},
           {"items", scores.items},
           {"tested", scores.tested},
           {"groups", scores.groups},
           {"group_of", scores.group_of},
           {"measures", Json::array()}};
  for (const EpochValues& curve : scores.curves)
    all["curves"].push_back({{"name", curve.name}, {"unit", curve.unit}, {"seeds", curve.seeds}});
  for (const ItemMeasure& measure : scores.measures) {
    Json seeds = Json::array();
    for (const auto& [parts, wholes] : measure.seeds) seeds.push_back({{"parts", parts}, {"wholes", wholes}});
    all["measures"].push_back({{"name", measure.name},
                               {"unit", measure.unit},
                               {"larger_is_better", measure.larger_is_better},
                               {"scale", measure.scale},
                               {"seeds", std::move(seeds)}});
  }
  unroll::write_text(folder / scores_file, all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

namespace {

/// Numbers of an array; null: NaN.
std::vector<double> numbers_of(const Json& json) {
  std::vector<double> values;
  for (const Json& value : json) values.push_back(value.is_null() ? Epoch::none : value.get<double>());
  return values;
}

/// Throws FileError for values other than whole numbers from 0 to 2^63 - 1.
template <class Number>
std::vector<Number> whole_numbers_of(const Json& json, const char* name, const std::string& file) {
  std::vector<Number> values;
  for (const Json& value : json) {
    const bool whole = value.is_number_integer() && value >= 0 && value <= std::numeric_limits<Index>::max();
    require<FileError>(whole, file, ": ", name, " must have whole numbers from 0 on, got ",
                       [&] { return value.dump().substr(0, 20); });
    values.push_back(value.get<Number>());
  }
  return values;
}

EpochValues curve_of(const Json& json) {
  EpochValues curve{json.at("name"), json.at("unit"), {}};
  for (const Json& values : json.at("seeds")) curve.seeds.push_back(numbers_of(values));
  return curve;
}

ItemMeasure measure_of(const Json& json) {
  ItemMeasure measure{json.at("name"), json.at("unit"), json.at("larger_is_better"), json.at("scale")};
  for (const Json& seed : json.at("seeds"))
    measure.seeds.push_back({numbers_of(seed.at("parts")), numbers_of(seed.at("wholes"))});
  return measure;
}

/// Throws FileError for counts that differ and numbers out of range.
void check(const RunScores& scores, const std::string& file) {
  const std::size_t seeds = scores.seeds.size();
  const auto expect = [&](bool good, const std::string& name, const std::string& what) {
    require<FileError>(good, file, ": ", name, " must have ", what);
  };
  expect(seeds >= 1, "the run", "at least 1 seed");
  std::set<std::string> names;
  for (const EpochValues& curve : scores.curves) {
    expect(curve.seeds.size() == seeds, curve.name, "one list of values for each seed");
    expect(names.insert(curve.name).second, curve.name, "one entry");
  }
  names.clear();
  std::size_t items = scores.group_of.size();
  for (const ItemMeasure& measure : scores.measures) {
    const std::string& name = measure.name;
    expect(measure.seeds.size() == seeds, name, "values for each seed");
    expect(names.insert(name).second, name, "one entry");
    expect(unroll::is_finite(measure.scale) && measure.scale > 0, name, "a scale above 0");
    for (const auto& [parts, wholes] : measure.seeds) {
      if (items == 0) items = parts.size();
      expect(!parts.empty() && parts.size() == items && (wholes.empty() || wholes.size() == items), name,
             "one value for each item");
      expect(std::ranges::all_of(parts, unroll::is_finite<double>), name, "finite values");
      double sum = wholes.empty() ? 1 : 0;
      for (const double whole : wholes) {
        expect(whole >= 0 && unroll::is_finite(whole), name, "finite wholes of at least 0");
        sum += whole;
      }
      expect(sum > 0 && unroll::is_finite(sum), name, "a finite sum of the wholes above 0");
    }
  }
}

}  // namespace

RunScores read_scores(const std::filesystem::path& folder) {
  const std::string file = (folder / scores_file).string();
  const Json json = unroll::detail::parse_json<Json>(unroll::detail::read_text(file), file);
  try {
    require<FileError>(json.at("version") == 1, file, ": version must be 1, got ",
                       [&] { return json.at("version").dump().substr(0, 20); });
    RunScores scores{.seeds = whole_numbers_of<std::uint64_t>(json.at("seeds"), "seeds", file),
                     .items = json.at("items"),
                     .tested = json.at("tested"),
                     .groups = json.at("groups"),
                     .group_of = whole_numbers_of<Index>(json.at("group_of"), "group_of", file)};
    for (const Json& curve : json.at("curves")) scores.curves.push_back(curve_of(curve));
    for (const Json& measure : json.at("measures")) scores.measures.push_back(measure_of(measure));
    check(scores, file);
    return scores;
  } catch (const nlohmann::json::exception& error) {
    throw FileError(unroll::text(file, ": must have the scores of a run: ", unroll::detail::json_reason(error)));
  }
}

}  // namespace example
