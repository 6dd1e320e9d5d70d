#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "readers.hpp"
#include "unroll/io/detail/text_lines.hpp"
#include "unroll/io/input_file.hpp"

namespace har {

using namespace unroll;

namespace {

constexpr double largest_gap = 0.5e9;  // nanoseconds between consecutive records of a recording; 0.05e9 is normal

struct Record {
  int user = 0;
  std::string activity;
  double time = 0;
  Eigen::Vector3f acceleration;
};

/// Numbers of invalid records, as the published file contains them.
struct Defects {
  Index broken = 0, timeless = 0;
};

/// Parses user,activity,time,x,y,z, possibly with a trailing comma. Returns false if a field is missing or invalid.
bool parse(std::string_view words, Record& record) {
  std::string_view fields[6];
  for (std::string_view& field : fields) {
    field = detail::trimmed(detail::take_until(words, ','));
    if (field.empty()) return false;
  }
  const auto user = detail::parse_number<double>(fields[0]), time = detail::parse_number<double>(fields[2]);
  if (!user || std::abs(*user) > 1e9 || !time || !detail::trimmed(words).empty()) return false;
  for (int axis = 0; axis < 3; ++axis) {
    const auto value = detail::parse_number<float>(fields[3 + axis]);
    if (!value) return false;
    record.acceleration[axis] = *value;
  }
  record.user = int(*user);
  record.activity = fields[1];
  record.time = *time;
  return true;
}

bool next(detail::TextLines& lines, std::string_view& line) {
  const auto found = lines.next();
  line = found.value_or(std::string_view());
  return found.has_value();
}

/// Records end with ';', with the line, or with both.
std::vector<Record> parse_records(std::string_view all, Defects& defects) {
  std::vector<Record> records;
  detail::TextLines lines(all, {});
  for (std::string_view rest; !rest.empty() || next(lines, rest);) {
    const auto words = detail::trimmed(detail::take_until(rest, ';'));
    if (words.empty() || words == ",") continue;
    Record record;
    if (!parse(words, record))
      ++defects.broken;
    else if (record.time == 0)
      ++defects.timeless;
    else
      records.push_back(std::move(record));
  }
  return records;
}

bool is_continuous(const Record& a, const Record& b) {
  return a.user == b.user && a.activity == b.activity && b.time >= a.time && b.time - a.time < largest_gap;
}

struct Windows {
  std::vector<MatrixX<float>> all;
  std::vector<Index> labels;
  std::vector<Index> people;  // of each window
};

/// Cuts a continuous recording of one person into windows; steps left at the end are dropped.
void cut(std::span<const Record> records, Index window, Index label, Windows& windows) {
  for (Index first = 0; first + window <= std::ssize(records); first += window) {
    MatrixX<float> one(3, window);
    for (Index t = 0; t < window; ++t) one.col(t) = records[std::size_t(first + t)].acceleration;
    windows.all.push_back(std::move(one));
    windows.labels.push_back(label);
    windows.people.push_back(records.front().user);
  }
}

/// Test persons: two ninths of the people, those with the highest numbers (users 29 to 36 of the complete data set).
std::set<int> test_people(const std::vector<Record>& records, const std::string& path) {
  std::set<int> all;
  for (const Record& record : records) all.insert(record.user);
  require<FileError>(all.size() >= 2, path, ": must have records of at least 2 people, got ", all.size());
  const auto kept = std::ssize(all) - std::max<std::ptrdiff_t>(1, std::ssize(all) * 2 / 9);
  return {std::next(all.begin(), kept), all.end()};
}

}  // namespace

Recordings read_wisdm(const std::string& path, Index window, bool divided) {
  if (window == 0) window = 150;
  Defects defects;
  const auto records = parse_records(detail::read_text(path), defects);
  require<FileError>(!records.empty(), path, ": must have records user,activity,time,x,y,z, found only ",
                     defects.broken, " invalid ones");
  std::map<std::string, Index> classes;
  for (const Record& record : records) classes.emplace(record.activity, 0);
  std::vector<std::string> names;
  for (auto& [name, number] : classes) number = std::ssize(names), names.push_back(name);
  const auto tested = divided ? test_people(records, path) : std::set<int>();
  Windows train, test;
  for (std::size_t first = 0, end; first < records.size(); first = end) {
    for (end = first + 1; end < records.size() && is_continuous(records[end - 1], records[end]);) ++end;
    cut(std::span(records).subspan(first, end - first), window, classes.at(records[first].activity),
        !divided || tested.contains(records[first].user) ? test : train);
  }
  require<FileError>((!train.all.empty() || !divided) && !test.all.empty(), path, ": the ",
                     divided && train.all.empty() ? "training" : "test",
                     " data must have a continuous recording of --window ", window, " steps; give a smaller --window");
  const auto count = [](const std::vector<Index>& people) { return std::set(people.begin(), people.end()).size(); };
  const std::string people =
      divided ? text(count(train.people), " training persons, ", count(test.people), " other test persons")
              : text(count(test.people), " persons");
  return {"WISDM",
          names,
          Dataset<float>::labelled(std::move(train.all), train.labels, std::ssize(names)),
          Dataset<float>::labelled(std::move(test.all), test.labels, std::ssize(names)),
          {"data " + path,
           text(records.size(), " valid records; ", defects.broken, " invalid ones and ", defects.timeless,
                " without a time omitted"),
           people},
          std::move(train.people),
          divided,
          std::move(test.people),
          {"x", "y", "z"},
          20};
}

}  // namespace har
