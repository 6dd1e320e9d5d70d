// Fuzz target: .npy files of any element type, byte order and layout.

#include "unroll/io/formats/npy.hpp"

#include "fuzz.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  std::vector<Bytes> all;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(UNROLL_TEST_DATA) / "golden/npy"))
    if (entry.path().extension() == ".npy" && entry.file_size() < 4096) all.push_back(detail::read_text(entry.path()));
  // Arrays of texts.
  for (const char* descr : {"<U2", ">U2", "|S8"}) {
    const std::string header = std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': (1,), }\n";
    all.push_back(std::string("\x93NUMPY\1\0", 8) + char(header.size()) + '\0' + header +
                  std::string("a\0\0\0\0\0\0b", 8));
  }
  return all;
}

void fuzz::read(const Bytes& input) {
  accepted([&] {
    for (const std::string& text : parse_npy_texts(bytes_of(input))) require_utf8(text, "a text");
  });
  const Tensor tensor = parse_npy(bytes_of(input));
  tensor.check_bytes();
  accepted([&] { (void)tensor.to<float>(); });
  const auto out = path("x.npy");
  if (!accepted([&] { write_npy(out, tensor); })) return;
  const Tensor again = read_again([&] { return read_npy(out); });
  expect(again.dtype == tensor.dtype && again.shape == tensor.shape && again.bytes == tensor.bytes,
         "another array came back");
}
