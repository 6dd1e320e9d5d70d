#pragma once
// Cases about files: which ones a reader accepts or refuses, and their contents.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace conformance {

/// Description of the failure; empty if the library treats the file as the entry of the index requires.
std::string complaint_about_file(const std::filesystem::path& path, const nlohmann::json& entry);

}  // namespace conformance
