#pragma once
// Object pool for scratch memory of tasks.

#include <deque>
#include <mutex>
#include <vector>

#include "unroll/core/requirements.hpp"

namespace unroll::detail {

/// Object pool. RAII lease; LIFO for cache locality. Contains at most as many objects as were leased at the same time.
template <class T>
class Lender {
 public:
  /// Exclusive lease of one object; the destructor returns it to the pool.
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

  std::deque<T> all_;  // a deque, for stable addresses
  std::vector<T*> free_;
  std::mutex mutex_;
};

}  // namespace unroll::detail
