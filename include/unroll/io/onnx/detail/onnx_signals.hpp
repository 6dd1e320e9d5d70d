#pragma once
// Operators of ONNX without weights: dimensions, functions, and merges.

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "unroll/io/onnx/detail/onnx_layers.hpp"
#include "unroll/layers/activation.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/pooling/global_pooling.hpp"

namespace unroll::detail {

/// Converter of one operator. Its functions add nodes to the network and return the values of the outputs.
template <class S>
class OnnxSignals {
 public:
  OnnxSignals(OnnxNetwork<S>& network, const OnnxOperator& of) : network_(network), of_(of) {}

  OnnxValue shape() const {
    OnnxSizes to;
    for (const auto& dimension : of_.signal(0).axes) to.sizes.push_back(size_of(dimension));
    const auto [first, last] = slice_range(
        of_.integer("start", 0), of_.integer("end", std::numeric_limits<Index>::max()), Index(to.sizes.size()));
    to.sizes = std::vector(to.sizes.begin() + first, to.sizes.begin() + last);
    return to;
  }

  OnnxValue transpose() const {
    OnnxSignal x = signal(0);
    OnnxAxes axes;
    for (const std::size_t k : permutation_of(of_.integers("perm"), x.axes.size())) axes.push_back(x.axes[k]);
    x.axes = std::move(axes);
    return x;
  }
  OnnxValue reshape() const {
    OnnxSignal x = signal(0);
    x.axes = reshaped(x.axes, sizes_of(of_.input(1)).sizes, of_.integer("allowzero", 0) != 0);
    return x;
  }
  OnnxValue flatten() const {
    OnnxSignal x = signal(0);
    const Index given = of_.integer("axis", 1), count = Index(x.axes.size());
    const Index axis = given < 0 ? given + count : given;
    require<FileError>(axis >= 0 && axis <= count, "axis must be ", -count, " to ", count, ", got ", given);
    OnnxSize front, back;
    for (Index k = 0; k < count; ++k)
      (k < axis ? front : back) = (k < axis ? front : back) * size_of(x.axes[std::size_t(k)]);
    x.axes = reshaped(x.axes, {front, back});
    return x;
  }
  OnnxValue squeeze() const {
    OnnxSignal x = signal(0);
    std::vector<char> removed(x.axes.size());
    const auto given = of_.integers(1, "axes");
    for (const Index axis : given) removed[axis_number(axis, x.axes.size())] = 1;
    OnnxAxes axes;
    for (std::size_t k = 0; k < x.axes.size(); ++k) {
      const OnnxSize size = size_of(x.axes[k]);
      if (given.empty()) removed[k] = size == OnnxSize{};
      require<FileError>(removed[k] == 0 || size == OnnxSize{}, "a removed dimension must have the size 1, got ",
                         text_of(size));
      if (removed[k] == 0) axes.push_back(x.axes[k]);
    }
    x.axes = std::move(axes);
    return x;
  }
  OnnxValue unsqueeze() const {
    OnnxSignal x = signal(0);
    std::vector<Index> given = of_.integers(1, "axes");
    require<FileError>(x.axes.size() + given.size() <= most_onnx_sizes, "dimensions must be at most ", most_onnx_sizes);
    const std::size_t count = x.axes.size() + given.size();
    for (Index& axis : given) axis = Index(axis_number(axis, count));
    std::ranges::sort(given);
    for (const Index axis : given)
      x.axes.insert(x.axes.begin() + std::min(axis, Index(x.axes.size())), std::vector<OnnxFactor>());
    return x;
  }

  /// Gather(x, number): a direction, the last step, or the first step of a backward layer.
  OnnxValue gather() const {
    OnnxSignal x = signal(0);
    const OnnxSizes at = sizes_of(of_.input(1));
    const std::vector<Index> index = integers_of(of_.input(1));
    require<FileError>(index.size() == 1, "the indices must be 1 number, got ", index.size());
    check_between("", "indices", index[0], -most_of_option, most_of_option);
    const std::size_t axis = axis_number(of_.integer("axis", 0), x.axes.size());
    x = entries(std::move(x), axis, index[0], index[0] + 1, index[0] == -1);
    if (at.scalar) x.axes.erase(x.axes.begin() + std::ptrdiff_t(axis));
    return x;
  }
  OnnxValue slice() const {
    OnnxSignal x = signal(0);
    for (const OnnxSlice& one : slices_of(of_, x.axes.size())) {
      require<FileError>(!one.reversed, "steps must be 1, got -1");
      const bool to_the_end = one.last >= std::numeric_limits<int>::max();  // of steps whose number is not known
      x = entries(std::move(x), one.axis, one.first, one.last, one.first == -1 && to_the_end);
    }
    return x;
  }
  /// Split into directions.
  std::vector<OnnxValue> split() const {
    const OnnxSignal x = signal(0);
    const std::size_t axis = axis_number(of_.integer("axis", 0), x.axes.size());
    const Index outputs = of_.node().output_size(), count = Index(x.parts.size());
    if (outputs == 1) return {x};
    require<FileError>(outputs >= 1 && count % outputs == 0, "the number of outputs must divide ", count, ", got ",
                       outputs);
    for (const Index size : of_.integers(1, "split"))
      require<FileError>(size == count / outputs, "the parts must be equal, got ", size, " of ", count);
    std::vector<OnnxValue> to;
    for (Index k = 0; k < outputs; ++k)
      to.push_back(entries(x, axis, k * count / outputs, (k + 1) * count / outputs, false));
    return to;
  }
  OnnxValue pad() const {
    OnnxSignal x = signal(0);
    const std::vector<Index> zeros = of_.integers(1, "pads");
    require<FileError>(of_.word("mode", "constant") == "constant", "mode must be constant, got ",
                       in_quotes(of_.word("mode", "")));
    require<FileError>((!of_.has(2) || of_.number(2) == 0) && of_.real("value", 0) == 0,
                       "the value must be 0, got another");
    require<FileError>(!of_.has(3) && zeros.size() == 2 * x.axes.size(), "pads must have ", 2 * x.axes.size(),
                       " entries and no axes, got ", zeros.size());
    for (std::size_t k = 0; k < x.axes.size(); ++k) {
      const Index front = zeros[k], back = zeros[k + x.axes.size()];
      const bool steps = is_only(x.axes[k], OnnxAxis::steps);
      require<FileError>((front == 0 && back == 0) || steps, "pads must be of the steps, got ", text_of(x.axes));
      for (const Index each : {front, back}) check_between("", "pads", each, 0, most_of_option);
      if (steps) x.front = front, x.back = back;
    }
    return x;
  }

  OnnxValue function(const AnyLayer<S>& layer) const { return network_.each(signal(0), layer); }
  /// Cast, which may round tokens only.
  OnnxValue cast() const {
    const OnnxSignal x = signal(0);
    const auto type = dtype_of_onnx(int(of_.integer("to", 1)));
    const bool tokens = x.parts == std::vector<std::size_t>{0} && !x.has(OnnxAxis::features);
    require<FileError>(type && *type != DType::BOOL && (!is_integer(*type) || tokens),
                       "the new type must be a floating-point one, got type ", of_.integer("to", 1));
    return x;
  }
  OnnxValue dropout() const {
    const double rate = of_.has(1) ? of_.number(1) : of_.real("ratio", 0.5);
    return function(Dropout{.rate = rate});
  }
  OnnxValue clip() const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double low = of_.has(1) ? of_.number(1) : of_.real("min", -infinity);
    const double high = of_.has(2) ? of_.number(2) : of_.real("max", infinity);
    return function(Activate<HardTanh>{{.low = low, .high = high}});
  }
  OnnxValue power() const {
    if (!of_.is_signal(0)) {
      require<FileError>(of_.number(0) == 2, "the base must be 2 or a signal, got ", of_.number(0));
      return network_.each(signal(1), Activate<Exp2>{});
    }
    require<FileError>(of_.number(1) == 2, "the exponent must be 2, got ", of_.number(1));
    return function(Activate<Square>{});
  }

  /// Elementwise merge of signals with equal dimensions.
  OnnxValue merge(Merge how) const {
    std::vector<OnnxSignal> all;
    for (std::size_t k = 0; k < of_.inputs(); ++k) all.push_back(signal(k));
    bool alike = true;
    for (const OnnxSignal& one : all) alike = alike && one.parts.size() == all[0].parts.size();
    if (!alike)
      for (OnnxSignal& one : all) one = network_.whole(std::move(one));
    for (const OnnxSignal& one : all)
      require<FileError>(
          text_of(one.axes) == text_of(all[0].axes) &&
              network_.node(one.parts[0]).features == network_.node(all[0].parts[0]).features,
          "the inputs must have equal dimensions, got ", [&] { return text_of(all[0].axes); }, " and ",
          [&] { return text_of(one.axes); });
    OnnxSignal to = all[0];
    for (std::size_t part = 0; part < to.parts.size() && all.size() > 1; ++part) {
      std::vector<std::size_t> reads;
      for (const OnnxSignal& one : all) reads.push_back(one.parts[part]);
      to.parts[part] = network_.merge(how, std::move(reads));
    }
    return to;
  }

  /// Concat of features, or of directions.
  OnnxValue concat() const {
    std::vector<OnnxSignal> all;
    for (std::size_t k = 0; k < of_.inputs(); ++k) all.push_back(signal(k));
    const std::size_t axis = axis_number(of_.integer("axis", 0), all[0].axes.size());
    const auto apart = [&](OnnxSignal x) { return x.axes[axis].clear(), text_of(x.axes); };
    for (const OnnxSignal& one : all)
      require<FileError>(
          one.axes.size() == all[0].axes.size() && apart(one) == apart(all[0]),
          "the inputs must have equal dimensions besides axis, got ", [&] { return text_of(all[0].axes); }, " and ",
          [&] { return text_of(one.axes); });
    if (all.size() == 1) return all[0];
    const bool directions = is_only(all[0].axes[axis], OnnxAxis::direction, true) && all[0].has(OnnxAxis::features);
    return directions ? joined_directions(all, axis) : joined_features(all, axis);
  }

  /// Reduce... over steps or directions.
  OnnxValue reduced(std::optional<Merge> how, const std::optional<AnyLayer<S>>& over_steps) const {
    OnnxSignal x = signal(0);
    const std::vector<Index> given = of_.integers(1, "axes");
    require<FileError>(given.size() == 1, "axes must be 1 dimension, got ", given.size());
    const std::size_t axis = axis_number(given[0], x.axes.size());
    if (how && is_only(x.axes[axis], OnnxAxis::direction)) {
      x.parts = {network_.merge(*how, x.parts)};
    } else {
      require<FileError>(over_steps && is_only(x.axes[axis], OnnxAxis::steps),
                         "the dimension must be steps, or directions for a sum, product or mean, got ",
                         text_of(x.axes));
      x = network_.each(std::move(x), *over_steps);
    }
    x.axes[axis].clear();
    if (of_.integer("keepdims", 1) == 0) x.axes.erase(x.axes.begin() + std::ptrdiff_t(axis));
    return x;
  }

 private:
  OnnxSignal signal(std::size_t k) const { return complete(of_.signal(k)); }

  /// Entries [first, last) of a dimension, whose size becomes 1 or the number of directions.
  OnnxSignal entries(OnnxSignal x, std::size_t axis, Index first, Index last, bool is_last) const {
    auto& dimension = x.axes[axis];
    const OnnxSize size = size_of(dimension);
    const Index count = size.is_number() ? size.number : std::numeric_limits<Index>::max();
    const auto [from, to] =
        size.is_number() ? slice_range(first, last == 0 && is_last ? count : last, count) : std::pair(first, last);
    if (from == 0 && to == count) return x;
    if (is_only(dimension, OnnxAxis::direction)) {
      require<FileError>(from < to, "a slice must have at least 1 direction");
      x.parts = std::vector(x.parts.begin() + from, x.parts.begin() + to);
      if (x.parts.size() == 1)
        dimension.clear();
      else
        dimension.front().size.number = Index(x.parts.size());
      return x;
    }
    require<FileError>(is_only(dimension, OnnxAxis::steps), "entries must be of directions or steps, got ",
                       text_of(x.axes));
    for (std::size_t& part : x.parts)
      part = one_step(part, is_last || (from == count - 1 && from < to), from == 0 && to == 1);
    dimension.clear();
    return x;
  }

  std::size_t one_step(std::size_t part, bool last, bool first) const {
    OnnxNode<S> node = network_.node(part);
    if (first && node.recurrent && node.recurrent->direction == Direction::backward &&
        node.recurrent->returns == Returns::steps) {
      node.recurrent->returns = Returns::last;
      return network_.add(std::move(node));
    }
    require<FileError>(last, "a step must be the last one, or the first one of a backward layer");
    return network_.add({.reads = {part}, .layer = LastStep{}, .features = node.features});
  }

  OnnxSignal joined_directions(const std::vector<OnnxSignal>& all, std::size_t axis) const {
    OnnxSignal to = all[0];
    to.parts.clear();
    for (const OnnxSignal& one : all) {
      const auto& dimension = one.axes[axis];
      require<FileError>(is_only(dimension, OnnxAxis::direction) || (dimension.empty() && one.parts.size() == 1),
                         "the inputs must be directions, got ", [&] { return text_of(one.axes); });
      require<FileError>(to.parts.size() + one.parts.size() <= most_onnx_nodes, "directions must be at most ",
                         most_onnx_nodes);
      to.parts.insert(to.parts.end(), one.parts.begin(), one.parts.end());
    }
    for (const std::size_t part : to.parts)
      require<FileError>(network_.node(part).features == network_.node(to.parts[0]).features,
                         "the inputs must have equal numbers of units");
    to.axes[axis] = {{OnnxAxis::direction, {Index(to.parts.size())}}};
    return to;
  }
  OnnxSignal joined_features(const std::vector<OnnxSignal>& all, std::size_t axis) const {
    OnnxLayers<S> layers(network_, of_);
    std::vector<std::size_t> reads;
    OnnxSignal to;
    for (const OnnxSignal& one : all) to = layers.with_features(one, axis), reads.push_back(to.parts[0]);
    to.parts = {network_.merge(Merge::concat, reads)};
    to.axes[axis] = {{OnnxAxis::features, {network_.node(to.parts[0]).features}}};
    return to;
  }

  OnnxNetwork<S>& network_;
  const OnnxOperator& of_;
};

}  // namespace unroll::detail
