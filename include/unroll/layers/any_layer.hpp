#pragma once
// Type-erased layer.

#include <memory>
#include <utility>

#include "unroll/layers/layer.hpp"
#include "unroll/layers/streams/make_stream.hpp"

namespace unroll {

template <class S>
class AnyLayer;

namespace detail {
template <class Given, class S>
concept NotAnyLayer = !std::same_as<Given, AnyLayer<S>>;
}

/// Layer whose type is chosen at run time. Each pass costs one virtual call; the code below the call is the same.
template <class S>
class AnyLayer {
  struct Storage {
    explicit Storage(const void* type_of_own) : type(type_of_own) {}
    virtual ~Storage() = default;
    const void* const type;  // compared at every pass, which is faster than dynamic_cast
  };

 public:
  using Scalar = S;
  /// Created by the first `prepare` of the held layer.
  struct Weights {
    std::unique_ptr<Storage> kept;
  };
  /// Created by the first forward pass.
  struct Tape {
    std::unique_ptr<Storage> kept;
  };

  /// Constructs from the options of a layer, such as `Dense{.units = 4}`, or from a layer.
  template <detail::NotAnyLayer<S> Given>
  AnyLayer(Given layer);  // NOLINT: every layer is one
  AnyLayer(const AnyLayer& other) : layer_(other.layer_->copy()) {}
  AnyLayer(AnyLayer&&) noexcept = default;
  AnyLayer& operator=(AnyLayer other) noexcept {
    layer_ = std::move(other.layer_);
    return *this;
  }
  ~AnyLayer() = default;

  Shape connect(Shape in) { return layer_->connect(in); }
  std::string name() const { return layer_->name(); }
  LayerOptions options() const { return layer_->options(); }
  const ParameterTable& parameters() const { return layer_->parameters(); }
  NamedRows inputs() const { return layer_->inputs(); }
  std::vector<Index> state_rows() const { return layer_->state_rows(); }
  bool causal() const { return layer_->causal(); }
  bool of_last_step() const { return layer_->of_last_step(); }
  bool detaches() const { return layer_->detaches(); }
  Initializers role_initializers() const { return layer_->role_initializers(); }
  std::vector<NamedInitializer> named_initializers() const { return layer_->named_initializers(); }
  Index kept(Index columns, Index batch, Keeping keeping) const { return layer_->kept(columns, batch, keeping); }

  bool columnwise() const { return layer_->columnwise(); }
  Index steps_after(Index steps) const { return layer_->steps_after(steps); }
  void check_input(const ConstView<S>& values) const { layer_->check_input(values); }
  std::uint64_t layers_inside() const { return layer_->layers_inside(); }
  std::span<const Index> touched(const Tape& tape) const { return layer_->touched(tape); }
  std::optional<Index> tied_to() const { return layer_->tied_to(); }
  void tie(const TiedWeight& weight) { layer_->tie(weight); }
  void set_given(S* theta) const { layer_->set_given(theta); }
  Index statistics() const { return layer_->statistics(); }
  void add_statistics(const Tape& tape, double* to) const { layer_->add_statistics(tape, to); }
  void update_statistics(const double* from, S* theta) const { layer_->update_statistics(from, theta); }
  void prepare(const S* theta, Weights& weights) const { layer_->prepare(theta, weights); }
  void prepare_back(const S* theta, Weights& weights) const { layer_->prepare_back(theta, weights); }

  Signal<S> forward(const Weights& weights, const Signal<S>& in, const Pass& pass, const State<S>& initial,
                    Tape& tape) const {
    return layer_->forward(weights, in, pass, initial, tape);
  }
  void final_state(const Signal<S>& in, Tape& tape, State<S>& state) const { layer_->final_state(in, tape, state); }
  void backward(const Weights& weights, const Signal<S>& in, const Pass& pass, ConstView<S> d_out,
                const State<S>& d_final, Tape& tape, S* gradient, View<S> d_in, State<S>* d_initial) const {
    layer_->backward(weights, in, pass, d_out, d_final, tape, gradient, d_in, d_initial);
  }
  std::optional<NonFinite> first_non_finite(const Weights& weights, const Signal<S>& in, Tape& tape) const {
    return layer_->first_non_finite(weights, in, tape);
  }
  /// Stream of the held layer; see detail::MakeStream.
  std::unique_ptr<detail::AnyStream<S>> make_stream(Index features, Index outputs, const S* theta) const {
    return layer_->make_stream(features, outputs, theta);
  }

  /// Held layer. Throws ValueError unless `L` is its type.
  template <class L>
  const L& as() const {
    if constexpr (std::same_as<L, AnyLayer>) {
      return *this;
    } else {
      const auto* held = dynamic_cast<const HeldLayer<L>*>(layer_.get());
      require<ValueError>(held != nullptr, "layer (", name(), "): the type asked for must be the type of the layer");
      return held->layer;
    }
  }
  /// Weights or tape, of type `Own`, of the held layer. Throws ValueError before the first pass.
  template <class Own, class Holder>
  static Own& own(Holder& holder) {
    if constexpr (std::same_as<std::remove_const_t<Holder>, std::remove_const_t<Own>>) {
      return holder;
    } else {
      require<ValueError>(holds<std::remove_const_t<Own>>(holder),
                          "the tape has no forward pass of this layer; call forward(...) with it first");
      return static_cast<StorageOf<std::remove_const_t<Own>>&>(*holder.kept).own;
    }
  }

 private:
  struct LayerInterface {
    virtual ~LayerInterface() = default;
    virtual std::unique_ptr<LayerInterface> copy() const = 0;
    virtual Shape connect(Shape in) = 0;
    virtual std::string name() const = 0;
    virtual LayerOptions options() const = 0;
    virtual const ParameterTable& parameters() const = 0;
    virtual NamedRows inputs() const = 0;
    virtual std::vector<Index> state_rows() const = 0;
    virtual bool causal() const = 0;
    virtual bool of_last_step() const = 0;
    virtual bool detaches() const = 0;
    virtual Initializers role_initializers() const = 0;
    virtual std::vector<NamedInitializer> named_initializers() const = 0;
    virtual Index kept(Index columns, Index batch, Keeping keeping) const = 0;
    virtual bool columnwise() const = 0;
    virtual Index steps_after(Index steps) const = 0;
    virtual void check_input(const ConstView<S>& values) const = 0;
    virtual std::uint64_t layers_inside() const = 0;
    virtual std::span<const Index> touched(const Tape&) const = 0;
    virtual std::optional<Index> tied_to() const = 0;
    virtual void tie(const TiedWeight&) = 0;
    virtual void set_given(S*) const = 0;
    virtual Index statistics() const = 0;
    virtual void add_statistics(const Tape&, double*) const = 0;
    virtual void update_statistics(const double*, S*) const = 0;
    virtual void prepare(const S*, Weights&) const = 0;
    virtual void prepare_back(const S*, Weights&) const = 0;
    virtual Signal<S> forward(const Weights&, const Signal<S>&, const Pass&, const State<S>&, Tape&) const = 0;
    virtual void final_state(const Signal<S>&, Tape&, State<S>&) const = 0;
    virtual void backward(const Weights&, const Signal<S>&, const Pass&, ConstView<S>, const State<S>&, Tape&, S*,
                          View<S>, State<S>*) const = 0;
    virtual std::optional<NonFinite> first_non_finite(const Weights&, const Signal<S>&, Tape&) const = 0;
    virtual std::unique_ptr<detail::AnyStream<S>> make_stream(Index features, Index outputs, const S* theta) const = 0;
  };

  template <class L>
  struct HeldLayer final : LayerInterface {
    explicit HeldLayer(L held) : layer(std::move(held)) {}

    [[gnu::cold]] std::unique_ptr<LayerInterface> copy() const override { return std::make_unique<HeldLayer>(layer); }
    [[gnu::cold]] Shape connect(Shape in) override { return layer.connect(in); }
    [[gnu::cold]] std::string name() const override { return std::string(layer.name()); }
    [[gnu::cold]] LayerOptions options() const override { return layer.options(); }
    const ParameterTable& parameters() const override { return layer.parameters(); }
    [[gnu::cold]] NamedRows inputs() const override { return layer.inputs(); }
    [[gnu::cold]] std::vector<Index> state_rows() const override { return layer.state_rows(); }
    bool causal() const override { return layer.causal(); }
    bool of_last_step() const override { return layer.of_last_step(); }
    bool detaches() const override { return layer.detaches() || layer.state_rows().empty(); }
    [[gnu::cold]] Initializers role_initializers() const override { return layer.role_initializers(); }
    [[gnu::cold]] std::vector<NamedInitializer> named_initializers() const override {
      return layer.named_initializers();
    }
    [[gnu::cold]] Index kept(Index columns, Index batch, Keeping keeping) const override {
      return layer.kept(columns, batch, keeping);
    }

    bool columnwise() const override { return layer.columnwise(); }
    Index steps_after(Index steps) const override { return layer.steps_after(steps); }
    void check_input(const ConstView<S>& values) const override { layer.check_input(values); }
    std::uint64_t layers_inside() const override { return layer.layers_inside(); }
    std::span<const Index> touched(const Tape& tape) const override {
      return layer.touched(AnyLayer::own<typename L::Tape>(tape));
    }
    std::optional<Index> tied_to() const override { return layer.tied_to(); }
    [[gnu::cold]] void tie(const TiedWeight& weight) override { layer.tie(weight); }
    [[gnu::cold]] void set_given(S* theta) const override { layer.set_given(theta); }
    Index statistics() const override { return layer.statistics(); }
    void add_statistics(const Tape& tape, double* to) const override {
      layer.add_statistics(AnyLayer::own<typename L::Tape>(tape), to);
    }
    void update_statistics(const double* from, S* theta) const override { layer.update_statistics(from, theta); }
    void prepare(const S* theta, Weights& weights) const override {
      // Also replaces weights created by another model.
      if (!holds<typename L::Weights>(weights)) weights.kept = std::make_unique<StorageOf<typename L::Weights>>();
      layer.prepare(theta, AnyLayer::own<typename L::Weights>(weights));
    }
    void prepare_back(const S* theta, Weights& weights) const override {
      layer.prepare_back(theta, AnyLayer::own<typename L::Weights>(weights));
    }

    Signal<S> forward(const Weights& weights, const Signal<S>& in, const Pass& pass, const State<S>& initial,
                      Tape& tape) const override {
      if (!holds<typename L::Tape>(tape)) tape.kept = std::make_unique<StorageOf<typename L::Tape>>();
      return layer.forward(AnyLayer::own<typename L::Weights>(weights), in, pass, initial,
                           AnyLayer::own<typename L::Tape>(tape));
    }
    void final_state(const Signal<S>& in, Tape& tape, State<S>& state) const override {
      layer.final_state(in, AnyLayer::own<typename L::Tape>(tape), state);
    }
    void backward(const Weights& weights, const Signal<S>& in, const Pass& pass, ConstView<S> d_out,
                  const State<S>& d_final, Tape& tape, S* gradient, View<S> d_in, State<S>* d_initial) const override {
      layer.backward(AnyLayer::own<typename L::Weights>(weights), in, pass, d_out, d_final,
                     AnyLayer::own<typename L::Tape>(tape), gradient, d_in, d_initial);
    }
    [[gnu::cold]] std::optional<NonFinite> first_non_finite(const Weights& weights, const Signal<S>& in,
                                                            Tape& tape) const override {
      return layer.first_non_finite(AnyLayer::own<typename L::Weights>(weights), in,
                                    AnyLayer::own<typename L::Tape>(tape));
    }
    [[gnu::cold]] std::unique_ptr<detail::AnyStream<S>> make_stream(Index features, Index outputs,
                                                                    const S* theta) const override {
      return detail::MakeStream<L>::of(layer, features, outputs, theta);
    }

    L layer;
  };

  template <class Own>
  struct StorageOf final : Storage {
    StorageOf() : Storage(&type_of<Own>) {}
    Own own = {};
  };
  template <class Own>
  static constexpr char type_of = 0;  // its address
  template <class Own, class Holder>
  static bool holds(const Holder& holder) {
    return holder.kept != nullptr && holder.kept->type == &type_of<Own>;
  }

  std::unique_ptr<LayerInterface> layer_;
};

// Outside of the class, so that a program which links the component `compiled` does not compile the layer again.
template <class S>
template <detail::NotAnyLayer<S> Given>
[[gnu::cold]] AnyLayer<S>::AnyLayer(Given layer)
    : layer_(std::make_unique<HeldLayer<LayerOf<Given, S>>>(LayerOf<Given, S>(std::move(layer)))) {
  static_assert(check_layer<LayerOf<Given, S>>());
}

namespace detail {

template <class S>
struct MakeStream<AnyLayer<S>> {
  static std::unique_ptr<AnyStream<S>> of(const AnyLayer<S>& layer, Index features, Index outputs, const S* theta) {
    return layer.make_stream(features, outputs, theta);
  }
};

}  // namespace detail
}  // namespace unroll
