#pragma once
// What every kind of model can do here, and the list of kinds.

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
  double l2 = 0.001;  // times the squares of the weights that read inputs, added to the loss
  double clip = 1;    // largest norm of the gradient; 0: no limit
  std::uint64_t seed = 1;
};

using Outputs = std::vector<unroll::MatrixX<float>>;  // [clips x steps] for each sequence
using Metadata = std::map<std::string, std::string>;

/// Tells at every step of a recording which clip is shown.
class Model {
 public:
  virtual ~Model() = default;
  /// From first values on, which the seed gives.
  virtual void train(const unroll::Dataset<float>& data, const TrainingOptions& options,
                     const std::function<void(const unroll::Epoch&)>& on_epoch) = 0;
  virtual Outputs predict(const unroll::Dataset<float>& data) const = 0;
  /// It reads a recording to its end before it answers: then the length is an input too, and may give the clip away.
  virtual bool sees_length() const = 0;
  virtual unroll::Index parameters() const = 0;
  virtual void save(const std::filesystem::path& file, Metadata metadata) const = 0;
  virtual void load(const std::filesystem::path& file) = 0;
};

/// The kinds of model that make_model knows.
const std::vector<std::string>& model_kinds();

/// For so many regions; not trained yet.
std::unique_ptr<Model> make_model(const ModelOptions& options, unroll::Index regions);

/// What a file of Model::save says about itself: "kind", "units", "depth" (recurrent layers), "regions", "steps",
/// "clips". Throws FileError where it is no such file.
Metadata read_metadata(const std::filesystem::path& file);

}  // namespace hcp
