#pragma once
// Model files of all formats.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "unroll/io/model_details.hpp"
#include "unroll/models/stack.hpp"

namespace model_program {

using unroll::Index;

enum class Format { unroll, pytorch, keras, onnx, rtneural, nam, header };

/// Name for users: "Keras".
std::string name_of(Format format);
/// Words of the option --format, in the order of Format.
const std::vector<std::string>& format_words();

/// Format of an existing file, by its content. Throws FileError for another file.
Format format_of_file(const std::filesystem::path& path);
/// Format of a file to be written, by its extension. Throws FileError for an unknown one.
Format format_of_extension(const std::filesystem::path& path);

/// States of single sequences as details of a model.
std::vector<std::vector<unroll::VectorX<double>>> initial_states_of(const unroll::ModelState<float>& states);

struct ModelFile {
  Format format;
  unroll::Stack<float> model;
  unroll::ModelDetails details = {};
  std::map<std::string, std::string> metadata = {};  ///< other entries of a file of the library
};

struct OpenOptions {
  std::string architecture = {};         ///< file with the layers, for weights without them
  std::vector<std::string> ignore = {};  ///< tensors of PyTorch that are not used
  std::string key = {};                  ///< of the state_dict in a file of PyTorch with several
};

/// Throws ValueError for an option that a file of this format does not use.
void check_options(const OpenOptions& options, Format format);

/// Opens a model with its weights. Throws Error for a file that is damaged or has layers that the library does not
/// have, and for weights without layers if `architecture` is empty.
ModelFile open_model_file(const std::filesystem::path& path, const OpenOptions& options = {});

/// Writes a model. Returns one sentence for each part that the format does not have and that does not change outputs.
/// Throws ValueError for a model that the format cannot express.
std::vector<std::string> write_model_file(const ModelFile& model, const std::filesystem::path& path, Format format);

/// Description of the layers as JSON, for --architecture.
std::string architecture_of(const ModelFile& model);

// The formats of optional components; in a program without them they throw ValueError.

/// Model of a file of Keras. `model`: the layers, if the file has only weights.
ModelFile open_keras_file(const std::filesystem::path& path, std::optional<unroll::Stack<float>> model);
void write_keras_file(const ModelFile& model, const std::filesystem::path& path);
ModelFile open_onnx_file(const std::filesystem::path& path);
void write_onnx_file(const ModelFile& model, const std::filesystem::path& path);

}  // namespace model_program
