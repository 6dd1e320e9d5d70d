#include "files.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

#include "unroll/io/detail/text_lines.hpp"
#include "unroll/io/formats/npz.hpp"

namespace hcp {

using namespace unroll;

namespace {

struct Entry {
  std::string participant;
  Index clip = 0, run = 0, length = 0;
};

std::vector<std::string_view> fields(std::string_view line) {
  std::vector<std::string_view> all;
  for (std::string_view rest = line;;) {
    const bool more = rest.find(',') != rest.npos;
    all.push_back(detail::trimmed(detail::take_until(rest, ',')));
    if (!more) return all;
  }
}

std::optional<Index> whole_number(std::string_view word) {
  Index value = -1;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size() || value < 0) return std::nullopt;
  return value;
}

/// Class of a clip's name or number; -1 if there is none.
Index clip_of(std::string_view word) {
  const auto named = std::ranges::find(clip_names(), word);
  if (named != clip_names().end()) return named - clip_names().begin();
  const auto number = whole_number(word);
  return number && *number < Index(clip_names().size()) ? *number : -1;
}

class MetaReader {
 public:
  explicit MetaReader(const std::string& text, const std::string& file) : lines_(text, file) {}

  std::vector<Entry> read() {
    const auto first = lines_.next();
    lines_.expect(first.has_value(), "expected the column names participant,class,run,length, found nothing");
    header_ = fields(*first);
    for (const char* name : {"participant", "class", "run", "length"}) places_.push_back(place_of(name));
    std::vector<Entry> entries;
    for (auto line = lines_.next(); line; line = lines_.next()) entries.push_back(entry(fields(*line)));
    lines_.expect(!entries.empty(), "expected one line per sequence after the column names, found none");
    return entries;
  }

 private:
  std::size_t place_of(std::string_view name) const {
    const auto found = std::ranges::find(header_, name);
    lines_.expect(found != header_.end(), "the column names must include '", name,
                  "'; expected participant,class,run,length");
    return std::size_t(found - header_.begin());
  }

  Entry entry(const std::vector<std::string_view>& words) {
    lines_.expect(words.size() == header_.size(), "expected ", header_.size(), " fields, found ", words.size());
    const auto number = [&](std::size_t k, std::string_view what) {
      const auto value = whole_number(words[places_[k]]);
      lines_.expect(value.has_value(), what, " must be a whole number, got ",
                    [&] { return detail::in_quotes(words[places_[k]]); });
      return *value;
    };
    const auto clip = words[places_[1]];
    const auto quoted_clip = [&] { return detail::in_quotes(clip); };
    Entry found{std::string(words[places_[0]]), clip_of(clip), number(2, "run"), number(3, "length")};
    lines_.expect(!found.participant.empty(), "the name of the participant must not be empty");
    lines_.expect(found.clip >= 0, "class must be a number from 0 to 14 or the name of a clip, got ", quoted_clip,
                  "; hcp --help lists the names");
    lines_.expect(found.length >= 1, "length must be at least 1, got 0");
    lines_.expect(
        seen_.insert({found.participant, found.clip, found.run}).second, "participant ",
        [&] { return detail::in_quotes(found.participant); }, ", clip ", quoted_clip, ", run ", found.run,
        " must have one line only");
    return found;
  }

  detail::TextLines lines_;
  std::vector<std::string_view> header_;
  std::vector<std::size_t> places_;  // of participant, class, run, length
  std::set<std::tuple<std::string, Index, Index>> seen_;
};

Tensor read_array(const std::filesystem::path& path) {
  if (path.extension() != ".npz") return read_npy(path);
  auto arrays = read_npz(path);
  require<FileError>(!arrays.empty(), path.string(), ": must contain an array, found none");
  const auto found = arrays.size() == 1 ? arrays.begin() : arrays.find("X");
  require<FileError>(found != arrays.end(), path.string(), ": must contain one array or an array X, found ",
                     arrays.size(), " arrays without X");
  return std::move(found->second);
}

void check_shape(const Tensor& array, const std::string& file, std::size_t entries, const std::string& meta) {
  require<ShapeError>(array.shape.size() == 3 && array.shape[2] > 0, file,
                      ": the array must be [sequences x steps x regions], got the shape ",
                      detail::shape_text(array.shape));
  require<ShapeError>(array.shape[0] == Index(entries), file, ": must have ", entries, " sequences, as ", meta,
                      " has lines, got ", array.shape[0]);
}

/// The first `steps` steps of sequence s [regions x steps].
MatrixX<float> sequence_of(const Tensor& array, Index s, Index steps) {
  const std::size_t row = array.bytes.size() / std::size_t(array.shape[0] * array.shape[1]);
  const auto begin = array.bytes.begin() + std::ptrdiff_t(row) * s * array.shape[1];
  const Tensor part{array.dtype, {steps, array.shape[2]}, {begin, begin + std::ptrdiff_t(row) * steps}};
  return matrix<float>(part).transpose();
}

void check_finite(const MatrixX<float>& x, Index s, const Entry& entry, const std::string& file) {
  for (Index t = 0; t < x.cols(); ++t)
    for (Index r = 0; r < x.rows(); ++r)
      require<ValueError>(
          is_finite(x(r, t)), file, ": sequence ", s, " (participant ",
          [&] { return detail::in_quotes(entry.participant); }, ", clip ", clip_names()[std::size_t(entry.clip)],
          "), step ", t, ", region ", r, " must be finite, got ", x(r, t));
}

}  // namespace

Data read_recordings(const std::filesystem::path& data, const std::filesystem::path& meta, Index steps) {
  detail::InputFile{data};  // a missing data file is reported first, although it is read last
  const std::string file = data.string(), meta_text = detail::read_text(meta), meta_file = meta.string();
  const auto entries = MetaReader(meta_text, meta_file).read();
  const Tensor array = read_array(data);
  check_shape(array, file, entries.size(), meta_file);
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> classes, participant;
  std::vector<std::string> names;
  for (const Entry& entry : entries) {
    const Index s = Index(sequences.size());
    require<ShapeError>(entry.length <= array.shape[1], meta_file, ": the length of sequence ", s, " must be at most ",
                        array.shape[1], ", the steps in ", file, ", got ", entry.length);
    sequences.push_back(sequence_of(array, s, steps == 0 ? entry.length : std::min(steps, entry.length)));
    check_finite(sequences.back(), s, entry, file);
    require<ValueError>(z_score(sequences.back()), file, ": sequence ", s, " must not be constant: its deviation is 0");
    classes.push_back(entry.clip);
    const auto known = std::ranges::find(names, entry.participant);
    participant.push_back(known - names.begin());
    if (known == names.end()) names.push_back(entry.participant);
  }
  return {labelled(std::move(sequences), classes), std::move(participant), std::move(names), file};
}

}  // namespace hcp
