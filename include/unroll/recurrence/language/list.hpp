#pragma once
// List of values of different types, usable at compile time. std::tuple does more but takes longer to compile, a cost
// of every cell in every program. All items are direct bases, so a list is one type, not one for each of its ends.

#include <utility>

#include "unroll/core/requirements.hpp"

namespace unroll::language {

namespace parts {
template <int k, class Item>
struct ListItem {
  Item item;
};
template <int k, class Item>
constexpr const Item& item_of(const ListItem<k, Item>& base) {
  return base.item;
}

template <class Numbers, class... Items>
struct ListItems;
template <int... k, class... Items>
struct ListItems<std::integer_sequence<int, k...>, Items...> : ListItem<k, Items>... {
  /// Calls f(item) in order.
  template <class F>
  constexpr void each(F&& f) const {
    (f(ListItem<k, Items>::item), ...);
  }
};
}  // namespace parts

template <class... Items>
struct List : parts::ListItems<std::make_integer_sequence<int, int(sizeof...(Items))>, Items...> {
  static constexpr int size = sizeof...(Items);

  template <int k>
  constexpr const auto& get() const {
    return parts::item_of<k>(*this);
  }
};

template <class... Items>
constexpr List<Items...> list(Items... items) {
  return {{{items}...}};
}

namespace parts {
template <int... k, class... A, int... l, class... B>
constexpr List<A..., B...> joined(const ListItems<std::integer_sequence<int, k...>, A...>& a,
                                  const ListItems<std::integer_sequence<int, l...>, B...>& b) {
  return {{{item_of<k>(a)}..., {item_of<l>(b)}...}};
}
}  // namespace parts

/// All items of the lists in order.
constexpr List<> join() { return {}; }
template <class... Items>
constexpr List<Items...> join(List<Items...> only) {
  return only;
}
template <class First, class Second, class... Rest>
constexpr auto join(First first, Second second, Rest... rest) {
  return join(parts::joined(first, second), rest...);
}

}  // namespace unroll::language
