#pragma once
// Running gnuplot, which is needed only at run time: data and scripts remain where it is missing.

#include <cstdio>
#include <filesystem>
#include <string>

#include "unroll/core/error.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/report/picture.hpp"

namespace unroll {
namespace detail {

struct Ran {
  int status;
  std::string output;
};

/// Runs a command of the shell; -1 where it cannot be started.
inline Ran run_shell(const std::string& command) {
  Ran ran{-1, {}};
  std::FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return ran;
  char some[1 << 14];
  while (const std::size_t count = std::fread(some, 1, sizeof some, pipe)) ran.output.append(some, count);
  ran.status = pclose(pipe);
  return ran;
}

/// Whether these are the bytes of a whole picture: gnuplot ends well where it could not write to the end.
inline bool is_whole(std::string_view picture, PictureFormat format) {
  if (format == PictureFormat::png) return picture.ends_with(std::string_view("\0\0\0\0IEND\xae\x42\x60\x82", 12));
  const std::size_t end = picture.find_last_not_of(" \r\n");
  return end != picture.npos && picture.substr(0, end + 1).ends_with("</svg>");
}

/// Draws NAME.gp inside the folder. Empty when the picture is there, otherwise why not.
inline std::string run_gnuplot(const std::filesystem::path& folder, const std::string& name, PictureFormat format) {
  if (run_shell("command -v gnuplot 2>&1").status != 0) return "gnuplot is not installed";
  // The picture takes its name when all of it is there.
  const std::string command = text("cd -- ", detail::shell_quoted(std::filesystem::absolute(folder).string()),
                                   " && gnuplot -e ", to_standard_output, "=1 ", name, ".gp ");
  const Ran drawn = run_shell(command + "2> /dev/null");
  if (drawn.status == 0 && is_whole(drawn.output, format)) {
    write_text(folder / picture_file(name, format), drawn.output);
    return {};
  }
  const std::string log = name + ".log";
  write_text(folder / log, run_shell(command + "2>&1 > /dev/null").output);
  return text("gnuplot failed, see ", log);
}

/// A name that is a file name, a word of a shell and an identifier in a page without more ado.
inline void check_name(std::string_view name) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  require<ValueError>(!name.empty() && std::all_of(name.begin(), name.end(), good), "report: the name ",
                      detail::gnuplot_quoted(name), " is not made of a-z, 0-9 and _");
}

}  // namespace detail

/// Writes NAME.csv and NAME.gp into the folder and lets gnuplot draw NAME.svg or NAME.png; each is complete or not
/// there. Empty when it is drawn, otherwise why not. Names consist of a-z, 0-9 and _. Throws ValueError and FileError.
inline std::string draw(const Picture& picture, const std::filesystem::path& folder, const std::string& name,
                        PictureFormat format = PictureFormat::svg) {
  detail::check_name(name);
  write_text(folder / (name + ".csv"), to_csv(picture.numbers));
  write_text(folder / (name + ".gp"), gnuplot_script(picture, name, format));
  std::error_code ignored;  // an old picture would be taken for the new one
  std::filesystem::remove(folder / picture_file(name, format), ignored);
  return detail::run_gnuplot(folder, name, format);
}

}  // namespace unroll
