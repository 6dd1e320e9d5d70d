// Fuzz target: safetensors. Accepted files are written and read again.

#include "unroll/io/formats/safetensors.hpp"

#include "fuzz.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  std::vector<Bytes> all;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(UNROLL_TEST_DATA) / "golden/safetensors"))
    if (entry.path().extension() == ".safetensors" && entry.file_size() < 4096)
      all.push_back(detail::read_text(entry.path()));
  return all;
}

namespace {

/// Input with a valid header length in front, if it is a JSON header only. Mutations rarely get the length right, so
/// this lets them reach the JSON.
fuzz::Bytes with_length(const fuzz::Bytes& input) {
  const auto end = input.find('\n');
  if (!input.starts_with('{') || end == input.npos) return input;
  const std::uint64_t length = end;
  return fuzz::Bytes(reinterpret_cast<const char*>(&length), 8) + input.substr(0, end) + input.substr(end + 1);
}

}  // namespace

void fuzz::read(const Bytes& input) {
  const Bytes whole = with_length(input);
  const SafeTensors content = parse_safetensors(bytes_of(whole));
  for (const auto& [name, tensor] : content.tensors) {
    accepted([&, &one = tensor] { (void)one.to<double>(); });
    accepted([&, &one = tensor] { (void)one.to<std::int32_t>(); });
    accepted([&, &one = tensor] { (void)matrix<float>(one); });
  }
  const auto out = path("x.safetensors");
  if (!accepted([&] { write_safetensors(out, content); })) found("what was read cannot be written");
  const SafeTensors again = read_again([&] { return read_safetensors(out); });
  expect(again.metadata == content.metadata && again.tensors.size() == content.tensors.size(),
         "other metadata came back");
  for (const auto& [name, tensor] : content.tensors) {
    const Tensor& same = again.at(name);
    expect(same.dtype == tensor.dtype && same.shape == tensor.shape && same.bytes == tensor.bytes,
           "another tensor came back");
  }
}
