#pragma once
// Labelled sequences for the comparison of cells.

#include <cmath>
#include <filesystem>
#include <numbers>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unroll/data/dataset.hpp>
#include <unroll/data/standardizer.hpp>
#include <unroll/io/formats/ts.hpp>
#include <vector>

namespace bench {

using unroll::Dataset, unroll::Index, unroll::MatrixX;

/// Training and test data, standardized by the training data.
struct SplitData {
  Dataset<float> train, test;

  static SplitData of(std::vector<MatrixX<float>> sequences, const std::vector<Index>& labels, Index training,
                      Index classes) {
    const auto part = [&](Index first, Index last) {
      return Dataset<float>::labelled({sequences.begin() + first, sequences.begin() + last},
                                      {labels.begin() + first, labels.begin() + last}, classes);
    };
    SplitData split{part(0, training), part(training, std::ssize(sequences))};
    const unroll::Standardizer<float> standardizer(split.train);
    standardizer.apply(split.train);
    standardizer.apply(split.test);
    return split;
  }
};

/// Images of 8 x 8 grey values and a digit per line, separated by commas: the set "digits" of scikit-learn, of which
/// the last fifth is for tests. A sequence has the rows of an image as steps [8 x 8] or, if `permuted`, its pixels
/// [1 x 64], all in the same random order.
inline SplitData digits(const std::filesystem::path& path, bool permuted) {
  std::vector<MatrixX<float>> images;
  std::vector<Index> labels;
  const auto order = unroll::permutation(64, unroll::Random(1, unroll::Purpose::permute));
  const std::string text = unroll::detail::read_text(path), name = path.string();
  unroll::detail::TextLines lines(text, name);
  while (const auto line = lines.next()) {
    if (line->empty()) continue;
    std::vector<float> numbers;
    std::stringstream fields{std::string(*line)};
    for (std::string field; std::getline(fields, field, ',');) numbers.push_back(std::stof(field));
    if (numbers.size() != 65)
      throw std::invalid_argument(name + ": a line must have 65 numbers, got " + std::to_string(numbers.size()));
    labels.push_back(Index(numbers.back()));
    const Eigen::Map<const MatrixX<float>> image(numbers.data(), 8, 8);
    images.emplace_back(image);
    if (permuted)
      images.back() = MatrixX<float>::NullaryExpr(1, 64, [&](Index, Index t) { return image.data()[order[t]]; });
  }
  return SplitData::of(std::move(images), labels, std::ssize(labels) * 4 / 5, 10);
}

/// Two files in the .ts format.
inline SplitData ts_files(const std::filesystem::path& train, const std::filesystem::path& test) {
  auto data = unroll::read_ts<float>(train);
  auto more = unroll::read_ts<float>(test, {.classes = data.classes});
  const Index training = std::ssize(data.sequences);
  data.sequences.insert(data.sequences.end(), more.sequences.begin(), more.sequences.end());
  data.labels.insert(data.labels.end(), more.labels.begin(), more.labels.end());
  return SplitData::of(std::move(data.sequences), data.labels, training, std::ssize(data.classes));
}

/// Sines of four frequencies and random phases with normal noise [1 x 64], a quarter of them for tests: only the time
/// between values distinguishes the classes. A period has 12 to 28 steps; those of a class differ by up to 6 %.
inline SplitData sines() {
  constexpr Index count = 1600, steps = 64, classes = 4;
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> labels;
  for (Index s = 0; s < count; ++s) {
    const unroll::Random random(2, unroll::Purpose::data, std::uint64_t(s));
    labels.push_back(s % classes);
    const double turn = 2 * std::numbers::pi, period = 28 / std::pow(28.0 / 12, double(s % classes) / (classes - 1)),
                 frequency = (1 + 0.06 * (2 * random.uniform(0) - 1)) / period, phase = random.uniform(1);
    sequences.push_back(MatrixX<float>::NullaryExpr(1, steps, [&](Index, Index t) {
      return float(std::sin(turn * (frequency * double(t) + phase)) + 0.2 * random.normal(std::uint64_t(2 + t)));
    }));
  }
  return SplitData::of(std::move(sequences), labels, count * 3 / 4, classes);
}

/// Windows of 32 characters of a text [characters x 32], one row for each byte of the text, each labelled with the
/// character behind it: 6000 of the first nine tenths for training, 2000 of the rest for tests.
inline SplitData characters(const std::filesystem::path& path) {
  constexpr Index steps = 32, training = 6000, tests = 2000;
  const std::string text = unroll::detail::read_text(path);
  std::vector<Index> number(256, -1);
  Index classes = 0;
  for (const char letter : text)
    if (Index& k = number[std::size_t(static_cast<unsigned char>(letter))]; k < 0) k = classes++;
  const Index split = Index(text.size()) * 9 / 10, rest = Index(text.size()) - split - steps - 1;
  if (rest < tests) throw std::invalid_argument(path.string() + ": the text must have at least 25000 bytes");
  std::vector<MatrixX<float>> windows;
  std::vector<Index> labels;
  const auto class_at = [&](Index k) { return number[std::size_t(static_cast<unsigned char>(text[std::size_t(k)]))]; };
  for (Index w = 0; w < training + tests; ++w) {
    const Index first = w < training ? w * (split - steps - 1) / training : split + (w - training) * rest / tests;
    windows.push_back(MatrixX<float>::Zero(classes, steps));
    for (Index t = 0; t < steps; ++t) windows.back()(class_at(first + t), t) = 1;
    labels.push_back(class_at(first + steps));
  }
  return SplitData::of(std::move(windows), labels, training, classes);
}

/// Data of the command line: `digits FILE.csv`, `pixels FILE.csv`, `text FILE.txt`, `sines` or `ts TRAIN.ts TEST.ts`.
inline SplitData data_of(const std::vector<std::string>& words) {
  if (words.size() == 2 && words[0] == "digits") return digits(words[1], false);
  if (words.size() == 2 && words[0] == "pixels") return digits(words[1], true);
  if (words.size() == 2 && words[0] == "text") return characters(words[1]);
  if (words.size() == 1 && words[0] == "sines") return sines();
  if (words.size() == 3 && words[0] == "ts") return ts_files(words[1], words[2]);
  throw std::invalid_argument(
      "data must be: digits FILE.csv, pixels FILE.csv, text FILE.txt, sines, or ts TRAIN.ts TEST.ts");
}

}  // namespace bench
