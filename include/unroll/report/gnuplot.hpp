#pragma once
// Running gnuplot, which is needed only at run time: data and scripts remain where it is missing.

#include <cstdlib>
#include <filesystem>
#include <string>

#include "unroll/core/error.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/report/picture.hpp"

namespace unroll {
namespace detail {

/// Runs NAME.gp inside the folder. Empty when it has drawn, otherwise why not.
inline std::string run_gnuplot(const std::filesystem::path& folder, const std::string& name) {
  if (std::system("command -v gnuplot > /dev/null 2>&1") != 0) return "gnuplot is not installed";
  const std::string log = name + ".log";
  const std::string command = text("cd -- ", shell_quoted(std::filesystem::absolute(folder).string()), " && gnuplot ",
                                   name, ".gp > ", log, " 2>&1");
  if (std::system(command.c_str()) != 0) return text("gnuplot failed, see ", log);
  std::filesystem::remove(folder / log);
  return {};
}

/// A name that is a file name, a word of a shell and an identifier in a page without more ado.
inline void check_name(std::string_view name) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  require<ValueError>(!name.empty() && std::all_of(name.begin(), name.end(), good), "report: the name ",
                      gnuplot_quoted(name), " is not made of a-z, 0-9 and _");
}

}  // namespace detail

inline std::string picture_file(std::string_view name, PictureFormat format) {
  return text(name, format == PictureFormat::svg ? ".svg" : ".png");
}

/// Writes NAME.csv and NAME.gp into the folder and lets gnuplot draw NAME.svg or NAME.png. Empty when it is drawn,
/// otherwise why not. Names consist of a-z, 0-9 and _. Throws ValueError and FileError.
inline std::string draw(const Picture& picture, const std::filesystem::path& folder, const std::string& name,
                        PictureFormat format = PictureFormat::svg) {
  detail::check_name(name);
  write_text(folder / (name + ".csv"), to_csv(picture.numbers));
  write_text(folder / (name + ".gp"), gnuplot_script(picture, name, format));
  std::error_code ignored;  // an old picture would be taken for the new one
  std::filesystem::remove(folder / picture_file(name, format), ignored);
  return detail::run_gnuplot(folder, name);
}

}  // namespace unroll
