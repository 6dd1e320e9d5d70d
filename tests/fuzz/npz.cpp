// Fuzz target: .npz files, zip archives of .npy files.

#include "unroll/io/formats/npz.hpp"

#include "fuzz.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  std::vector<Bytes> all;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(UNROLL_TEST_DATA) / "golden/npy"))
    if (entry.path().extension() == ".npz" && entry.file_size() < 8192) all.push_back(detail::read_text(entry.path()));
  write_npz(path("seed.npz"),
            {{"a", Tensor::of(std::vector<float>{1, 2}, {2})}, {"b", Tensor::of(std::vector<int>{3}, {})}});
  all.push_back(detail::read_text(path("seed.npz")));
  return all;
}

void fuzz::read(const Bytes& input) {
  accepted([&] { (void)parse_npz(bytes_of(input), "x", "a"); });
  const auto arrays = parse_npz(bytes_of(input));
  const auto out = path("x.npz");
  if (!accepted([&] { write_npz(out, arrays); })) return;
  const auto again = read_again([&] { return read_npz(out); });
  expect(again.size() == arrays.size(), "another number of arrays came back");
  for (const auto& [name, array] : arrays) {
    const auto same = again.find(name);
    expect(same != again.end() && same->second.dtype == array.dtype && same->second.shape == array.shape &&
               same->second.bytes == array.bytes,
           "another array came back");
  }
}
