// Fuzz target: deflated data without an archive. The first byte selects the declared size.

#include "unroll/io/detail/inflate.hpp"

#include "fuzz.hpp"
#include "unroll/io/detail/zip.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  std::vector<Bytes> all{"b" + Bytes("\x01\x03\x00\xfc\xff"
                                     "abc",
                                     8),
                         Bytes("e\x4b\x4c\x4a\x04\x51\x00", 7)};
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(UNROLL_TEST_DATA) / "golden/npy")) {
    if (entry.path().extension() != ".npz") continue;
    const Bytes archive = detail::read_text(entry.path());
    accepted([&] {  // some archives are broken
      for (const detail::ZipMember& member : detail::ZipReader(bytes_of(archive), "seed").members())
        if (member.method == 8 && member.packed < 4096)
          all.push_back(
              "z" + archive.substr(std::size_t(member.offset) + 30 + member.name.size(), std::size_t(member.packed)));
    });
  }
  return all;
}

void fuzz::read(const Bytes& input) {
  Bytes deflated = input;
  const std::size_t size = std::size_t(3) << take_choice(deflated, 18);
  const auto bytes = detail::inflate(bytes_of(deflated), size, "deflated");
  expect(bytes.size() == size, "another size than announced");
}
