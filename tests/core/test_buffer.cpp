// Buffer, whose memory grows to the largest batch and is kept.

#include <unroll/core/buffer.hpp>

#include "support/catch.hpp"
#include "support/sanitizers.hpp"

namespace test_buffer {

using namespace unroll;

TEST_CASE("buffer: keeps its memory when it becomes smaller") {
  Buffer<double> buffer;
  CHECK(buffer.rows() == 0);
  buffer.shape(3, 4).setOnes();
  const double* memory = buffer.data();
  CHECK(buffer.zero(2, 5).isZero(0));
  CHECK(buffer.data() == memory);
  CHECK(buffer.capacity() == 12);
  CHECK((buffer.rows() == 2 && buffer.cols() == 5));
  buffer.shape(6, 2);
  CHECK(buffer.data() == memory);
  buffer.shape(5, 5);
  CHECK(buffer.capacity() == 25);
}

TEST_CASE("buffer: capacity covers the shape when it grows by one row") {
  Buffer<float> buffer;
  for (Index rows = 1; rows < 20; ++rows) {
    buffer.shape(rows, 1);
    CHECK(buffer.capacity() >= rows);
  }
}

TEST_CASE("buffer: views share its memory") {
  Buffer<float> buffer;
  buffer.zero(2, 3);
  *buffer.strided().at(1, 2) = 7;
  *buffer.strided().from_column(1).at(0, 0) = 5;
  CHECK(std::as_const(buffer).view()(1, 2) == 7);
  CHECK(buffer.view().col(1)[0] == 5);
  CHECK(std::as_const(buffer).strided().view(2, 3).sum() == 12);
}

TEST_CASE("buffer: an empty shape has a non-null data pointer") {
  Buffer<double> buffer;
  CHECK(buffer.shape(0, 5).cols() == 5);
  CHECK(buffer.zero(3, 0).rows() == 3);
  CHECK(buffer.zero(3, 0).data() != nullptr);  // only absent values have a null pointer
}

TEST_CASE("buffer: refuses a shape beyond any memory and keeps the previous one") {
  Buffer<float> buffer;
  buffer.shape(2, 3).setOnes();
  CHECK_THROWS_MATCHES(buffer.shape(Index(1) << 32, Index(1) << 32), ShapeError, says("memory of a pass"));
  CHECK_THROWS_AS(buffer.shape(Index(1) << 31, Index(1) << 30), ShapeError);
  CHECK((buffer.rows() == 2 && buffer.cols() == 3));
  CHECK(buffer.view().isOnes());
}

#if !UNROLL_ADDRESS_SANITIZER && !UNROLL_THREAD_SANITIZER  // they abort on large allocations
TEST_CASE("buffer: accepts a new shape after a failed allocation") {
  Buffer<double> buffer;
  buffer.shape(4, 4).setOnes();
  try {
    buffer.shape(Index(1) << 18, Index(1) << 18);  // 512 GiB, which some systems grant
  } catch (const ShapeError&) {
    CHECK(buffer.rows() * buffer.cols() == 0);
  }
  buffer.shape(2, 3).setConstant(7);
  CHECK((buffer.view().array() == 7).all());
}
#endif

}  // namespace test_buffer
