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
#include "unroll/io/model_details.hpp"
#include "unroll/train/history.hpp"

namespace hcp {

struct ModelOptions {
  std::string kind = "gru";
  unroll::Index units = 32, layers = 1;
  double dropout = 0;  // rate after each recurrent layer
};

struct TrainingOptions {
  unroll::Index epochs = 16, batch = 32;
  double rate = 0.006;
  double l2 = 0.001;  // factor of the squared input weights in the loss
  double clip = 1;    // largest norm of the gradient; 0: no limit
  std::string products = "float32";
  unroll::Index patience = 0;  // epochs without a lower validation loss until training stops; 0: never
  std::uint64_t seed = 1;
  int threads = 0;                        // 0: one per core
  std::filesystem::path checkpoint = {};  // empty: none
  double checkpoint_seconds = 20;
  bool quiet = true;  // no progress within epochs
};

/// Result of a training.
struct Training {
  unroll::History history = {};
  unroll::Index best_epoch = 0;  // from 1; 0: none was selected
  bool stopped_early = false;
  double seconds() const;  // of all epochs
};

using Outputs = std::vector<unroll::MatrixX<float>>;  // [classes x steps] for each sequence
using Metadata = std::map<std::string, std::string>;

/// Classifier that scores all classes at every step of a recording.
class Model {
 public:
  virtual ~Model() = default;
  /// Sets initial values, which depend on the seed.
  virtual void initialise(std::uint64_t seed) = 0;
  /// Trains from the present parameters, or continues the run in options.checkpoint. `validation` may be null. Throws
  /// example::Interrupted if a stop is requested.
  virtual Training train(const unroll::Dataset<float>& data, const unroll::Dataset<float>* validation,
                         const TrainingOptions& options, const std::function<void(const unroll::Epoch&)>& on_epoch) = 0;
  virtual Outputs predict(const unroll::Dataset<float>& data) const = 0;
  /// Attention weights for a recording: rows are the steps that are read, columns the outputs. Empty for a model
  /// without attention.
  virtual unroll::MatrixX<double> attention(const unroll::MatrixX<float>&) const { return {}; }
  /// True if the model reads a recording to its end before its first output. The length is then an input too and may
  /// reveal the clip.
  virtual bool sees_length() const = 0;
  virtual unroll::Index parameters() const = 0;
  /// Writes a model file of the library. `classes`: names, stored in `details`.
  virtual void save(const std::filesystem::path& file, unroll::ModelDetails details,
                    const std::vector<std::string>& classes, Metadata metadata) const = 0;
  virtual void load(const std::filesystem::path& file) = 0;
};

/// Names accepted by make_model.
const std::vector<std::string>& model_kinds();

/// Untrained model for `regions` input features. Throws ValueError for an unknown kind.
std::unique_ptr<Model> make_model(const ModelOptions& options, unroll::Index regions, unroll::Index classes);

}  // namespace hcp
