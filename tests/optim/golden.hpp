#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <unroll/core/types.hpp>
#include <unroll/io/formats/safetensors.hpp>

#include "support/catch.hpp"

namespace golden {

inline unroll::SafeTensors read(const std::string& name) {
  return unroll::read_safetensors(std::filesystem::path(UNROLL_TEST_DATA) / "golden" / (name + ".safetensors"));
}

/// Names of all cases of a group whose file names begin with `prefix`.
inline std::set<std::string> cases(const std::string& group, const std::string& prefix = "") {
  std::set<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(UNROLL_TEST_DATA) / "golden" / group))
    if (entry.path().stem().string().starts_with(prefix)) names.insert(group + "/" + entry.path().stem().string());
  return names;
}

/// |got - want| <= atol + rtol |want|; NaN equals NaN, infinities must be equal.
inline bool agrees(double got, double want, double rtol, double atol) {
  if (std::isnan(want)) return std::isnan(got);
  return got == want || std::abs(got - want) <= atol + rtol * std::abs(want);
}

/// Tolerances stored in the case.
struct Tolerance {
  double rtol, atol;
  explicit Tolerance(const unroll::SafeTensors& file)
      : rtol(std::stod(file.metadata.at("rtol"))), atol(std::stod(file.metadata.at("atol"))) {}
  Tolerance(double relative, double absolute) : rtol(relative), atol(absolute) {}
};

template <class Got, class Want>
void check_close(const Got& got, const Want& want, Tolerance tolerance) {
  REQUIRE(std::size_t(got.size()) == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    INFO("entry " << i << ": " << double(got[unroll::Index(i)]) << " instead of " << want[i]);
    REQUIRE(agrees(double(got[unroll::Index(i)]), double(want[i]), tolerance.rtol, tolerance.atol));
  }
}

}  // namespace golden
