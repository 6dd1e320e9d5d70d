#pragma once
// Description of a model file.

#include <filesystem>
#include <string>

#include "model_file.hpp"

namespace model_program {

/// Format, layers with all options and equations, parameters, details and metadata, as a text or as JSON. A file of the
/// library is not opened as a model, so it may have layers and cells of the user.
std::string description_of(const std::filesystem::path& path, const OpenOptions& options, bool json);

}  // namespace model_program
