#include <unroll/threads/lender.hpp>

#include "support/catch.hpp"

namespace test_lender {

using namespace unroll;

TEST_CASE("lender: what was returned last is lent first, and nothing is lent twice at the same time") {
  detail::Lender<int> lender;
  int *first = nullptr, *second = nullptr;
  {
    auto a = lender.borrow();
    first = &*a;
    {
      auto b = lender.borrow();
      second = &*b;
      CHECK(second != first);
    }
  }
  auto a = lender.borrow();  // `first` was returned after `second`
  CHECK(&*a == first);
  auto b = lender.borrow();
  CHECK(&*b == second);
  auto c = lender.borrow();
  CHECK((&*c != first && &*c != second));
}

}  // namespace test_lender
