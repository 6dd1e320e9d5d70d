#pragma once
// Weights of Keras models in HDF5: of Keras 3 (model.weights.h5) and legacy (attributes layer_names, weight_names).

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "unroll/io/detail/zip.hpp"
#include "unroll/io/formats/detail/file_kind.hpp"
#include "unroll/io/formats/hdf5.hpp"
#include "unroll/io/keras/detail/architecture.hpp"

namespace unroll::detail {

/// File of weights.
class KerasWeights {
 public:
  explicit KerasWeights(Hdf5File file) : file_(std::move(file)) {
    for (const char* root : {"layers", "_layer_checkpoint_dependencies", "model_weights", "/"}) {
      legacy_ = file_.has_attribute(root, "layer_names") || file_.has_attribute(root, "layer_names0");
      root_ = text(root, legacy_ && root[0] == '/' ? "" : "/");
      if (legacy_ || (root[0] != '/' && file_.has(root))) return;
    }
    throw FileError(text(file_.path(), ": must be a file of Keras with weights, got another HDF5 file"));
  }

  const std::string& path() const { return file_.path(); }

  /// Weights of all layers of a model, as in KerasFile. If `biases_may_lack`, layers of the file without biases get
  /// use_bias = false. Throws FileError for missing weights, ShapeError for weights of another shape, before memory is
  /// allocated for them.
  SafeTensors read(KerasFile& model, const std::vector<KerasPlace>& places, bool biases_may_lack = false) const {
    SafeTensors tensors;
    tensors.file = path();
    double bytes = 0;
    each_with_shapes(model, [&](KerasLayer& layer, std::size_t k, const std::vector<KerasShape>& in) {
      const Index features = in.front().features;
      if (weights_of(layer, features).empty()) return;
      const std::vector<std::string> found = datasets(layer, places[k]);
      const auto expected =
          biases_may_lack ? fewer_weights(layer, features, found.size()) : weights_of(layer, features);
      require<FileError>(
          found.size() == expected.size(), path(), ": ", [&] { return name_of(layer); }, " must have ", expected.size(),
          " weights, got ", found.size());
      for (std::size_t w = 0; w < found.size(); ++w) {
        check_shape(layer, expected[w], found[w]);
        double numbers = 1;
        for (const Index extent : expected[w].shape) numbers *= double(extent);
        bytes += numbers * double(sizeof(double));
      }
      const double most = std::max(double(1 << 24), 16 * double(file_.bytes()));
      require<FileError>(bytes <= most, path(), ": all weights must have at most ", most, " bytes, got ", bytes);
      for (std::size_t w = 0; w < found.size(); ++w)
        tensors.tensors[text(k, ".", expected[w].name)] = tensor(found[w], expected[w].shape);
    });
    return tensors;
  }

  /// Places of the weights of layers in a file without an architecture, by their order. Throws FileError if the order
  /// is ambiguous or if the file has other layers with weights.
  std::vector<KerasPlace> places(const KerasFile& model) const {
    std::vector<KerasPlace> all;
    std::vector<std::string> left = legacy_ ? legacy_layers() : groups();
    KerasGroups numbers;
    each_with_shapes(model, [&](const KerasLayer& layer, std::size_t, const std::vector<KerasShape>& in) {
      all.push_back({});
      if (weights_of(layer, in.front().features).empty()) return;
      KerasPlace& place = all.back();
      if (legacy_)
        place.layer = left.empty() ? "" : left.front();
      else
        place = next_place(layer, numbers);
      const auto at = std::ranges::find(left, legacy_ ? place.layer : place.group);
      require<FileError>(
          at != left.end(), path(), ": there must be weights of ", [&] { return name_of(layer); }, ", got none");
      left.erase(at);
    });
    require<FileError>(
        left.empty(), path(), ": ", left.size(),
        " layers have no place in the model: ", [&] { return in_quotes(left.front()); },
        left.size() > 1 ? ", ..." : "");
    return all;
  }

 private:
  /// Weights of a layer with or without biases, whichever are as many as were found.
  static std::vector<KerasWeight> fewer_weights(KerasLayer& layer, Index features, std::size_t found) {
    auto expected = weights_of(layer, features);
    if (found >= expected.size() || !layer.options.contains("use_bias")) return expected;
    KerasLayer other = layer;
    other.options["use_bias"] = false;
    const auto without = weights_of(other, features);
    if (without.size() != found) return expected;
    layer = other;
    return without;
  }

  Tensor tensor(const std::string& dataset, const std::vector<Index>& shape) const {
    if (file_.shape(dataset).type == "float32") return Tensor::of(file_.read<float>(dataset), shape);
    return Tensor::of(file_.read<double>(dataset), shape);
  }

  void check_shape(const KerasLayer& layer, const KerasWeight& expected, const std::string& dataset) const {
    const std::vector<Index> sizes = file_.shape(dataset).sizes;
    require<ShapeError>(
        sizes == expected.shape, path(), ": ", [&] { return name_of(layer); }, ": ", expected.name,
        " must have the shape ", [&] { return shape_text(expected.shape); }, ", got ",
        [&] { return shape_text(sizes); });
  }

  std::vector<std::string> datasets(const KerasLayer& layer, const KerasPlace& place) const {
    if (legacy_) return legacy_datasets(place.layer);
    std::vector<std::string> all;
    const std::string group = text(root_, place.group, place.wrapped ? "/layer" : "");
    for (const char* part : parts_of(layer.kind)) {
      const std::string variables = text(group, part, "/vars");
      const std::size_t count = file_.members(variables).size();
      for (std::size_t k = 0; k < count; ++k) all.push_back(text(variables, "/", k));
    }
    return all;
  }
  static std::vector<const char*> parts_of(std::string_view kind) {
    if (is_recurrent(kind)) return {"/cell"};
    if (kind == "Bidirectional") return {"/forward_layer/cell", "/backward_layer/cell"};
    return {""};
  }

  // ---- legacy files

  /// List of texts, which is divided into several attributes if it is long.
  std::vector<std::string> list(const std::string& object, const std::string& name) const {
    if (file_.has_attribute(object, name)) return file_.text_attribute(object, name);
    std::vector<std::string> all;
    for (std::size_t k = 0; file_.has_attribute(object, text(name, k)); ++k)
      for (std::string& one : file_.text_attribute(object, text(name, k))) all.push_back(std::move(one));
    return all;
  }
  std::vector<std::string> legacy_datasets(const std::string& layer) const {
    std::vector<std::string> all;
    for (const std::string& name : list(root_ + layer, "weight_names"))
      if (!name.ends_with("seed_generator_state")) all.push_back(text(root_, layer, "/", name));
    return all;
  }
  std::vector<std::string> legacy_layers() const {
    std::vector<std::string> all;
    for (std::string& name : list(root_ + ".", "layer_names"))
      if (!legacy_datasets(name).empty()) all.push_back(std::move(name));
    return all;
  }

  // ---- files of Keras 3 without an architecture

  bool has_weights(const std::string& group, int depth = 0) const {
    for (const Hdf5Member& member : file_.members(group)) {
      if (member.kind == Hdf5Member::Kind::dataset) return true;
      const bool followed = member.kind == Hdf5Member::Kind::group && member.name != "seed_generator" && depth < 8;
      if (followed && has_weights(text(group, "/", member.name), depth + 1)) return true;
    }
    return false;
  }
  std::vector<std::string> groups() const {
    std::vector<std::string> all;
    for (Hdf5Member& member : file_.members(root_))
      if (member.kind == Hdf5Member::Kind::group && has_weights(root_ + member.name))
        all.push_back(std::move(member.name));
    return all;
  }
  KerasPlace next_place(const KerasLayer& layer, KerasGroups& numbers) const {
    const bool plain = file_.has(root_ + keras_group(layer.kind)), wrapped = file_.has(root_ + "time_distributed");
    const bool may_be_wrapped = layer.kind == "Dense" || layer.kind.ends_with("Normalization");
    require<FileError>(
        !may_be_wrapped || !plain || !wrapped, path(), ": the place of ", [&] { return name_of(layer); },
        " must be clear, got ", [&] { return in_quotes(keras_group(layer.kind)); },
        " and 'time_distributed'; use a .keras file");
    const bool inside = may_be_wrapped && wrapped;
    return {layer.name, numbers.next(inside ? "TimeDistributed" : layer.kind), inside};
  }

  Hdf5File file_;
  std::string root_;  // of the layers, with a slash at the end
  bool legacy_ = false;
};

/// Content of a file before its layers are known.
struct KerasContent {
  std::optional<nlohmann::json> architecture;
  int version;  // major version of Keras
  KerasWeights weights;
};

/// Major version in a text such as "2.15.0".
inline int keras_version(const std::string& version) {
  return version.starts_with("1.") || version.starts_with("2.") ? 2 : 3;
}

inline KerasContent read_keras_zip(const std::filesystem::path& path) {
  const std::string bytes = read_text(path), file = path.string();
  const ZipReader zip(std::as_bytes(std::span(bytes)), file);
  const auto members = zip.members();
  const auto member = [&](std::string_view name, std::uint64_t most, auto&& f) {
    const auto found = std::ranges::find(members, name, &ZipMember::name);
    require<FileError>(found != members.end(), file, ": a .keras file must have the member ", name, ", got none");
    require<FileError>(found->size <= most, file, ": the member ", name, " must have at most ", most, " bytes, got ",
                       found->size);
    return zip.read(*found, f);
  };
  const auto json = [&](std::string_view name) {
    return member(name, std::uint64_t(16) << 20, [&](std::span<const std::byte> content) {  // blanks deflate well
      return parse_json({reinterpret_cast<const char*>(content.data()), content.size()}, text(file, ", ", name));
    });
  };
  nlohmann::json architecture = json("config.json");
  const nlohmann::json metadata = json("metadata.json");
  return {std::move(architecture), keras_version(JsonNode(metadata, file).at("keras_version").word()),
          member("model.weights.h5", std::numeric_limits<std::uint64_t>::max(),
                 [&](std::span<const std::byte> content) { return KerasWeights(Hdf5File(content, file)); })};
}

inline KerasContent read_keras_hdf5(const std::filesystem::path& path) {
  Hdf5File file(path);
  const auto attribute = [&](const std::string& name) -> std::optional<std::string> {
    if (!file.has_attribute("/", name)) return std::nullopt;
    const auto texts = file.text_attribute("/", name);
    require<FileError>(texts.size() == 1, file.path(), ": the attribute ", name, " must be one text, got ",
                       texts.size());
    return texts[0];
  };
  const int version = keras_version(attribute("keras_version").value_or("2."));
  std::optional<nlohmann::json> architecture;
  if (const auto config = attribute("model_config")) {
    architecture = parse_json(*config, file.path());
  }
  return {std::move(architecture), version, KerasWeights(std::move(file))};
}

/// Reads a .keras file or an HDF5 file, which its first bytes identify. Throws FileError for a file of another system.
inline KerasContent read_keras_content(const std::filesystem::path& path) {
  std::array<std::byte, 256> beginning{};
  InputFile file(path);
  const auto first = std::span(beginning).first(std::size_t(std::min<std::uint64_t>(file.size(), beginning.size())));
  file.read(first);
  const FileKind kind = kind_of_file(first);
  if (kind == FileKind::keras || kind == FileKind::zip) return read_keras_zip(path);
  require<FileError>(kind == FileKind::hdf5 || kind == FileKind::unknown, file.name(), ": must be a Keras file, got ",
                     kind_and_reader(kind));
  return read_keras_hdf5(path);
}

}  // namespace unroll::detail
