#pragma once
// Interface of the models, and the list of kinds.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "unroll/core/types.hpp"
#include "unroll/data/dataset.hpp"
#include "unroll/train/history.hpp"

namespace hcp {

struct ModelOptions {
  std::string kind = "gru";
  unroll::Index units = 32, layers = 1;
};

struct TrainingOptions {
  unroll::Index epochs = 16, batch = 32;
  double rate = 0.006;
  double l2 = 0.001;  // factor of the squared input weights in the loss
  double clip = 1;    // largest norm of the gradient; 0: no limit
  std::uint64_t seed = 1;
};

using Outputs = std::vector<unroll::MatrixX<float>>;  // [clips x steps] for each sequence
using Metadata = std::map<std::string, std::string>;

/// Classifier that scores all clips at every step of a recording.
class Model {
 public:
  virtual ~Model() = default;
  /// Trains from new initial values, which depend on the seed.
  virtual void train(const unroll::Dataset<float>& data, const TrainingOptions& options,
                     const std::function<void(const unroll::Epoch&)>& on_epoch) = 0;
  virtual Outputs predict(const unroll::Dataset<float>& data) const = 0;
  /// True if the model reads a recording to its end before its first output. The length is then an input too and may
  /// reveal the clip.
  virtual bool sees_length() const = 0;
  virtual unroll::Index parameters() const = 0;
  virtual void save(const std::filesystem::path& file, Metadata metadata) const = 0;
  virtual void load(const std::filesystem::path& file) = 0;
};

/// Names accepted by make_model.
const std::vector<std::string>& model_kinds();

/// Untrained model for `regions` input features. Throws ValueError for an unknown kind.
std::unique_ptr<Model> make_model(const ModelOptions& options, unroll::Index regions);

/// Metadata of a file from Model::save: "kind", "units", "depth" (recurrent layers), "regions", "steps", "clips".
/// Throws FileError for other files.
Metadata read_metadata(const std::filesystem::path& file);

}  // namespace hcp
