#include "model_file.hpp"

#include <array>

#include "../support/names.hpp"
#include "registry.hpp"
#include "unroll/io/formats/detail/file_kind.hpp"
#include "unroll/io/formats/pytorch_writer.hpp"
#include "unroll/io/header_file.hpp"
#include "unroll/io/import/nam.hpp"
#include "unroll/io/import/pytorch_open.hpp"
#include "unroll/io/import/rtneural.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/io/open_model.hpp"

namespace model_program {

using namespace unroll;

namespace {

struct FormatNames {
  const char *word, *name, *extensions;
};
constexpr std::array<FormatNames, 7> formats{{{"unroll", "unroll", ".safetensors"},
                                              {"pytorch", "PyTorch", ".pt .pth"},
                                              {"keras", "Keras", ".keras"},
                                              {"onnx", "ONNX", ".onnx"},
                                              {"rtneural", "RTNeural", ".json"},
                                              {"nam", "Neural Amp Modeler", ".nam"},
                                              {"header", "C++ header", ".hpp .h"}}};

/// First bytes of a file.
std::string beginning(const std::filesystem::path& path, std::size_t count) {
  detail::InputFile file(path);
  std::string bytes(std::size_t(std::min<std::uint64_t>(file.size(), count)), '\0');
  file.read(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

/// Stack of the layers in a description: JSON of `model show --json`, or a model file. The sizes of a description are
/// compared with those of the weights before memory is allocated for the model.
Stack<float> stack_of(const std::filesystem::path& path, const SafeTensors& weights) {
  SafeTensors file;
  file.file = path.string();
  const std::string begin = beginning(path, 256);
  const bool is_json = detail::kind_of_file(std::as_bytes(std::span(begin))) == detail::FileKind::json;
  detail::DescriptionJson json_file;
  if (is_json) json_file = detail::parse_json<detail::DescriptionJson>(detail::read_text(path), path.string());
  if (is_json && json_file.is_object() && json_file.contains("model")) {
    const bool nested = json_file["model"].is_object();
    file.metadata = {{"unroll", std::string(model_file_version)},
                     {"model", (nested ? json_file["model"] : json_file).dump()}};
  } else if (format_of_file(path) == Format::unroll) {
    file.metadata = read_safetensors(path).metadata;
  } else {
    return open_model_file(path).model;
  }
  const auto json = detail::stored_description(file, "chain", "a program that defines the cell of its decoder");
  file.tensors = weights.tensors;
  return detail::from_file(file, [&] { return detail::stored_chain(json, file, registry()); });
}

ModelFile open_unroll(const std::filesystem::path& path) {
  auto opened = open_model<float>(path, registry());
  ModelFile to{Format::unroll, std::move(opened.model), {}, opened.metadata};
  to.details = details_of(to.model, opened.metadata, path.string());
  to.metadata.erase("details");
  return to;
}

/// Result of `open`; the errors of weights whose layers are not known name the option.
template <class Open>
ModelFile with_advice(Open&& open) try {
  return open();
} catch (const FileError& error) {
  const std::string message = error.what();
  const auto has = [&](const char* words) { return message.find(words) != message.npos; };
  if (!has("use import_") && !has("construct the model")) throw;
  throw FileError(message + "; in this program, --architecture gives the layers");
}

ModelFile open_pytorch_file(const std::filesystem::path& path, const OpenOptions& options) {
  const SafeTensors tensors =
      options.key.empty() ? read_pytorch_file(path) : read_pytorch_file(path, {.key = options.key});
  const PyTorchImport import{.ignore = options.ignore};
  if (options.architecture.empty())
    return with_advice([&] { return ModelFile{Format::pytorch, open_pytorch<float>(tensors, import)}; });
  ModelFile to{Format::pytorch, stack_of(options.architecture, tensors)};
  import_pytorch(to.model, tensors, {}, import);
  return to;
}

ModelFile open_nam_file(const std::filesystem::path& path) {
  NamModel<float> opened = open_nam<float>(path);
  ModelFile to{Format::nam, std::move(opened.model)};
  to.details.sample_rate = opened.options.sample_rate;
  to.details.initial_states = initial_states_of(opened.first);
  to.metadata["nam"] = opened.options.metadata;
  return to;
}

ModelFile open_rtneural_file(const std::filesystem::path& path, const OpenOptions& options) {
  const RtneuralFile file = read_rtneural(path);
  if (options.architecture.empty())
    return with_advice([&] { return ModelFile{Format::rtneural, open_rtneural<float>(file)}; });
  ModelFile to{Format::rtneural, stack_of(options.architecture, file.tensors)};
  import_rtneural(to.model, file);
  return to;
}

/// Parts of a file that the format does not have.
std::vector<std::string> parts_left_out(const ModelFile& from, Format format) {
  const bool has_states = format == Format::nam || format == Format::onnx, is_nam = format == Format::nam;
  const ModelDetails& details = from.details;
  require<ValueError>(
      has_states || details.initial_states.empty(),
      "the model must have no initial states, which the format does not have; its outputs would differ");
  std::vector<std::string> out;
  if (details.mean.size() > 0)
    out.push_back("standardization of the inputs: inputs of the written model must be standardized");
  auto rest = detail::json_of(details);
  for (const char* known : {"mean", "deviation", "initial_states"}) rest.erase(known);
  if (is_nam) rest.erase("sample_rate");
  for (const auto& item : rest.items()) out.push_back(item.key());
  for (const auto& item : from.metadata)
    if (item.first != "nam" || !is_nam) out.push_back("metadata '" + item.first + "'");
  return out;
}

void write_nam_file(const ModelFile& from, const std::filesystem::path& path) {
  NamOptions options;
  options.sample_rate = from.details.sample_rate;
  if (const auto metadata = from.metadata.find("nam"); metadata != from.metadata.end())
    options.metadata = metadata->second;
  write_nam(from.model, path, from.details.initial_state<float>(1), options);
}

/// Prefix of each layer in the order of torch.nn.Sequential.
std::vector<std::string> prefixes_of(const Stack<float>& model) {
  std::vector<std::string> prefixes;
  model.each_layer([&](const auto& layer, std::size_t k) {
    if (detail::has_tensors(layer)) prefixes.push_back(text(k, "."));
  });
  return prefixes;
}

/// Whether open_pytorch gives the layers of the model, except dropout.
bool gives_layers(const SafeTensors& weights, const Stack<float>& model) try {
  const auto layers_of = [](const Stack<float>& of) {
    std::vector<nlohmann::ordered_json> all;
    of.each_layer([&](const auto& layer, std::size_t) {
      if (const auto options = layer.options(); detail::word_of(options, "layer") != "dropout")
        all.push_back(detail::json_of(options));
    });
    return all;
  };
  return layers_of(open_pytorch<float>(weights)) == layers_of(model);
} catch (const Error&) {
  return false;
}

}  // namespace

void check_options(const OpenOptions& options, Format format) {
  const bool takes_layers = format == Format::pytorch || format == Format::rtneural || format == Format::keras;
  require<ValueError>(options.architecture.empty() || takes_layers, "--architecture cannot be combined with a file of ",
                      name_of(format), ", which has the layers");
  require<ValueError>((options.ignore.empty() && options.key.empty()) || format == Format::pytorch,
                      options.ignore.empty() ? "--key" : "--ignore", " needs a file of PyTorch, got one of ",
                      name_of(format));
}

std::vector<std::vector<VectorX<double>>> initial_states_of(const ModelState<float>& states) {
  std::vector<std::vector<VectorX<double>>> to(states.size());
  for (std::size_t k = 0; k < states.size(); ++k)
    for (const MatrixX<float>& state : states[k]) to[k].push_back(state.col(0).cast<double>());
  return to;
}

std::string name_of(Format format) { return formats[std::size_t(format)].name; }

const std::vector<std::string>& format_words() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> all;
    for (const FormatNames& format : formats) all.emplace_back(format.word);
    return all;
  }();
  return words;
}

Format format_of_file(const std::filesystem::path& path) {
  const std::string begin = beginning(path, 256);
  switch (detail::kind_of_file(std::as_bytes(std::span(begin)))) {
    case detail::FileKind::pytorch:
    case detail::FileKind::zip:
      return Format::pytorch;
    case detail::FileKind::keras:
    case detail::FileKind::hdf5:
      return Format::keras;
    case detail::FileKind::onnx:
      return Format::onnx;
    case detail::FileKind::json: {
      const auto json = detail::parse_json<nlohmann::json>(detail::read_text(path), path.string());
      return json.contains("architecture") ? Format::nam : Format::rtneural;
    }
    default:
      break;
  }
  return read_safetensors(path).metadata.contains("unroll") ? Format::unroll : Format::pytorch;
}

Format format_of_extension(const std::filesystem::path& path) {
  const std::string extension = path.extension().string() + " ";
  if (extension.size() > 1)
    for (std::size_t k = 0; k < formats.size(); ++k)
      if ((std::string(formats[k].extensions) + " ").find(extension) != std::string::npos) return Format(k);
  std::string all;
  for (const FormatNames& format : formats) all += text(all.empty() ? "" : ", ", format.extensions);
  throw FileError(text(path.string(), ": the extension must be one of ", all, ", or --format must be given"));
}

ModelFile open_model_file(const std::filesystem::path& path, const OpenOptions& options) {
  const Format format = format_of_file(path);
  check_options(options, format);
  if (format == Format::unroll) return open_unroll(path);
  if (format == Format::pytorch) return open_pytorch_file(path, options);
  if (format == Format::nam) return open_nam_file(path);
  if (format == Format::rtneural) return open_rtneural_file(path, options);
  if (format == Format::onnx) return open_onnx_file(path);
  if (options.architecture.empty()) return with_advice([&] { return open_keras_file(path, std::nullopt); });
  SafeTensors size;  // of the weights, which may take the file's bytes at most
  size.tensors["bytes"].shape = {Index(std::filesystem::file_size(path))};
  return open_keras_file(path, stack_of(options.architecture, size));
}

std::vector<std::string> write_model_file(const ModelFile& from, const std::filesystem::path& path, Format format) {
  if (format == Format::unroll) {
    save(from.model, path, from.details, from.metadata);
    return {};
  }
  auto left_out = parts_left_out(from, format);
  switch (format) {
    case Format::pytorch: {
      const SafeTensors weights = export_pytorch(from.model, prefixes_of(from.model));
      if (!gives_layers(weights, from.model))
        left_out.push_back("layers without weights and options of layers: to open the file, use --architecture");
      path.extension() == ".safetensors" ? write_safetensors(path, weights) : write_pytorch_file(path, weights);
      break;
    }
    case Format::keras:
      write_keras_file(from, path);
      break;
    case Format::onnx:
      write_onnx_file(from, path);
      break;
    case Format::rtneural:
      write_rtneural(from.model, path);
      break;
    case Format::nam:
      write_nam_file(from, path);
      break;
    default:
      write_header(from.model, path);
  }
  return left_out;
}

std::string architecture_of(const ModelFile& model) {
  return detail::description_text(detail::model_description(model.model));
}

}  // namespace model_program
