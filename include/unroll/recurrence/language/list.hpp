#pragma once
// List of values of different types, usable at compile time. std::tuple does more but takes longer to compile, a cost
// of every cell in every program.

#include "unroll/core/requirements.hpp"

namespace unroll::language {

template <class... Items>
struct List;

template <>
struct List<> {
  static constexpr int size = 0;
  template <class F>
  constexpr void each(F&&) const {}
};

template <class First, class... Rest>
struct List<First, Rest...> {
  static constexpr int size = 1 + sizeof...(Rest);
  First first;
  List<Rest...> rest;

  template <int k>
  constexpr const auto& get() const {
    if constexpr (k == 0)
      return first;
    else
      return rest.template get<k - 1>();
  }

  template <class F>
  constexpr void each(F&& f) const {
    f(first);
    rest.each(f);
  }
};

constexpr List<> list() { return {}; }
template <class First, class... Rest>
constexpr List<First, Rest...> list(First first, Rest... rest) {
  return {first, list(rest...)};
}

template <class... B>
constexpr List<B...> join(List<>, List<B...> b) {
  return b;
}
template <class First, class... A, class... B>
constexpr List<First, A..., B...> join(List<First, A...> a, List<B...> b) {
  return {a.first, join(a.rest, b)};
}

}  // namespace unroll::language
