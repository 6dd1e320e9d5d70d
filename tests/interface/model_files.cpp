// Random tests of model files. Round trips keep all bits; a truncated, damaged or foreign file is refused and leaves
// the model unchanged.

#include <unistd.h>

#include <unroll/io/import/pytorch.hpp>
#include <unroll/io/input_file.hpp>
#include <unroll/io/model_file.hpp>
#include <unroll/layers/dense.hpp>

#include "interface/random_model.hpp"

namespace interface {
namespace {

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / text("unroll_random_interface_", long(::getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

std::vector<std::byte> bytes_of(const std::filesystem::path& path) {
  const std::string content = detail::read_text(path);
  const auto bytes = std::as_bytes(std::span(content));
  return {bytes.begin(), bytes.end()};
}

/// Loads a truncated file, or one with a changed bit.
void damaged_file(Choices& choose, Report& report, const Stack<S>& model, const std::vector<std::byte>& whole) {
  Stack<S> other = model;
  other.initialise(choose.seed() + 1);
  const VectorX<S> before = other.parameters().values();
  std::vector<std::byte> bytes = whole;
  Index numbers = 0;  // bytes of the parameters, after the header
  for (const ParameterBlock& block : model.parameters().table().blocks()) numbers += Index(sizeof(S)) * block.size();
  const Index size = Index(bytes.size());
  const bool cut = choose.coin();
  // Most damage is in the header; any bit pattern is a valid parameter.
  const Index at = choose.below(choose.one_in(5) ? size : std::max<Index>(1, size - numbers));
  if (cut)
    bytes.resize(std::size_t(at));
  else
    bytes[std::size_t(at)] ^= std::byte(1 << choose.below(8));
  const bool read = report.attempt(cut ? "cut model file" : "changed model file",
                                   [&] { from_tensors(other, parse_safetensors(bytes)); });
  const VectorX<S>& after = other.parameters().values();
  if (!read) return report.expect(same_bits(after, before), "a refused model file has changed the model");
  report.expect(!cut, "a cut model file is accepted");
  Index changed = 0;
  for (Index k = 0; k < after.size(); ++k)
    changed += std::memcmp(&after[k], &model.parameters().values()[k], sizeof(S)) != 0;
  report.expect(changed == (at < size - numbers ? 0 : 1), "a changed model file gives another model");
}

void strangers(Choices& choose, Report& report, const Stack<S>& model, const std::filesystem::path& file) {
  Stack<S> stranger(model.features(), {Dense{.units = 11}, Dense{.units = 12}});
  stranger.initialise(choose.seed());
  const VectorX<S> before = stranger.parameters().values();
  report.refused("file of another model", [&] { (void)load(stranger, file); });
  report.expect(same_bits(before, stranger.parameters().values()), "the file of another model has changed the model");
  report.refused("model file that is not there", [&] { (void)load(stranger, file.string() + "x"); });
}

void pytorch(Choices& choose, Report& report, const Stack<S>& model) {
  std::vector<std::string> prefixes;
  model.each_layer([&](const auto& layer, std::size_t k) {
    if (layer.parameters().size() > 0) prefixes.push_back(text(k, "."));
  });
  SafeTensors file;
  if (!report.attempt("export to PyTorch", [&] { file = export_pytorch(model, prefixes); })) return;
  Stack<S> other = model;
  other.initialise(choose.seed() + 1);
  if (!report.attempt("import from PyTorch", [&] { import_pytorch(other, file, prefixes); }))
    return report.fault("what was exported to PyTorch cannot be imported");
  report.expect(same_bits(other.parameters().values(), model.parameters().values()),
                "export to PyTorch and import give other bits");
  if (file.tensors.empty()) return;
  auto one = file.tensors.begin();
  std::advance(one, choose.below(Index(file.tensors.size())));
  if (one->first.ends_with("num_batches_tracked")) return;  // read by a BatchNorm without momentum only
  file.tensors.erase(one);
  other.initialise(choose.seed() + 1);
  const VectorX<S> before = other.parameters().values();
  report.refused("import without one tensor", [&] { import_pytorch(other, file, prefixes); });
  report.expect(same_bits(before, other.parameters().values()), "a refused import has changed the model");
}

}  // namespace

const std::filesystem::path& scratch_folder() {
  static const Folder folder;
  return folder.path;
}

void try_model_file(Choices& choose, Report& report, const RandomModel& made) {
  const Stack<S>& model = *made.model;
  const auto file = scratch_folder() / "model";
  if (!report.attempt("save", [&] { save(model, file, {{"note", "seed " + text(choose.seed())}}); })) return;
  Stack<S> other = model;
  other.initialise(choose.seed() + 1);
  std::map<std::string, std::string> notes;
  if (!report.attempt("load", [&] { notes = load(other, file); })) return report.fault("what was saved is not loaded");
  report.expect(same_bits(other.parameters().values(), model.parameters().values()), "a file has other bits");
  report.expect(notes.at("note") == "seed " + text(choose.seed()), "a file has another note");
  const auto bytes = bytes_of(file);
  for (int k = 0; k < 4; ++k) damaged_file(choose, report, model, bytes);
  strangers(choose, report, model, file);
  pytorch(choose, report, model);
}

}  // namespace interface
