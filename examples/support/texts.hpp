#pragma once
// Text files and text columns of tables.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace example {

/// Texts of a UTF-8 file. Without `column` the whole file is one text. With the name of a column the file is a table
/// with names in its first line, CSV, or separated by tabs if it ends in .tsv, and each of its other lines has one
/// text; empty fields are left out. Line ends are '\n'. Throws FileError for a missing or empty file, bytes that are
/// not UTF-8, a line with another number of fields than the first, and a column that does not exist once or has no
/// text.
std::vector<std::string> read_texts(const std::filesystem::path& file, const std::string& column);

/// Whether a field of a table is a text: neither a number nor a missing value.
bool is_text(std::string_view field);

/// Names of the column with the numbers of the lines in files of pandas.
inline const std::vector<std::string> index_names{"", "Unnamed: 0"};

}  // namespace example
