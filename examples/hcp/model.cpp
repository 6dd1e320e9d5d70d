#include "model.hpp"

#include "../support/names.hpp"
#include "attention_model.hpp"
#include "fitting.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/models/stack.hpp"

namespace hcp {

using namespace unroll;

namespace {

/// Recurrent layers, and a dense layer with one score per class at each step.
template <template <class, int...> class C>
class Recurrence : public Model {
 public:
  Recurrence(const ModelOptions& options, Index regions, Index classes) : network_(regions, layers(options, classes)) {}

  void initialise(std::uint64_t seed) override { network_.initialise(seed); }
  Training train(const Dataset<float>& data, const Dataset<float>* validation, const TrainingOptions& options,
                 const std::function<void(const Epoch&)>& on_epoch) override {
    return fitted(network_, network_.parameter_offset(network_.depth() - 1), data,
                  FitOptions<float>{.validation = validation}, options, on_epoch);
  }
  Outputs predict(const Dataset<float>& data) const override { return unroll::predict(network_, data); }
  bool sees_length() const override { return !network_.causal(); }
  Index parameters() const override { return network_.parameters().size(); }
  void save(const std::filesystem::path& file, ModelDetails details, const std::vector<std::string>& classes,
            Metadata metadata) const override {
    details.outputs = classes;
    unroll::save(network_, file, details, std::move(metadata));
  }
  void load(const std::filesystem::path& file) override { unroll::load(network_, file); }

 private:
  static std::vector<AnyLayer<float>> layers(const ModelOptions& options, Index classes) {
    std::vector<AnyLayer<float>> all;
    for (Index k = 0; k < options.layers; ++k) {
      all.push_back(Recurrent<C>{.units = options.units});
      if (options.dropout > 0) all.push_back(Dropout{.rate = options.dropout});
    }
    all.push_back(Dense{.units = classes});
    return all;
  }

  Stack<float> network_;
};

using Make = std::unique_ptr<Model> (*)(const ModelOptions&, Index, Index);

template <class M>
std::unique_ptr<Model> make(const ModelOptions& options, Index regions, Index classes) {
  return std::make_unique<M>(options, regions, classes);
}

/// Kinds of models. A new kind needs a class and an entry here.
const std::vector<std::pair<std::string, Make>>& kinds() {
  static const std::vector<std::pair<std::string, Make>> all{
      {"gru", make<Recurrence<Gru>>}, {"lstm", make<Recurrence<Lstm>>}, {"attention", make_attention_model}};
  return all;
}

}  // namespace

double Training::seconds() const {
  double sum = 0;
  for (const Epoch& epoch : history) sum += epoch.seconds;
  return sum;
}

const std::vector<std::string>& model_kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& kind : kinds()) list.push_back(kind.first);
    return list;
  }();
  return names;
}

std::unique_ptr<Model> make_model(const ModelOptions& options, Index regions, Index classes) {
  for (const auto& [name, make] : kinds())
    if (name == options.kind) return make(options, regions, classes);
  throw ValueError("model: kind must be " + example::any_of(model_kinds()) + ", got " +
                   unroll::detail::in_quotes(options.kind));
}

}  // namespace hcp
