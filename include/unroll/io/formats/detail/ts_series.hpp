#pragma once
// Series of a .ts file: a line of channels, with or without time stamps.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/finite.hpp"
#include "unroll/io/formats/detail/ts_header.hpp"
#include "unroll/io/formats/missing_values.hpp"

namespace unroll::detail {

/// A value, or NaN for a missing value. `place` is its name in messages, or returns it. Throws FileError for a missing
/// value if `missing` is refuse.
template <class Scalar, class F>
Scalar parse_ts_value(std::string_view word, MissingValues missing, F&& place, const TextLines& lines) {
  if (const auto value = parse_number<Scalar>(word)) return *value;
  const bool absent = word == "?" || lower_case(word) == "nan";
  lines.expect(absent, place, " must be a finite number, got ", [&] { return in_quotes(word); });
  lines.expect(missing != MissingValues::refuse, place, " is missing; set the option missing");
  return std::numeric_limits<Scalar>::quiet_NaN();
}

/// Series [channels x steps], and the time stamp of each step if the file has them.
template <class Scalar>
struct TsSeries {
  MatrixX<Scalar> values;
  VectorX<double> stamps = {};
};

/// Removes the steps with missing values. Throws FileError if no step remains.
template <class Scalar>
void drop_missing_steps(TsSeries<Scalar>& series, const TextLines& lines) {
  Index kept = 0;
  for (Index step = 0; step < series.values.cols(); ++step) {
    const Scalar* const values = &series.values(0, step);
    if (std::any_of(values, values + series.values.rows(), is_nan<Scalar>)) continue;
    series.values.col(kept) = series.values.col(step);
    if (series.stamps.size() > 0) series.stamps[kept] = series.stamps[step];
    ++kept;
  }
  lines.expect(kept > 0, "at least 1 step of the series must have all values, got 0");
  series.values.conservativeResize(Eigen::NoChange, kept);
  if (series.stamps.size() > 0) series.stamps.conservativeResize(kept);
}

/// Checks the sizes of a series before memory is allocated for it. `values`: of all channels together.
inline void check_ts_sizes(Index channels, Index steps, Index values, TsHeader& header, const TextLines& lines) {
  if (header.channels == 0) header.channels = channels;
  lines.expect(channels == header.channels, "the series must have ", header.channels,
               " channels, as the header or the first series, got ", channels);
  lines.expect(steps > 0, "the series must have at least 1 step, got 0");
  if (header.equal_length && header.steps == 0) header.steps = steps;
  lines.expect(header.steps == 0 || steps == header.steps, "the series must have ", header.steps,
               " steps, as every series of this file, got ", steps);
  // A short line may have a long channel and many short ones.
  constexpr Index always = 1'000'000, per_value = 4;
  lines.expect(channels <= std::max(always, per_value * values) / steps, "the channels must have similar lengths, got ",
               values, " values in ", channels, " channels of up to ", steps);
}

/// Series without time stamps. A channel that is shorter than the longest one lacks its last values.
template <class Scalar>
TsSeries<Scalar> parse_plain_series(std::string_view line, MissingValues missing, TsHeader& header,
                                    const TextLines& lines) {
  const auto length_of = [](std::string_view channel) {
    return trimmed(channel).empty() ? 0 : 1 + static_cast<Index>(std::ranges::count(channel, ','));
  };
  const Index channels = 1 + static_cast<Index>(std::ranges::count(line, ':'));
  Index steps = 0, values = 0;
  std::string_view rest = line;
  for (Index c = 0; c < channels; ++c) {
    const Index length = length_of(take_until(rest, ':'));
    steps = std::max(steps, length), values += length;
  }
  check_ts_sizes(channels, steps, values, header, lines);
  TsSeries<Scalar> series{MatrixX<Scalar>::Constant(channels, steps, std::numeric_limits<Scalar>::quiet_NaN())};
  rest = line;
  for (Index c = 0; c < channels; ++c) {
    std::string_view channel = take_until(rest, ':');
    const Index length = length_of(channel);
    lines.expect(length == steps || missing != MissingValues::refuse, "channel ", c + 1, " must have ", steps,
                 " values, as the longest channel, got ", length,
                 "; write ? for missing values, or set the option missing if the last ones are missing");
    for (Index t = 0; t < length; ++t)
      series.values(c, t) = parse_ts_value<Scalar>(
          trimmed(take_until(channel, ',')), missing, [&] { return text("channel ", c + 1, ", value ", t + 1); },
          lines);
  }
  return series;
}

/// Kind of the time stamps of a file.
enum class TsStamps { none, numbers, dates };

/// Seconds since the beginning of 1970 of a date such as 2015-01-31, 2015-01-31 10:00 or 2015-01-31T10:00:00.5, without
/// time zone or leap seconds.
inline std::optional<double> parse_date(std::string_view letters) {
  bool good = true;
  const auto digits = [&](std::size_t count) {
    int value = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const char c = k < letters.size() ? letters[k] : ' ';
      good = good && c >= '0' && c <= '9';
      value = 10 * value + (good ? c - '0' : 0);
    }
    letters.remove_prefix(std::min(count, letters.size()));
    return value;
  };
  const auto take = [&](std::string_view any) {
    const bool found = !letters.empty() && any.find(letters[0]) != any.npos;
    if (found) letters.remove_prefix(1);
    return found;
  };
  const int year = digits(4);
  good = good && take("-");
  const auto month = static_cast<unsigned>(digits(2));
  good = good && take("-");
  const auto day = static_cast<unsigned>(digits(2));
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  double seconds = 0;
  if (good && take(" T")) {
    const int hours = digits(2);
    good = good && take(":");
    const int minutes = digits(2);
    good = good && hours < 24 && minutes < 60;
    seconds = 3600 * hours + 60 * minutes;
    if (good && take(":")) {
      const int whole = digits(2);
      good = good && whole < 60;
      seconds += whole;
      if (good && letters.starts_with('.')) {
        const auto fraction = parse_number<double>(letters);
        good = fraction.has_value() && letters.find_first_not_of(".0123456789") == letters.npos;
        seconds += fraction.value_or(0);
        letters = {};
      }
    }
  }
  if (!good || !letters.empty() || !date.ok()) return std::nullopt;
  return 86400.0 * double(std::chrono::sys_days(date).time_since_epoch().count()) + seconds;
}

/// Value with its time stamp.
template <class Scalar>
struct TsStamped {
  double stamp;
  Scalar value;
};

/// Removes the first channel and the ':' after it from `line`; `more` becomes whether there was one. The ':' of dates
/// are within parentheses.
inline std::string_view take_stamped_channel(std::string_view& line, bool& more) {
  bool inside = false;
  const auto end = std::ranges::find_if(line, [&](char c) {
    if (c == '(' || c == ')') inside = c == '(';
    return c == ':' && !inside;
  });
  const std::string_view channel = line.substr(0, std::size_t(end - line.begin()));
  more = channel.size() < line.size();
  line.remove_prefix(channel.size() + more);
  return channel;
}

/// Values of a channel "(stamp,value),...", whose stamps increase. `kind` becomes that of the first stamp of the file.
template <class Scalar>
std::vector<TsStamped<Scalar>> parse_stamped_channel(std::string_view channel, Index number, MissingValues missing,
                                                     TsStamps& kind, const TextLines& lines) {
  std::vector<TsStamped<Scalar>> values;
  values.reserve(std::size_t(std::ranges::count(channel, ')')));
  for (channel = trimmed(channel); !channel.empty();) {
    const auto place = [&] { return text("channel ", number, ", value ", values.size() + 1); };
    const auto end = channel.find(')');
    lines.expect(channel.starts_with('(') && end != channel.npos, place, " must be (time stamp,value), got ",
                 [&] { return in_quotes(channel.substr(0, 40)); });
    const std::string_view both = channel.substr(1, end - 1);
    const auto comma = both.rfind(',');
    lines.expect(comma != both.npos, place, " must be (time stamp,value), got ", [&] { return in_quotes(both); });
    const std::string_view stamp = trimmed(both.substr(0, comma));
    const auto as_number = parse_number<double>(stamp), as_date = as_number ? std::nullopt : parse_date(stamp);
    lines.expect(as_number || as_date, place, " must have a number or a date such as 2015-01-31 10:00:00, got ",
                 [&] { return in_quotes(stamp); });
    const TsStamps found = as_number ? TsStamps::numbers : TsStamps::dates;
    if (kind == TsStamps::none) kind = found;
    lines.expect(found == kind, place, " must have ", kind == TsStamps::dates ? "a date" : "a number",
                 ", as the stamps before, got ", [&] { return in_quotes(stamp); });
    const double when = as_number ? *as_number : *as_date;
    lines.expect(values.empty() || when > values.back().stamp, place, " must have a later time stamp, got ",
                 [&] { return in_quotes(stamp); });
    values.push_back({when, parse_ts_value<Scalar>(trimmed(both.substr(comma + 1)), missing, place, lines)});
    channel = trimmed(channel.substr(end + 1));
    const bool more = channel.starts_with(',');
    if (more) channel = trimmed(channel.substr(1));
    lines.expect(more == !channel.empty(), place, " must be followed by ',' and another value, or by nothing");
  }
  return values;
}

/// Time stamps of all channels, in order.
template <class Scalar>
std::vector<double> stamps_of(const std::vector<std::vector<TsStamped<Scalar>>>& channels) {
  const auto equals_first = [&](const auto& channel) {
    return std::ranges::equal(channel, channels[0], {}, &TsStamped<Scalar>::stamp, &TsStamped<Scalar>::stamp);
  };
  const bool same = std::ranges::all_of(channels, equals_first);
  std::vector<double> stamps;
  for (std::size_t c = 0; c < (same ? 1 : channels.size()); ++c)
    for (const auto& one : channels[c]) stamps.push_back(one.stamp);
  std::ranges::sort(stamps);
  stamps.erase(std::unique(stamps.begin(), stamps.end()), stamps.end());
  return stamps;
}

/// Series with time stamps. Its steps are the stamps of all channels; a channel without one of them lacks the value.
template <class Scalar>
TsSeries<Scalar> parse_stamped_series(std::string_view line, MissingValues missing, TsStamps& kind, TsHeader& header,
                                      const TextLines& lines) {
  std::vector<std::vector<TsStamped<Scalar>>> channels;
  Index values = 0;
  for (bool more = true; more;) {
    const std::string_view channel = take_stamped_channel(line, more);
    channels.push_back(parse_stamped_channel<Scalar>(channel, Index(channels.size()) + 1, missing, kind, lines));
    values += Index(channels.back().size());
    lines.expect(Index(channels.size()) <= 100'000 + values, "the channels must have values, got ", channels.size(),
                 " channels with ", values);
  }
  const std::vector<double> stamps = stamps_of(channels);
  check_ts_sizes(Index(channels.size()), Index(stamps.size()), values, header, lines);
  TsSeries<Scalar> series{
      MatrixX<Scalar>::Constant(Index(channels.size()), Index(stamps.size()), std::numeric_limits<Scalar>::quiet_NaN()),
      Eigen::Map<const VectorX<double>>(stamps.data(), Index(stamps.size()))};
  for (std::size_t c = 0; c < channels.size(); ++c) {
    lines.expect(channels[c].size() == stamps.size() || missing != MissingValues::refuse, "channel ", c + 1,
                 " must have a value at each of the ", stamps.size(), " time stamps of the series, got ",
                 channels[c].size(), "; set the option missing");
    std::size_t t = 0;
    for (const auto& [stamp, value] : channels[c]) {
      while (stamps[t] < stamp) ++t;
      series.values(Index(c), Index(t)) = value;
    }
  }
  return series;
}

}  // namespace unroll::detail
