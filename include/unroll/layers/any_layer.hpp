#pragma once
// A layer whose type is chosen while the program runs.

#include <memory>
#include <utility>

#include "unroll/layers/layer.hpp"

namespace unroll {

/// Holds any layer and is one itself. Each pass costs one virtual call; what runs below is the same code.
template <class S>
class AnyLayer {
  struct Kept {
    virtual ~Kept() = default;
  };

 public:
  using Scalar = S;
  /// Made by the first pass forward, by the layer that runs.
  struct Tape {
    std::unique_ptr<Kept> kept;
  };

  template <class L>
  requires(!std::same_as<L, AnyLayer>) AnyLayer(L layer)  // NOLINT: every layer is one
      : holder_(std::make_unique<Holding<L>>(std::move(layer))) {
    static_assert(check_layer<L>());
    static_assert(std::same_as<S, typename L::Scalar>, "unroll: all layers of a model have the same Scalar");
  }
  AnyLayer(const AnyLayer& other) : holder_(other.holder_->copy()) {}
  AnyLayer(AnyLayer&&) noexcept = default;
  AnyLayer& operator=(AnyLayer other) noexcept {
    holder_ = std::move(other.holder_);
    return *this;
  }
  ~AnyLayer() = default;

  Shape connect(Shape in) { return holder_->connect(in); }
  std::string name() const { return holder_->name(); }
  const ParameterTable& parameters() const { return holder_->parameters(); }
  std::vector<Index> state_rows() const { return holder_->state_rows(); }
  bool causal() const { return holder_->causal(); }
  Start start() const { return holder_->start(); }
  std::vector<NamedStart> named_starts() const { return holder_->named_starts(); }
  Index kept(Index columns, Index batch) const { return holder_->kept(columns, batch); }

  Signal<S> forward(const S* theta, const Signal<S>& in, const Pass& pass, const State<S>& initial, Tape& tape) const {
    return holder_->forward(theta, in, pass, initial, tape);
  }
  void final_state(const Signal<S>& in, Tape& tape, State<S>& state) const { holder_->final_state(in, tape, state); }
  void backward(const S* theta, const Signal<S>& in, const Pass& pass, ConstView<S> d_out, const State<S>& d_final,
                Tape& tape, S* gradient, View<S> d_in, State<S>* d_initial) const {
    holder_->backward(theta, in, pass, d_out, d_final, tape, gradient, d_in, d_initial);
  }
  std::optional<NonFinite> first_non_finite(const Signal<S>& in, Tape& tape) const {
    return holder_->first_non_finite(in, tape);
  }

 private:
  struct Holder {
    virtual ~Holder() = default;
    virtual std::unique_ptr<Holder> copy() const = 0;
    virtual Shape connect(Shape in) = 0;
    virtual std::string name() const = 0;
    virtual const ParameterTable& parameters() const = 0;
    virtual std::vector<Index> state_rows() const = 0;
    virtual bool causal() const = 0;
    virtual Start start() const = 0;
    virtual std::vector<NamedStart> named_starts() const = 0;
    virtual Index kept(Index columns, Index batch) const = 0;
    virtual Signal<S> forward(const S*, const Signal<S>&, const Pass&, const State<S>&, Tape&) const = 0;
    virtual void final_state(const Signal<S>&, Tape&, State<S>&) const = 0;
    virtual void backward(const S*, const Signal<S>&, const Pass&, ConstView<S>, const State<S>&, Tape&, S*, View<S>,
                          State<S>*) const = 0;
    virtual std::optional<NonFinite> first_non_finite(const Signal<S>&, Tape&) const = 0;
  };

  template <class L>
  struct Holding final : Holder {
    explicit Holding(L held) : layer(std::move(held)) {}

    std::unique_ptr<Holder> copy() const override { return std::make_unique<Holding>(layer); }
    Shape connect(Shape in) override { return layer.connect(in); }
    std::string name() const override { return std::string(layer.name()); }
    const ParameterTable& parameters() const override { return layer.parameters(); }
    std::vector<Index> state_rows() const override { return layer.state_rows(); }
    bool causal() const override { return layer.causal(); }
    Start start() const override { return layer.start(); }
    std::vector<NamedStart> named_starts() const override { return layer.named_starts(); }
    Index kept(Index columns, Index batch) const override { return layer.kept(columns, batch); }

    Signal<S> forward(const S* theta, const Signal<S>& in, const Pass& pass, const State<S>& initial,
                      Tape& tape) const override {
      // Also when another model has used this tape before.
      if (dynamic_cast<KeptBy<L>*>(tape.kept.get()) == nullptr) tape.kept = std::make_unique<KeptBy<L>>();
      return layer.forward(theta, in, pass, initial, of(tape));
    }
    void final_state(const Signal<S>& in, Tape& tape, State<S>& state) const override {
      layer.final_state(in, of(tape), state);
    }
    void backward(const S* theta, const Signal<S>& in, const Pass& pass, ConstView<S> d_out, const State<S>& d_final,
                  Tape& tape, S* gradient, View<S> d_in, State<S>* d_initial) const override {
      layer.backward(theta, in, pass, d_out, d_final, of(tape), gradient, d_in, d_initial);
    }
    std::optional<NonFinite> first_non_finite(const Signal<S>& in, Tape& tape) const override {
      return layer.first_non_finite(in, of(tape));
    }

    static typename L::Tape& of(Tape& tape) {
      auto* kept = dynamic_cast<KeptBy<L>*>(tape.kept.get());
      require<ValueError>(kept != nullptr, "this layer has not run forward on this tape");
      return kept->tape;
    }

    L layer;
  };

  template <class L>
  struct KeptBy final : Kept {
    typename L::Tape tape;
  };

  std::unique_ptr<Holder> holder_;
};

}  // namespace unroll
