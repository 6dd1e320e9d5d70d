#include "files.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <tuple>

#include "unroll/io/formats/detail/csv_fields.hpp"
#include "unroll/io/formats/npz.hpp"

namespace hcp {

using namespace unroll;

namespace {

struct Entry {
  std::string participant;
  Index clip = -1, run = 0, length = 0;
};

std::optional<Index> whole_number(std::string_view word) {
  Index value = -1;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size() || value < 0) return std::nullopt;
  return value;
}

/// Class of a name or number; -1 if there is none.
Index class_of(std::string_view word, const std::vector<std::string>& names) {
  const auto named = std::ranges::find(names, word);
  if (named != names.end()) return named - names.begin();
  const auto number = whole_number(word);
  return number && *number < Index(names.size()) ? *number : -1;
}

enum class Need { all, length };  // columns of the metadata

class MetaReader {
 public:
  MetaReader(const std::string& text, const std::string& file, Need need) : line_(text, file, ',', '\0'), need_(need) {
    line_.lines.expect(line_.next(), "expected the column names ", columns(), ", found nothing");
    header_.assign(line_.all.begin(), line_.all.end());
    for (const char* name : {"participant", "class", "run", "length"}) places_.push_back(place_of(name));
  }

  /// Classes of the lines that remain, each once, in alphabetical order.
  std::vector<std::string> classes() {
    std::set<std::string> names;
    while (line_.next())
      if (places_[1] && *places_[1] < line_.all.size()) names.insert(std::string(line_.all[*places_[1]]));
    return {names.begin(), names.end()};
  }

  /// `fixed`: whether the user cannot name other classes.
  std::vector<Entry> read(const std::vector<std::string>& classes, bool fixed) {
    fixed_ = fixed;
    std::vector<Entry> entries;
    while (line_.next()) entries.push_back(entry(line_.all, classes, entries.size()));
    line_.lines.expect(!entries.empty(), "expected one line per sequence after the column names, found none");
    return entries;
  }

 private:
  const char* columns() const { return need_ == Need::all ? "participant,class,run,length" : "length"; }

  std::optional<std::size_t> place_of(std::string_view name) const {
    const auto found = std::ranges::find(header_, name);
    if (found != header_.end()) return std::size_t(found - header_.begin());
    line_.lines.expect(need_ == Need::length && name != "length", "the column names must include '", name,
                       "'; expected ", columns());
    return std::nullopt;
  }

  Entry entry(const std::vector<std::string_view>& words, const std::vector<std::string>& classes, std::size_t row) {
    line_.lines.expect(words.size() == header_.size(), "expected ", header_.size(), " fields, found ", words.size());
    const auto number = [&](std::size_t k, std::string_view what) {
      if (!places_[k]) return Index(0);
      const auto value = whole_number(words[*places_[k]]);
      line_.lines.expect(value.has_value(), what, " must be a whole number, got ",
                         [&] { return detail::in_quotes(words[*places_[k]]); });
      return *value;
    };
    Entry found{places_[0] ? std::string(words[*places_[0]]) : text("sequence ", row), -1, number(2, "run"),
                number(3, "length")};
    line_.lines.expect(!found.participant.empty(), "the name of the participant must not be empty");
    line_.lines.expect(found.length >= 1, "length must be at least 1, got 0");
    if (places_[1]) take_class(words[*places_[1]], classes, found);
    return found;
  }

  void take_class(std::string_view word, const std::vector<std::string>& classes, Entry& entry) {
    const auto quoted = [&] { return detail::in_quotes(word); };
    const bool clips = classes == clip_names();
    entry.clip = class_of(word, classes);
    line_.lines.expect(
        entry.clip >= 0, "class must be a number from 0 to ", classes.size() - 1,
        clips ? " or the name of a clip, got " : " or the name of a class, got ", quoted, "; the nearest: ",
        [&] {
          return detail::nearest_names(word, {classes.begin(), classes.end()});
        },
        clips && !fixed_ ? "; --classes FILE gives other names" : "");
    line_.lines.expect(
        need_ == Need::length || seen_.insert({entry.participant, entry.clip, entry.run}).second, "participant ",
        [&] { return detail::in_quotes(entry.participant); }, ", clip ", quoted, ", run ", entry.run,
        " must have one line only");
  }

  detail::CsvFields line_;
  Need need_;
  bool fixed_ = false;
  std::vector<std::string> header_;
  std::vector<std::optional<std::size_t>> places_;  // of participant, class, run, length
  std::set<std::tuple<std::string, Index, Index>> seen_;
};

/// Names of the classes in the metadata: those of the clips, unless no class is a clip or a number.
std::vector<std::string> classes_in(const std::string& meta, const std::string& file) {
  const auto names = MetaReader(meta, file, Need::all).classes();
  const bool others = !names.empty() && std::ranges::none_of(names, [](const std::string& name) {
    return name.empty() || whole_number(name) || class_of(name, clip_names()) >= 0;
  });
  if (!others) return clip_names();
  require<ValueError>(names.size() >= 2, file, ": must have at least 2 classes, got 1");
  return names;
}

Tensor read_array(const std::filesystem::path& path) {
  if (path.extension() != ".npz") return read_npy(path);
  auto arrays = read_npz(path);
  require<FileError>(!arrays.empty(), path.string(), ": must contain an array, found none");
  const auto found = arrays.size() == 1 ? arrays.begin() : arrays.find("X");
  require<FileError>(found != arrays.end(), path.string(), ": must contain one array or an array X, found ",
                     arrays.size(), " arrays without X");
  return std::move(found->second);
}

void check_shape(const Tensor& array, const std::string& file, std::optional<std::size_t> entries,
                 const std::string& meta) {
  require<ShapeError>(array.shape.size() == 3 && array.shape[1] > 0 && array.shape[2] > 0, file,
                      ": the array must be [sequences x steps x regions], got the shape ",
                      detail::shape_text(array.shape));
  require<ShapeError>(!entries || array.shape[0] == Index(*entries), file, ": must have ", entries.value_or(0),
                      " sequences, as ", meta, " has lines, got ", array.shape[0]);
}

/// The first `steps` steps of sequence s [regions x steps].
MatrixX<float> sequence_of(const Tensor& array, Index s, Index steps) {
  const std::size_t row = array.bytes.size() / std::size_t(array.shape[0] * array.shape[1]);
  const auto begin = array.bytes.begin() + std::ptrdiff_t(row) * s * array.shape[1];
  const Tensor part{array.dtype, {steps, array.shape[2]}, {begin, begin + std::ptrdiff_t(row) * steps}};
  return matrix<float>(part).transpose();
}

void check_finite(const MatrixX<float>& x, Index s, const std::string& what, const std::string& file) {
  for (Index t = 0; t < x.cols(); ++t)
    for (Index r = 0; r < x.rows(); ++r)
      require<ValueError>(is_finite(x(r, t)), file, ": sequence ", s, what, ", step ", t, ", region ", r,
                          " must be finite, got ", x(r, t));
}

/// Entries of an array without metadata.
std::vector<Entry> entries_of(const Tensor& array, const std::string& file) {
  std::vector<Entry> entries;
  for (Index s = 0; s < array.shape[0]; ++s) {
    const MatrixX<float> x = sequence_of(array, s, array.shape[1]);
    Index length = array.shape[1];
    while (length > 0 && x.col(length - 1).isZero(0)) --length;
    require<ValueError>(length > 0, file, ": sequence ", s, " must not be all 0");
    entries.push_back({text("sequence ", s), -1, 0, length});
  }
  return entries;
}

Data recordings(const Tensor& array, const std::string& file, const std::vector<Entry>& entries,
                const std::string& meta_file, Index steps, const std::vector<std::string>& names) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> classes;
  Data data{labelled({MatrixX<float>::Zero(1, 1)}, {0}, 1), names, {}, {}, {}, file};
  for (const Entry& entry : entries) {
    const Index s = Index(sequences.size());
    require<ShapeError>(entry.length <= array.shape[1], meta_file, ": the length of sequence ", s, " must be at most ",
                        array.shape[1], ", the steps in ", file, ", got ", entry.length);
    sequences.push_back(sequence_of(array, s, steps == 0 ? entry.length : std::min(steps, entry.length)));
    check_finite(sequences.back(), s,
                 entry.clip < 0 ? std::string()
                                : text(" (participant ", detail::in_quotes(entry.participant), ", clip ",
                                       names[std::size_t(entry.clip)], ")"),
                 file);
    require<ValueError>(z_score(sequences.back()), file, ": sequence ", s, " must not be constant: its deviation is 0");
    classes.push_back(entry.clip);
    const auto known = std::ranges::find(data.participants, entry.participant);
    data.participant.push_back(known - data.participants.begin());
    if (known == data.participants.end()) data.participants.push_back(entry.participant);
    data.run.push_back(entry.run);
  }
  data.clips = labelled(std::move(sequences), classes, Index(names.size()));
  return data;
}

}  // namespace

Data read_recordings(const std::filesystem::path& data, const std::filesystem::path& meta, Index steps,
                     const std::vector<std::string>& classes) {
  detail::InputFile{data};  // a missing data file is reported first, although it is read last
  const std::string file = data.string(), meta_text = detail::read_text(meta), meta_file = meta.string();
  const auto names = classes.empty() ? classes_in(meta_text, meta_file) : classes;
  const auto entries = MetaReader(meta_text, meta_file, Need::all).read(names, !classes.empty());
  const Tensor array = read_array(data);
  check_shape(array, file, entries.size(), meta_file);
  return recordings(array, file, entries, meta_file, steps, names);
}

Data read_unlabelled(const std::filesystem::path& data, const std::filesystem::path& meta, Index steps,
                     const std::vector<std::string>& classes) {
  detail::InputFile{data};
  const std::string file = data.string(), meta_file = meta.string();
  const std::string meta_text = meta.empty() ? std::string() : detail::read_text(meta);
  std::vector<Entry> entries;
  if (!meta.empty()) entries = MetaReader(meta_text, meta_file, Need::length).read(classes, true);
  const Tensor array = read_array(data);
  check_shape(array, file, meta.empty() ? std::nullopt : std::optional(entries.size()), meta_file);
  if (meta.empty()) entries = entries_of(array, file);
  return recordings(array, file, entries, meta_file, steps, classes);
}

std::vector<std::string> read_names(const std::filesystem::path& file) {
  const std::string text = detail::read_text(file), path = file.string();
  detail::TextLines lines(text, path);
  std::vector<std::string> names;
  for (auto line = lines.next(); line; line = lines.next()) {
    lines.expect(
        std::ranges::find(names, *line) == names.end(), "the name must occur once, got ",
        [&] { return detail::in_quotes(*line); }, " again");
    names.emplace_back(*line);
  }
  require<FileError>(!names.empty(), path, ": must contain at least 1 name, one per line, found none");
  return names;
}

}  // namespace hcp
