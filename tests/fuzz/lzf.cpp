// Fuzz target: LZF, the compression of h5py.

#include "unroll/io/detail/lzf.hpp"

#include "fuzz.hpp"

std::vector<fuzz::Bytes> fuzz::seeds() {
  return {Bytes("c\x02"
                "abc\x20\x02",
                7),
          Bytes("f\x00x\xe0\xff\x00", 6)};
}

void fuzz::read(const Bytes& input) {
  Bytes packed = input;
  std::vector<std::byte> bytes(std::size_t(3) << take_choice(packed, 12));
  const auto written = unroll::detail::unpack_lzf(bytes_of(packed), bytes);
  expect(!written || *written <= bytes.size(), "more than fits was unpacked");
}
