#include <unroll/threads/object_pool.hpp>

#include "support/catch.hpp"

namespace test_lender {

using namespace unroll;

TEST_CASE("object pool: lends the last returned object first and none twice at a time") {
  detail::ObjectPool<int> pool;
  int *first = nullptr, *second = nullptr;
  {
    auto a = pool.lease();
    first = &*a;
    {
      auto b = pool.lease();
      second = &*b;
      CHECK(second != first);
    }
  }
  auto a = pool.lease();  // `first` was returned after `second`
  CHECK(&*a == first);
  auto b = pool.lease();
  CHECK(&*b == second);
  auto c = pool.lease();
  CHECK((&*c != first && &*c != second));
}

}  // namespace test_lender
