#include "checkpoint.hpp"

#include <nlohmann/json.hpp>

#include "unroll/io/formats/safetensors.hpp"
#include "unroll/io/json.hpp"
#include "unroll/text/word_vector_files.hpp"

namespace word2vec {

using namespace unroll;

namespace {

/// Numbers of an epoch in the tensor "history".
constexpr Index row_size = 5;

std::vector<double> rows_of(const Training& history) {
  std::vector<double> rows;
  for (std::size_t k = 0; k < history.epochs.size(); ++k) {
    const WordEpoch& epoch = history.epochs[k];
    for (const double number :
         {double(epoch.epoch), epoch.loss, double(epoch.words), double(epoch.predictions), history.seconds[k]})
      rows.push_back(number);
  }
  return rows;
}

Training history_of(const SafeTensors& file) {
  Training history;
  const Tensor& tensor = file.at("history");
  require<FileError>(tensor.dtype == DType::F64 && tensor.shape.size() == 2 && tensor.shape[1] == row_size, file.file,
                     ": 'history' must have ", row_size, " columns");
  const auto rows = tensor.to<double>();
  for (std::size_t k = 0; k < rows.size(); k += std::size_t(row_size)) {
    history.epochs.push_back({Index(rows[k]), rows[k + 1], Index(rows[k + 2]), Index(rows[k + 3])});
    history.seconds.push_back(rows[k + 4]);
  }
  return history;
}

/// Columns of a tensor [words, dimension].
MatrixX<float> table_in(const SafeTensors& file, const std::string& name, Index words) {
  const Tensor& tensor = file.at(name);
  require<FileError>(tensor.dtype == DType::F32 && tensor.shape.size() == 2 && tensor.shape[0] == words, file.file,
                     ": '", name, "' must have a row for each of ", words, " words");
  const auto numbers = tensor.to<float>();
  return Eigen::Map<const MatrixX<float>>(numbers.data(), tensor.shape[1], words);
}

std::vector<std::string> words_in(const SafeTensors& file) {
  const auto found = file.metadata.find("words");
  require<FileError>(found != file.metadata.end(), file.file,
                     ": must be a checkpoint of word2vec; its words are missing");
  const auto json = unroll::detail::parse_json<nlohmann::json>(found->second, file.file);
  require<FileError>(
      json.is_array() && std::all_of(json.begin(), json.end(), [](auto& word) { return word.is_string(); }), file.file,
      ": the words must be a list of strings");
  return json.get<std::vector<std::string>>();
}

/// [words, dimension], by word.
Tensor tensor_of(const MatrixX<float>& table) {
  return Tensor::of(std::span<const float>(table.data(), std::size_t(table.size())), {table.cols(), table.rows()});
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const RunState& state) {
  const WordTrainingState<float>& training = state.training;
  SafeTensors file;
  file.metadata["words"] = nlohmann::json(state.words).dump();
  file.tensors["in"] = tensor_of(training.tables.in);
  file.tensors["out"] = tensor_of(training.tables.out);
  file.tensors["losses"] = Tensor::of(training.losses, {Index(training.losses.size())});
  const std::vector<std::int64_t> counts{training.epochs, training.sentences, training.predictions};
  file.tensors["counts"] = Tensor::of(counts, {3});
  file.tensors["seconds"] = Tensor::of(std::vector<double>{state.seconds}, {1});
  const auto rows = rows_of(state.history);
  file.tensors["history"] = Tensor::of(rows, {Index(rows.size()) / row_size, row_size});
  write_safetensors(path, file);
}

RunState read_checkpoint(const std::filesystem::path& path) {
  const SafeTensors file = read_safetensors(path);
  RunState state{.words = words_in(file), .training = {}, .history = history_of(file)};
  const Index words = Index(state.words.size());
  auto& training = state.training;
  training.tables = {table_in(file, "in", words), table_in(file, "out", words)};
  const auto counts = file.at("counts").to<std::int64_t>();
  const auto seconds = file.at("seconds").to<double>();
  require<FileError>(counts.size() == 3 && seconds.size() == 1, file.file, ": must be a checkpoint of word2vec");
  training.epochs = counts[0], training.sentences = counts[1], training.predictions = counts[2];
  training.losses = file.at("losses").to<double>();
  state.seconds = seconds[0];
  return state;
}

Loaded read_vectors(const std::filesystem::path& path) {
  if (path.extension() == ".safetensors") {
    RunState state = read_checkpoint(path);
    return {std::move(state.words), std::move(state.training.tables)};
  }
  const WordVectors vectors = read_word_vectors(path);
  return {vectors.words(), {vectors.vectors(), {}}};
}

}  // namespace word2vec
