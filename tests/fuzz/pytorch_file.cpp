// Fuzz target: files of torch.save, as a whole and as a pickle alone, whose checksum would refuse most mutations.

#include "unroll/io/formats/pytorch_file.hpp"

#include "fuzz.hpp"
#include "io/pytorch_pickles.hpp"

using namespace unroll;

namespace {

const std::string numbers(64, '\1');

/// File with a pickle and storages of the keys that the seeds have.
std::string file_of(const std::string& pickle) {
  return pickles::archive({{"x/data.pkl", pickle}, {"x/data/0", numbers}, {"x/data/1", numbers}});
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  const auto tensor = [](const std::string& type, std::string_view key, std::int64_t elements) {
    return pickles::tensor(pickles::storage(type, key, elements), 1, {2, 2}, {1, 2});
  };
  const std::string first = tensor("FloatStorage", "0", 16), second = tensor("BFloat16Storage", "1", 32);
  const std::string parameter = pickles::global("torch._utils", "_rebuild_parameter") + "(" + first + "\x88NtR";
  return {"a" + project_file("tests/io/data/pytorch/c.pt"),
          "b" + pickles::pickle(pickles::dictionary({{"a.weight", first}, {"a.bias", second}})),
          "b" + pickles::pickle(pickles::dictionary(
                    {{"epoch", pickles::integer(3)}, {"state_dict", pickles::dictionary({{"w", parameter}})}})),
          "b" + pickles::pickle(pickles::global("collections", "OrderedDict") + ")R" + pickles::text("a") + second +
                                "s" + "}b")};
}

void fuzz::read(const Bytes& input) {
  Bytes rest = input;
  if (take_choice(rest, 2) == 1) rest = file_of(rest);
  accepted([&] { (void)parse_pytorch_file(bytes_of(rest), "x", {.key = "state_dict"}); });
  const SafeTensors content = parse_pytorch_file(bytes_of(rest));
  for (const auto& item : content.tensors) item.second.check_bytes();
  const auto out = path("x.safetensors");
  if (!accepted([&] { write_safetensors(out, content); })) return;
  const SafeTensors again = read_again([&] { return read_safetensors(out); });
  expect(again.tensors.size() == content.tensors.size(), "another number of tensors came back");
  for (const auto& [name, tensor] : content.tensors) {
    const auto same = again.tensors.find(name);
    expect(same != again.tensors.end() && same->second.dtype == tensor.dtype && same->second.shape == tensor.shape &&
               same->second.bytes == tensor.bytes,
           "another tensor came back");
  }
}
