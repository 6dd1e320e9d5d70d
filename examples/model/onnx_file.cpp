#include "model_file.hpp"

#ifdef MODEL_ONNX
#include "unroll/io/onnx/open_onnx.hpp"
#include "unroll/io/onnx/write_onnx.hpp"
#endif

namespace model_program {

using namespace unroll;

#ifdef MODEL_ONNX

ModelFile open_onnx_file(const std::filesystem::path& path) {
  OnnxModel<float> opened = open_onnx<float>(path);
  ModelFile to{Format::onnx, std::move(opened.model)};
  to.details.initial_states = initial_states_of(opened.first);
  return to;
}

void write_onnx_file(const ModelFile& model, const std::filesystem::path& path) {
  write_onnx(model.model, path, model.details.initial_state<float>(1));
}

#else

namespace {
constexpr const char* missing =
    "files of ONNX need libonnx and libprotobuf, which were missing when this program was built";
}

ModelFile open_onnx_file(const std::filesystem::path&) { throw ValueError(missing); }
void write_onnx_file(const ModelFile&, const std::filesystem::path&) { throw ValueError(missing); }

#endif

}  // namespace model_program
