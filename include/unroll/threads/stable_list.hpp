#pragma once
// List of objects that keep their addresses.

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "unroll/core/requirements.hpp"

namespace unroll::detail {

/// List that grows at its end without moving its elements, such as tapes. std::deque takes longer to compile.
template <class T>
class StableList {
 public:
  template <class... Arguments>
  T& emplace_back(Arguments&&... arguments) {
    return *all_.emplace_back(std::make_unique<T>(std::forward<Arguments>(arguments)...));
  }
  std::size_t size() const { return all_.size(); }
  T& operator[](std::size_t k) { return *all_[k]; }
  const T& operator[](std::size_t k) const { return *all_[k]; }
  T& front() { return *all_.front(); }
  const T& front() const { return *all_.front(); }

 private:
  std::vector<std::unique_ptr<T>> all_;
};

}  // namespace unroll::detail
