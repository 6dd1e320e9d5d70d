#include "model_file.hpp"

#ifdef MODEL_HDF5
#include "unroll/io/keras/keras.hpp"
#endif

namespace model_program {

using namespace unroll;

#ifdef MODEL_HDF5

ModelFile open_keras_file(const std::filesystem::path& path, std::optional<Stack<float>> model) {
  if (!model) return {Format::keras, open_keras<float>(path)};
  import_keras(*model, path);
  return {Format::keras, *std::move(model)};
}

void write_keras_file(const ModelFile& model, const std::filesystem::path& path) { write_keras(model.model, path); }

#else

namespace {
constexpr const char* missing = "files of Keras need libhdf5, which was missing when this program was built";
}

ModelFile open_keras_file(const std::filesystem::path&, std::optional<Stack<float>>) { throw ValueError(missing); }
void write_keras_file(const ModelFile&, const std::filesystem::path&) { throw ValueError(missing); }

#endif

}  // namespace model_program
