#pragma once
// Random choices of the tests of the interface, and their report. A seed gives the same choices on every machine.

#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <unroll/core/error.hpp>
#include <unroll/core/random.hpp>
#include <unroll/core/types.hpp>

namespace interface {

using namespace unroll;

using S = float;

class Choices {
 public:
  explicit Choices(std::uint64_t seed) : random_(seed, Purpose::data), seed_(seed) {}

  std::uint64_t seed() const { return seed_; }
  Index below(Index n) { return random_.below(drawn_++, n); }
  bool one_in(Index n) { return below(n) == 0; }
  bool coin() { return one_in(2); }
  double number() { return 2 * random_.uniform(drawn_++) - 1; }  ///< in [-1, 1)

  template <class T>
  T one_of(std::initializer_list<T> values) {
    return *(values.begin() + below(Index(values.size())));
  }

  /// Size of 1 to 5; if `odd`, also 0, negative or beyond the memory of any machine.
  Index size(bool odd = false) {
    if (!odd) return 1 + below(5);
    constexpr Index most = std::numeric_limits<Index>::max();
    return one_of<Index>({0, -1, 1, 2, 3, Index(1) << 31, Index(1) << 40, Index(1) << 62, most, -most - 1, -1000000});
  }
  /// Number in (0.1, 0.9); if `odd`, at or beyond the end of a range, or not finite.
  double real(bool odd = false) {
    if (!odd) return 0.5 + 0.4 * number();
    return one_of<double>({0, -0.0, -1, 1, 0.5, 1e-310, 1e-300, 1e-46, 1e300, 1e38, 3e38, HUGE_VAL, -HUGE_VAL, NAN,
                           1 - 1e-16, 1 - 1e-9, 2});
  }

  template <class T = S>
  MatrixX<T> matrix(Index rows, Index cols) {
    MatrixX<T> numbers(rows, cols);
    for (Index k = 0; k < numbers.size(); ++k) numbers.data()[k] = T(number());
    return numbers;
  }

 private:
  Random random_;
  std::uint64_t seed_, drawn_ = 0;
};

/// Counts of attempts and faults over all seeds.
class Report {
 public:
  std::map<std::string, long> counts;

  /// Sets the description of the current attempt: seed, layers, options.
  void now(const std::string& what) { now_ = what; }
  void also(const std::string& what) { now_ += " " + what; }

  void fault(const std::string& what) {
    if (faults_[what]++ == 0) std::printf("FAULT %s   [%s]\n", what.c_str(), now_.c_str()), std::fflush(stdout);
  }
  void expect(bool good, const std::string& what) {
    if (!good) fault(what);
  }

  /// Runs f and returns whether it succeeds. An unroll::Error is a refusal, whose message must have 12 characters or
  /// more; any other exception is a fault.
  template <class F>
  bool attempt(const char* what, F&& f) {
    try {
      f();
      ++counts[what];
      return true;
    } catch (const Error& error) {
      ++counts[std::string(what) + ", refused"];
      expect(std::strlen(error.what()) >= 12, std::string(what) + ": the message is no sentence: " + error.what());
    } catch (const std::exception& error) {
      fault(std::string(what) + ": throws " + typeid(error).name() + ": " + error.what());
    }
    return false;
  }
  /// Runs f, which must throw an error of the library.
  template <class F>
  void refused(const char* what, F&& f) {
    if (attempt(what, f)) fault(std::string(what) + ": is accepted");
  }

  /// Prints all counts and faults; returns the number of kinds of faults.
  int print() const {
    for (const auto& [what, times] : counts) std::printf("%8ld  %s\n", times, what.c_str());
    for (const auto& [what, times] : faults_) std::printf("%8ld  FAULT %s\n", times, what.c_str());
    return int(faults_.size());
  }

 private:
  std::map<std::string, long> faults_;
  std::string now_;
};

template <class M>
bool same_bits(const M& a, const M& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), sizeof(*a.data()) * std::size_t(a.size())) == 0);
}

void try_model(Choices& choose, Report& report);
void try_pairs(Choices& choose, Report& report);
void try_optimizer(Choices& choose, Report& report);
void try_schedule(Choices& choose, Report& report);
void try_gradients(Choices& choose, Report& report);
void try_words(Choices& choose, Report& report);
void try_arrays(Choices& choose, Report& report);

}  // namespace interface
