#pragma once
// Cases about files themselves: what a reader must accept or refuse, and what it must find in them.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace conformance {

/// Empty where the library does with the file what the entry of the index asks for.
std::string complaint_about_file(const std::filesystem::path& path, const nlohmann::json& entry);

}  // namespace conformance
