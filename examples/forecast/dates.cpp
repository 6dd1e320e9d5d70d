#include "dates.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "../support/format.hpp"

namespace forecast {

using unroll::Index;

namespace {

using Fields = std::array<int, 6>;  // year, month, day, hour, minute, second
using Places = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

constexpr std::string_view letters = "YMDhms";
constexpr const char* patterns[] = {"YMD",       "Y-M-D",     "Y/M/D",       "Y-M",        "YM",
                                    "Y-M-D h:m", "Y-M-DTh:m", "Y-M-D h:m:s", "Y-M-DTh:m:s"};
constexpr std::int64_t day_seconds = 86400;

std::optional<Fields> parsed(std::string_view date, std::string_view pattern) {
  Fields fields{0, 1, 1, 0, 0, 0};
  for (const char letter : pattern) {
    const auto field = letters.find(letter);
    const std::size_t digits = field == letters.npos ? 1 : field == 0 ? 4 : 2;
    if (date.size() < digits) return std::nullopt;
    if (field == letters.npos) {
      if (date.front() != letter) return std::nullopt;
    } else {
      int& number = fields[field];
      const auto [end, error] = std::from_chars(date.data(), date.data() + digits, number);
      if (error != std::errc{} || end != date.data() + digits || number < 0) return std::nullopt;
    }
    date.remove_prefix(digits);
  }
  const auto [year, month, day, hour, minute, second] = fields;
  const std::chrono::year_month_day whole{std::chrono::year(year), std::chrono::month(unsigned(month)),
                                          std::chrono::day(unsigned(day))};
  const bool good = date.empty() && month > 0 && day > 0 && whole.ok() && hour < 24 && minute < 60 && second < 60;
  return good ? std::optional(fields) : std::nullopt;
}

std::string written(const Fields& fields, std::string_view pattern) {
  std::string date;
  for (const char letter : pattern) {
    const auto field = letters.find(letter);
    date +=
        field == letters.npos ? std::string(1, letter) : example::format(field == 0 ? "%04d" : "%02d", fields[field]);
  }
  return date;
}

std::int64_t seconds_of(const Fields& f) {
  const auto day = std::chrono::sys_days(std::chrono::year(f[0]) / f[1] / f[2]).time_since_epoch().count();
  return day_seconds * std::int64_t(day) + 3600 * f[3] + 60 * f[4] + f[5];
}
Fields fields_of(std::int64_t seconds) {
  const std::int64_t days = seconds / day_seconds - (seconds % day_seconds < 0 ? 1 : 0);
  const std::chrono::year_month_day day{std::chrono::sys_days(std::chrono::days(days))};
  const int rest = int(seconds - days * day_seconds);
  return {int(day.year()), int(unsigned(day.month())), int(unsigned(day.day())), rest / 3600, rest / 60 % 60,
          rest % 60};
}

int last_day(const Fields& f) { return int(unsigned((std::chrono::year(f[0]) / f[1] / std::chrono::last).day())); }

/// Distance of all places; none if there are fewer than two or distances differ.
std::optional<std::int64_t> distance(const Places& places) {
  if (places.size() < 2 || places[1] <= places[0]) return std::nullopt;
  for (std::size_t k = 2; k < places.size(); ++k)
    if (places[k] - places[k - 1] != places[1] - places[0]) return std::nullopt;
  return places[1] - places[0];
}

Texts continued(const Places& places, std::int64_t step, Index count,
                const std::function<std::string(std::int64_t)>& write) {
  Texts texts;
  for (Index k = 1; k <= count; ++k) texts.push_back(write(places.back() + k * step));
  return texts;
}

Texts next_months(const std::vector<Fields>& dates, std::string_view pattern, Index count) {
  Places months;
  bool same_day = true, at_end = true;
  for (const Fields& f : dates) {
    months.push_back(12 * f[0] + f[1] - 1);
    for (std::size_t k = 3; k < 6; ++k)
      if (f[k] != dates.front()[k]) return {};
    same_day = same_day && f[2] == dates.front()[2];
    at_end = at_end && f[2] == last_day(f);
  }
  const auto step = distance(months);
  if (!step || (!at_end && (!same_day || dates.front()[2] > 28))) return {};
  return continued(months, *step, count, [&](std::int64_t month) {
    Fields f = dates.back();
    f[0] = int(month / 12), f[1] = int(month % 12) + 1;
    if (at_end && !same_day) f[2] = last_day(f);
    return written(f, pattern);
  });
}

Texts next_of(const Texts& dates, std::string_view pattern, Index count) {
  std::vector<Fields> all;
  Places seconds;
  for (const std::string& date : dates) {
    const auto fields = parsed(date, pattern);
    if (!fields) return {};
    all.push_back(*fields), seconds.push_back(seconds_of(*fields));
  }
  if (Texts next = next_months(all, pattern, count); !next.empty()) return next;
  const auto step = distance(seconds);
  if (!step || pattern.find('D') == pattern.npos) return {};
  return continued(seconds, *step, count, [&](std::int64_t at) { return written(fields_of(at), pattern); });
}

Texts next_numbers(const Texts& dates, Index count) {
  Places numbers;
  for (const std::string& date : dates) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(date.data(), date.data() + date.size(), number);
    constexpr std::int64_t most = std::int64_t(1) << 52;
    if (error != std::errc{} || end != date.data() + date.size() || number > most || number < -most) return {};
    numbers.push_back(number);
  }
  const auto step = distance(numbers);
  if (!step) return {};
  return continued(numbers, *step, count, [](std::int64_t number) { return std::to_string(number); });
}

}  // namespace

Texts next_dates(const Texts& dates, Index count) {
  for (const char* pattern : patterns)
    if (Texts next = next_of(dates, pattern, count); !next.empty()) return next;
  return next_numbers(dates, count);
}

Texts dates_of(const unroll::VectorX<double>& seconds) {
  std::string_view pattern = "Y-M-D";
  for (const double at : seconds)
    if (std::fmod(at, double(day_seconds)) != 0) pattern = "Y-M-D h:m:s";
  Texts dates;
  for (const double at : seconds) dates.push_back(written(fields_of(std::int64_t(std::floor(at))), pattern));
  return dates;
}

}  // namespace forecast
