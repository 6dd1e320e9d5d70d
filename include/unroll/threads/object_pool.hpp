#pragma once
// Object pool for scratch memory of tasks.

#include <mutex>
#include <vector>

#include "unroll/threads/stable_list.hpp"

namespace unroll::detail {

/// Object pool. RAII lease; LIFO for cache locality. Contains at most as many objects as were leased at the same time.
template <class T>
class ObjectPool {
 public:
  /// Exclusive lease of one object; the destructor returns it to the pool.
  class Lease {
   public:
    explicit Lease(ObjectPool& pool) : pool_(pool), object_(pool.take()) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      const std::lock_guard lock(pool_.mutex_);
      pool_.free_.push_back(&object_);
    }
    T& operator*() { return object_; }

   private:
    ObjectPool& pool_;
    T& object_;
  };

  Lease lease() { return Lease(*this); }

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

  StableList<T> all_;
  std::vector<T*> free_;
  std::mutex mutex_;
};

}  // namespace unroll::detail
