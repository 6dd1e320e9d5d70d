#include "model.hpp"

#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/io/model_file.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"
#include "unroll/models/stack.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/parameters/decay_mask.hpp"
#include "unroll/train/fit.hpp"

#include "../support/names.hpp"
#include "attention_model.hpp"
#include "data.hpp"

namespace hcp {

using namespace unroll;

namespace {

/// Recurrent layers, and a dense layer with one score per clip at each step.
template <template <class, int...> class C>
class Recurrence : public Model {
 public:
  Recurrence(const ModelOptions& options, Index regions) : network_(regions, layers(options)) {}

  void train(const Dataset<float>& data, const TrainingOptions& options,
             const std::function<void(const Epoch&)>& on_epoch) override {
    network_.initialise(options.seed);
    // The gradient of l2 w^2 is 2 l2 w.
    Adam<float> adam({.learning_rate = options.rate, .weight_decay = 2 * options.l2});
    adam.set_decay_mask(input_weights());
    fit(network_, SoftmaxCrossEntropy<float>(), adam, data,
        {.epochs = options.epochs,
         .batches = {.size = options.batch},
         .seed = options.seed,
         .clip_norm = options.clip,
         .on_epoch = [&](const Epoch& epoch) { return on_epoch(epoch), true; },
         .progress = Progress::quiet});
  }

  Outputs predict(const Dataset<float>& data) const override { return unroll::predict(network_, data); }
  bool sees_length() const override { return !network_.causal(); }
  Index parameters() const override { return network_.parameters().size(); }
  void save(const std::filesystem::path& file, Metadata metadata) const override {
    unroll::save(network_, file, std::move(metadata));
  }
  void load(const std::filesystem::path& file) override { unroll::load(network_, file); }

 private:
  static std::vector<AnyLayer<float>> layers(const ModelOptions& options) {
    std::vector<AnyLayer<float>> all(std::size_t(options.layers), Recurrent<C>{.units = options.units});
    all.push_back(Dense{.units = Index(clip_names().size())});
    return all;
  }

  /// Decay mask, 1 for input weights of the recurrent layers only.
  VectorX<float> input_weights() const {
    auto mask = decay_mask<float>(network_.parameters().table(), {Role::bias, Role::recurrent_weight, Role::gain});
    const Index dense = network_.parameter_offset(network_.depth() - 1);
    mask.tail(mask.size() - dense).setZero();
    return mask;
  }

  Stack<float> network_;
};

using Make = std::unique_ptr<Model> (*)(const ModelOptions&, Index);

template <class M>
std::unique_ptr<Model> make(const ModelOptions& options, Index regions) {
  return std::make_unique<M>(options, regions);
}

/// Kinds of models. A new kind needs a class and an entry here.
const std::vector<std::pair<std::string, Make>>& kinds() {
  static const std::vector<std::pair<std::string, Make>> all{
      {"gru", make<Recurrence<Gru>>}, {"lstm", make<Recurrence<Lstm>>}, {"attention", make_attention_model}};
  return all;
}

}  // namespace

const std::vector<std::string>& model_kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& kind : kinds()) list.push_back(kind.first);
    return list;
  }();
  return names;
}

std::unique_ptr<Model> make_model(const ModelOptions& options, Index regions) {
  for (const auto& [name, make] : kinds())
    if (name == options.kind) return make(options, regions);
  throw ValueError("model: kind must be " + example::any_of(model_kinds()) + ", got " +
                   unroll::detail::in_quotes(options.kind));
}

Metadata read_metadata(const std::filesystem::path& file) {
  Metadata metadata = read_safetensors(file).metadata;
  for (const char* key : {"kind", "units", "depth", "regions", "steps", "clips"})
    require<FileError>(metadata.contains(key), file.string(), ": must be a model of this program; metadata entry '",
                       key, "' is missing");
  return metadata;
}

}  // namespace hcp
