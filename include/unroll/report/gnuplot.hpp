#pragma once
// Drawing with gnuplot, which is needed only at run time; without it, data and scripts are still written.

#include <cstdio>
#include <filesystem>
#include <string>

#include "unroll/core/error.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/report/picture.hpp"

namespace unroll {
namespace detail {

struct ShellResult {
  int status;
  std::string output;
};

/// Runs a shell command; status -1 if it cannot be started.
inline ShellResult run_shell(const std::string& command) {
  ShellResult result{-1, {}};
  std::FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return result;
  char some[1 << 14];
  while (const std::size_t count = std::fread(some, 1, sizeof some, pipe)) result.output.append(some, count);
  result.status = pclose(pipe);
  return result;
}

/// Whether the picture is complete: gnuplot reports success even if it could not write everything.
inline bool is_whole(std::string_view picture, PictureFormat format) {
  if (format == PictureFormat::png) return picture.ends_with(std::string_view("\0\0\0\0IEND\xae\x42\x60\x82", 12));
  const std::size_t end = picture.find_last_not_of(" \r\n");
  return end != picture.npos && picture.substr(0, end + 1).ends_with("</svg>");
}

/// Draws NAME.gp in the folder. Returns an empty string on success, otherwise the reason for the failure.
inline std::string run_gnuplot(const std::filesystem::path& folder, const std::string& name, PictureFormat format) {
  if (run_shell("command -v gnuplot 2>&1").status != 0) return "gnuplot is not installed";
  const std::string command = text("cd -- ", detail::shell_quoted(std::filesystem::absolute(folder).string()),
                                   " && gnuplot -e ", to_standard_output, "=1 ", name, ".gp ");
  const ShellResult drawn = run_shell(command + "2> /dev/null");
  if (drawn.status == 0 && is_whole(drawn.output, format)) {
    write_text(folder / picture_file(name, format), drawn.output);
    return {};
  }
  const std::string log = name + ".log";
  write_text(folder / log, run_shell(command + "2>&1 > /dev/null").output);
  return text("gnuplot failed, see ", log);
}

/// Throws ValueError unless the name is safe as a file name, a shell word and an HTML identifier.
inline void check_name(std::string_view name) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  require<ValueError>(!name.empty() && std::all_of(name.begin(), name.end(), good),
                      "report: a name must consist of a-z, 0-9 and _, got ", detail::gnuplot_quoted(name));
}

}  // namespace detail

/// Writes NAME.csv and NAME.gp into the folder and draws NAME.svg or NAME.png with gnuplot, each atomically. Returns an
/// empty string if the picture was drawn, otherwise the reason. Names consist of a-z, 0-9 and _. Throws ValueError and
/// FileError.
inline std::string draw(const Picture& picture, const std::filesystem::path& folder, const std::string& name,
                        PictureFormat format = PictureFormat::svg) {
  detail::check_name(name);
  write_text(folder / (name + ".csv"), to_csv(picture.numbers));
  write_text(folder / (name + ".gp"), gnuplot_script(picture, name, format));
  std::error_code ignored;  // an old picture could be mistaken for the new one
  std::filesystem::remove(folder / picture_file(name, format), ignored);
  return detail::run_gnuplot(folder, name, format);
}

}  // namespace unroll
