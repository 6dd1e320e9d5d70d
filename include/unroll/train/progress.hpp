#pragma once

#include <chrono>
#include <cstdio>
#if !defined(_WIN32)
#include <unistd.h>
#endif

#include "unroll/train/history.hpp"

namespace unroll {

/// Kind of progress display.
enum class Progress {
  automatic,  ///< a line that is rewritten, if standard error is a terminal; otherwise no output
  batches,    ///< as automatic, but the line is removed at the end of an epoch: for programs that print epochs
  quiet,
  lines,  ///< one line per epoch, for logs
};

namespace detail {

inline bool is_terminal(std::FILE* stream) {
#if defined(_WIN32)
  return stream == nullptr;
#else
  return isatty(fileno(stream)) != 0;
#endif
}

/// Duration as text: "59 s", "12 min", "3 h 20 min".
inline std::string duration_text(double seconds) {
  const auto whole = static_cast<long>(seconds);
  if (whole < 120) return text(whole, " s");
  if (whole < 2 * 3600) return text(whole / 60, " min");
  return text(whole / 3600, " h ", whole % 3600 / 60, " min");
}

inline std::string short_number(double number) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.4g", number);
  return digits;
}

inline std::string epoch_text(const Epoch& epoch, Index epochs, const LossNames& losses = {}) {
  std::string line = text("epoch ", Index(epoch.epoch), "/", epochs);
  const auto numbers = epoch.numbers();
  for (std::size_t k = 1; k <= 4; ++k)
    if (is_finite(numbers[k])) line += text("  ", Epoch::names[k], " ", short_number(numbers[k]));
  for (std::size_t k = 0; k < losses.size() && k < epoch.losses.size(); ++k) {
    const EpochLoss& one = epoch.losses[k];
    if (is_finite(one.loss)) line += text("  ", losses[k], " ", short_number(one.loss));
    if (is_finite(one.validation_loss)) line += text(" (", short_number(one.validation_loss), ")");
  }
  return line;
}

}  // namespace detail

/// Progress display on a terminal. The remaining time is extrapolated from the epochs of this run.
class ProgressLine {
 public:
  /// `first_epoch`: number of epochs completed before this run, with the completed share of the next one.
  ProgressLine(Progress progress, double first_epoch, Index epochs, std::FILE* stream = stderr)
      : stream_(stream),
        lines_(progress == Progress::lines),
        rewrites_((progress == Progress::automatic || progress == Progress::batches) && detail::is_terminal(stream)),
        removes_(progress == Progress::batches),
        first_(first_epoch),
        epochs_(epochs) {}

  /// Shows the progress of a batch. Rewrites at most ten times a second, because a terminal is slower than a small
  /// batch.
  void batch(Index epoch, Index batch, Index batches, double loss) {
    const double now = seconds();
    if (!rewrites_ || now - shown_ < 0.1) return;
    shown_ = now;
    const double done = double(epoch) - first_ + double(batch + 1) / double(batches);
    const double left = now / done * (double(epochs_) - first_ - done);
    std::fprintf(stream_, "\r\033[Kepoch %ld/%ld  batch %ld/%ld  loss %s  %s left", long(epoch + 1), long(epochs_),
                 long(batch + 1), long(batches), detail::short_number(loss).c_str(),
                 detail::duration_text(left).c_str());
    std::fflush(stream_);
  }

  void epoch(const Epoch& epoch, const LossNames& losses = {}) {
    if (!rewrites_ && !lines_) return;
    if (rewrites_) std::fprintf(stream_, "\r\033[K");
    if (!removes_) std::fprintf(stream_, "%s\n", detail::epoch_text(epoch, epochs_, losses).c_str());
    std::fflush(stream_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

  std::FILE* stream_;
  bool lines_, rewrites_, removes_;
  double first_;
  Index epochs_;
  Clock::time_point begin_ = Clock::now();
  double shown_ = 0;
};

}  // namespace unroll
