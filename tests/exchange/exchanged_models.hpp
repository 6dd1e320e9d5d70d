#pragma once
// Outputs of models from files, and damaged texts.

#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <unroll/infer/streaming.hpp>
#include <unroll/io/formats/safetensors.hpp>
#include <vector>

#include "support/catch.hpp"

namespace exchanged {

using namespace unroll;

/// Folder of the files. A function, because objects of other sources are initialised with it.
inline std::filesystem::path data_folder() { return std::filesystem::path(UNROLL_TEST_DATA) / "io/data"; }

/// Tensor (steps, 1, features) as [features x steps].
inline MatrixX<float> sequence(const SafeTensors& file, const std::string& name) {
  const Tensor& tensor = file.at(name);
  const auto values = tensor.to<float>();
  return Eigen::Map<const MatrixX<float>>(values.data(), tensor.shape.at(2), tensor.shape.at(0));
}

/// Outputs of a model for one sequence.
template <class Model>
MatrixX<float> outputs(const Model& model, const MatrixX<float>& x, const ModelState<float>& first = {}) {
  typename Model::Tape tape;
  const Timeline timeline = Timeline::rectangular(1, x.cols());
  return model.forward(x, timeline, tape, {}, first);
}

/// Outputs of a model step by step.
template <class Model>
MatrixX<float> streamed(const Model& model, const MatrixX<float>& x, const ModelState<float>& first = {}) {
  const Streaming player(model);
  auto stream = player.stream();
  player.set_state(stream, first);
  MatrixX<float> y(model.outputs(), x.cols());
  const std::span<const float> in(x.data(), std::size_t(x.size()));
  REQUIRE(player.run(in, {y.data(), std::size_t(y.size())}, stream));
  return y;
}

/// Largest difference of two matrices of one shape; infinite for other shapes and NaN.
inline float difference(const MatrixX<float>& a, const MatrixX<float>& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols() || !a.allFinite() || !b.allFinite())
    return std::numeric_limits<float>::infinity();
  return (a - b).cwiseAbs().maxCoeff();
}

/// Calls `read` for all beginnings of a text and for the text with each byte changed. Every text must be read or
/// refused with an Error of at most 1000 letters. Returns the number of texts that were read.
template <class Read>
int damaged(const std::string& text, Read&& read) {
  int accepted = 0;
  const auto check = [&](const std::string& variant) {
    try {
      read(variant);
      ++accepted;
    } catch (const Error& error) {
      if (std::string_view(error.what()).size() > 1000) FAIL("a message of " << std::string_view(error.what()).size());
    }
  };
  for (std::size_t length = 0; length < text.size(); ++length) check(text.substr(0, length));
  std::mt19937 random(20240607);
  const std::string letters = "{}[]\",:-+.0159eEnalt \n\\\xff";
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string variant = text;
    variant[at] = at % 3 == 0 ? static_cast<char>(random()) : letters[random() % letters.size()];
    check(variant);
  }
  return accepted;
}

}  // namespace exchanged
