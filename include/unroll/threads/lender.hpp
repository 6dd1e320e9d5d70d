#pragma once
// Memory that threads borrow for a task.

#include <deque>
#include <mutex>
#include <vector>

#include "unroll/core/requirements.hpp"

namespace unroll::detail {

/// Hands out things that one thread at a time may use, the last returned first: a task finds the memory of the task
/// before it in its caches. There are never more of them than were lent at the same time.
template <class T>
class Lender {
 public:
  /// Belongs to whoever holds the loan, for as long as it lives.
  class Loan {
   public:
    explicit Loan(Lender& lender) : lender_(lender), lent_(lender.take()) {}
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() {
      const std::lock_guard lock(lender_.mutex_);
      lender_.free_.push_back(&lent_);
    }
    T& operator*() { return lent_; }

   private:
    Lender& lender_;
    T& lent_;
  };

  Loan borrow() { return Loan(*this); }

 private:
  T& take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      free_.reserve(all_.size() + 1);
      free_.push_back(&all_.emplace_back());
    }
    T& taken = *free_.back();
    free_.pop_back();
    return taken;
  }

  std::deque<T> all_;  // they stay where they are
  std::vector<T*> free_;
  std::mutex mutex_;
};

}  // namespace unroll::detail
