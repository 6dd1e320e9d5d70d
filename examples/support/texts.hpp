#pragma once
// Text files and text columns of tables.

#include <filesystem>
#include <string>
#include <vector>

namespace example {

/// Texts of a UTF-8 file. Without `column` the whole file is one text. With the name of a column the file is a table
/// with names in its first line, CSV, or separated by tabs if it ends in .tsv, and each of its other lines has one text;
/// empty fields are left out. Line ends are '\n'. Throws FileError for a missing or empty file, bytes that are not UTF-8,
/// a line with another number of fields than the first, and a column that does not exist once or has no text.
std::vector<std::string> read_texts(const std::filesystem::path& file, const std::string& column);

}  // namespace example
