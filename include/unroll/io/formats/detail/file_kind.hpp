#pragma once
// Kinds of files by their first bytes.

#include <cstddef>
#include <span>
#include <string_view>

#include "unroll/core/requirements.hpp"

namespace unroll::detail {

enum class FileKind { unknown, pytorch, keras, numpy_archive, zip, hdf5, numpy, onnx, json };

/// Kind of a zip archive by the names of its first members.
inline FileKind kind_of_zip(std::string_view letters) {
  const auto has = [&](std::string_view name) { return letters.find(name) != letters.npos; };
  if (has("/data.pkl") || has("/.format_version") || has("/byteorder")) return FileKind::pytorch;
  if (has("metadata.json") || has("config.json") || has("model.weights.h5")) return FileKind::keras;
  return has(".npy") ? FileKind::numpy_archive : FileKind::zip;
}

/// Whether the text begins as a protobuf of an ONNX model: its version, then another field.
inline bool begins_as_onnx(std::string_view letters) {
  return letters.size() > 2 && letters[0] == 8 && letters[1] > 0 && letters[1] < 16 &&
         std::string_view("\x12\x1a\x22\x2a\x32\x3a\x42").find(letters[2]) != std::string_view::npos;
}

/// Kind of a file that begins with these bytes; 256 identify the kind of a zip archive, 8 all others.
inline FileKind kind_of_file(std::span<const std::byte> beginning) {
  const std::string_view letters(reinterpret_cast<const char*>(beginning.data()), beginning.size());
  if (letters.starts_with("PK\3\4")) return kind_of_zip(letters);
  // The pickle of a magic number, with which torch.save began before PyTorch 1.6.
  if (letters.starts_with(std::string_view("\x80\x02\x8a\x0al\xfc\x9c\x46", 8))) return FileKind::pytorch;
  if (letters.starts_with("\x89HDF\r\n\x1a\n")) return FileKind::hdf5;
  if (letters.starts_with("\x93NUMPY")) return FileKind::numpy;
  if (begins_as_onnx(letters)) return FileKind::onnx;
  const auto first = letters.find_first_not_of(" \t\r\n");
  return first != letters.npos && (letters[first] == '{' || letters[first] == '[') ? FileKind::json : FileKind::unknown;
}

/// The kind and the functions that read it, for messages.
inline std::string_view kind_and_reader(FileKind kind) {
  constexpr std::string_view names[] = {
      "other bytes",
      "a PyTorch file; use import_pytorch or open_pytorch",
      "a Keras file; use import_keras or open_keras",
      "a NumPy archive; use read_npz",
      "a zip archive",
      "an HDF5 file; use import_keras or open_keras for a model of Keras, otherwise Hdf5File",
      "a NumPy file; use read_npy",
      "an ONNX file; use open_onnx",
      "a JSON file; use open_rtneural or open_nam for a model of RTNeural or Neural Amp Modeler"};
  return names[std::size_t(kind)];
}

}  // namespace unroll::detail
