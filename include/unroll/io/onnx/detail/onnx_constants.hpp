#pragma once
// Operators on constants and sizes, which exporters write around layers.

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "unroll/io/onnx/detail/onnx_operator.hpp"
#include "unroll/io/onnx/detail/tensor_parts.hpp"

namespace unroll::detail {

/// First and last entry, excluded, of a slice of `count` entries; numbers below 0 count from the end.
inline std::pair<Index, Index> slice_range(Index first, Index last, Index count) {
  const auto within = [&](Index at) { return std::clamp(at < 0 ? at + count : at, Index(0), count); };
  if (first < 0 && first < -count) first = -count;
  if (last < 0 && last < -count) last = -count;
  return {within(first), std::max(within(first), within(last))};
}

/// A slice in one dimension.
struct OnnxSlice {
  std::size_t axis;
  Index first, last;
  bool reversed;  ///< all entries from the last to the first
};

/// Slices of the operator Slice on a value with `count` dimensions. Throws FileError for other steps than 1 and -1.
inline std::vector<OnnxSlice> slices_of(const OnnxOperator& of, std::size_t count) {
  const auto starts = of.integers(1, "starts"), ends = of.integers(2, "ends");
  require<FileError>(starts.size() <= most_onnx_sizes, "starts must have at most ", most_onnx_sizes, " entries, got ",
                     starts.size());
  auto axes = of.integers(3, "axes");
  for (std::size_t k = 0; axes.empty() && k < starts.size(); ++k) axes.resize(k + 1), axes[k] = Index(k);
  if (axes.size() < starts.size() && !starts.empty())
    for (std::size_t k = axes.size(); k < starts.size(); ++k) axes.push_back(Index(k));
  require<FileError>(starts.size() == ends.size() && starts.size() == axes.size(),
                     "starts, ends and axes must have the same number of entries, got ", starts.size(), ", ",
                     ends.size(), " and ", axes.size());
  std::vector<Index> steps = of.has(4) ? integers_of(of.input(4)) : std::vector<Index>();
  steps.resize(starts.size(), 1);
  std::vector<OnnxSlice> to;
  for (std::size_t k = 0; k < starts.size(); ++k) {
    const bool all_reversed = steps[k] == -1 && starts[k] == -1 && ends[k] < std::numeric_limits<int>::min();
    require<FileError>(steps[k] == 1 || all_reversed, "steps must be 1, or -1 for all entries, got ", steps[k]);
    to.push_back({axis_number(axes[k], count), starts[k], ends[k], all_reversed});
  }
  return to;
}

/// Operators on constants, sizes, states and lengths.
class OnnxFolding {
 public:
  OnnxFolding(const OnnxOperator& of, OnnxTensors& tensors) : of_(of), tensors_(tensors) {}

  /// Value without signals; nothing for an operator that is not known here.
  std::optional<OnnxValue> operator()() const {
    const std::string& type = of_.type();
    for (std::size_t k = 0; k < of_.inputs(); ++k)
      if (of_.has(k) && std::holds_alternative<OnnxGiven>(of_.input(k))) {
        static constexpr std::string_view dimensions_only[] = {
            "Identity", "Cast",  "Transpose", "Reshape", "Squeeze", "Unsqueeze",      "Slice",
            "Gather",   "Split", "Concat",    "Expand",  "Shape",   "ConstantOfShape"};
        require<FileError>(std::ranges::find(dimensions_only, type) != std::end(dimensions_only),
                           "an operator on states or lengths must change their dimensions only");
        return of_.input(k);
      }
    if (type == "Identity" || type == "Cast" || type == "Dropout") return of_.input(0);
    if (type == "Expand") return expanded();
    if (type == "ConstantOfShape") return filled();
    if (type == "Shape") return shape();
    if (std::holds_alternative<OnnxFill>(of_.input(0))) return fill_like();
    const auto* constant = std::get_if<OnnxConstant>(&of_.input(0));
    if (constant != nullptr && (!is_integer((*constant)->dtype) || (*constant)->shape.size() > 1))
      if (auto tensor = of_tensor(**constant)) return made(*std::move(tensor));
    if (auto sizes = of_sizes()) return *std::move(sizes);
    return std::nullopt;
  }

 private:
  OnnxValue made(Tensor tensor) const {
    require<FileError>(tensor.shape.size() <= most_onnx_sizes, "dimensions must be at most ", most_onnx_sizes);
    require<FileError>(tensor.size() > 0 || tensor.shape.size() < 2, "a constant must have at least 1 element");
    tensors_.count(tensor.bytes.size());
    return std::make_shared<const Tensor>(std::move(tensor));
  }

  OnnxValue expanded() const {
    sizes_of(of_.input(1));
    const auto* constant = std::get_if<OnnxConstant>(&of_.input(0));
    if (constant == nullptr || (*constant)->size() != 1) return of_.input(0);
    return OnnxFill{(*constant)->to<double>().front()};
  }
  std::optional<OnnxValue> shape() const {
    OnnxSizes to;
    if (const auto* sizes = std::get_if<OnnxSizes>(&of_.input(0))) {
      if (!sizes->scalar) to.sizes = {{Index(sizes->sizes.size())}};
      return to;
    }
    const auto* constant = std::get_if<OnnxConstant>(&of_.input(0));
    if (constant == nullptr || of_.has("start") || of_.has("end")) return std::nullopt;
    for (const Index size : (*constant)->shape) to.sizes.push_back({size});
    return to;
  }
  OnnxValue filled() const {
    const auto* value = of_.find("value", onnx::AttributeProto::TENSOR);
    const std::optional<Tensor> number = value == nullptr ? std::nullopt : std::optional(tensors_(value->t()));
    require<FileError>(!number || number->size() == 1, "value must have 1 element, got another number");
    const auto shape = sizes_of(of_.input(0)).sizes;
    if (!number || !is_integer(number->dtype)) return OnnxFill{number ? number->to<double>().front() : 0};
    require<FileError>(shape.size() == 1 && shape[0].is_number() && shape[0].number >= 0 &&
                           std::size_t(shape[0].number) <= most_onnx_sizes,
                       "integers must be at most ", most_onnx_sizes, " in 1 dimension");
    return OnnxSizes{std::vector(std::size_t(shape[0].number), OnnxSize{number->to<Index>().front()})};
  }
  std::optional<OnnxValue> fill_like() const {
    static constexpr std::string_view same[] = {"Transpose", "Reshape",   "Slice", "Gather",
                                                "Squeeze",   "Unsqueeze", "Tile"};
    if (std::ranges::find(same, of_.type()) != std::end(same)) return of_.input(0);
    return std::nullopt;
  }

  std::optional<Tensor> of_tensor(const Tensor& from) const {
    const std::string& type = of_.type();
    const std::size_t count = from.shape.size();
    if (type == "Transpose") return transposed(from, permutation_of(of_.integers("perm"), count));
    if (type == "Concat") {
      std::vector<const Tensor*> all;
      std::uint64_t bytes = 0;
      for (std::size_t k = 0; k < of_.inputs(); ++k)
        all.push_back(of_.constant(k).get()), bytes += all.back()->bytes.size();
      tensors_.count(bytes);
      return joined(all, axis_number(of_.integer("axis", 0), count));
    }
    if (type == "Slice") {
      Tensor to = from;
      for (const OnnxSlice& slice : slices_of(of_, count)) {
        const auto [first, last] = slice_range(slice.first, slice.last, to.shape[slice.axis]);
        to = slice.reversed ? reversed(to, slice.axis) : part_of(to, slice.axis, first, last);
      }
      return to;
    }
    if (type != "Reshape" && type != "Squeeze" && type != "Unsqueeze") return std::nullopt;
    Tensor to = from;
    to.shape = new_shape(from.shape);
    return to;
  }

  /// Shape of a constant after Reshape, Squeeze or Unsqueeze.
  std::vector<Index> new_shape(std::vector<Index> shape) const {
    if (of_.type() == "Reshape") {
      OnnxAxes axes;
      for (const Index size : shape) axes.push_back({{OnnxAxis::features, {size}}});
      std::vector<OnnxSize> given;
      for (const Index size : integers_of(of_.input(1))) given.push_back({size});
      shape.clear();
      for (const OnnxSize& size : whole_shape(axes, given, of_.integer("allowzero", 0) != 0))
        shape.push_back(size.number);
      return shape;
    }
    auto axes = of_.integers(1, "axes");
    if (of_.type() == "Unsqueeze") {
      for (Index& axis : axes) axis = Index(axis_number(axis, shape.size() + axes.size()));
      std::ranges::sort(axes);
      for (const Index axis : axes) shape.insert(shape.begin() + std::min(axis, Index(shape.size())), 1);
      return shape;
    }
    for (Index& axis : axes) axis = Index(axis_number(axis, shape.size()));
    std::vector<Index> to;
    for (std::size_t k = 0; k < shape.size(); ++k) {
      const bool removed = axes.empty() ? shape[k] == 1 : std::ranges::find(axes, Index(k)) != axes.end();
      require<FileError>(!removed || shape[k] == 1, "a removed dimension must have the size 1, got ", shape[k]);
      if (!removed) to.push_back(shape[k]);
    }
    return to;
  }

  /// Arithmetic of sizes.
  std::optional<OnnxValue> of_sizes() const {
    const std::string& type = of_.type();
    if (type == "Concat") {
      OnnxSizes to;
      for (std::size_t k = 0; k < of_.inputs(); ++k)
        for (const OnnxSize& size : sizes_of(of_.input(k)).sizes) to.sizes.push_back(size);
      require<FileError>(to.sizes.size() <= most_onnx_sizes, "sizes must be at most ", most_onnx_sizes);
      return to;
    }
    if (type == "Gather") {
      const OnnxSizes from = sizes_of(of_.input(0)), at = sizes_of(of_.input(1));
      OnnxSizes to{{}, at.scalar};
      for (const Index k : integers_of(of_.input(1))) to.sizes.push_back(from.sizes[axis_number(k, from.sizes.size())]);
      return to;
    }
    if (type == "Slice") {
      OnnxSizes to = sizes_of(of_.input(0));
      for (const OnnxSlice& slice : slices_of(of_, 1)) {
        const auto [first, last] = slice_range(slice.first, slice.last, Index(to.sizes.size()));
        if (slice.reversed)
          std::ranges::reverse(to.sizes);
        else
          to.sizes = std::vector(to.sizes.begin() + first, to.sizes.begin() + last);
      }
      return to;
    }
    if (type == "Reshape") {
      const OnnxSizes shape = sizes_of(of_.input(1));
      if (shape.sizes.size() < 2) return OnnxSizes{sizes_of(of_.input(0)).sizes, shape.sizes.empty()};
      Tensor to = Tensor::of(integers_of(of_.input(0)), {Index(sizes_of(of_.input(0)).sizes.size())});
      to.shape = new_shape(to.shape);
      return made(std::move(to));
    }
    if (type == "Squeeze" || type == "Unsqueeze") {
      OnnxSizes to = sizes_of(of_.input(0));
      require<FileError>(to.sizes.size() == 1, "sizes must be 1, got ", to.sizes.size());
      to.scalar = type == "Squeeze";
      return to;
    }
    return arithmetic();
  }

  std::optional<OnnxValue> arithmetic() const {
    static constexpr std::string_view known[] = {"Mul", "Div", "Add", "Sub", "Equal", "Where"};
    if (std::ranges::find(known, of_.type()) == std::end(known)) return std::nullopt;
    std::vector<OnnxSizes> all;
    OnnxSizes to{{}, true};
    std::size_t count = 1;
    for (std::size_t k = 0; k < of_.inputs(); ++k) {
      all.push_back(sizes_of(of_.input(k)));
      to.scalar = to.scalar && all.back().scalar;
      if (all.back().sizes.size() != 1) count = all.back().sizes.size();
    }
    for (std::size_t k = 0; k < count; ++k) {
      std::vector<OnnxSize> at;
      for (const OnnxSizes& one : all) {
        require<FileError>(one.sizes.size() == 1 || k < one.sizes.size(),
                           "the inputs must have equal numbers of sizes");
        at.push_back(one.sizes[one.sizes.size() == 1 ? 0 : k]);
      }
      to.sizes.push_back(computed(at));
    }
    return to;
  }

  OnnxSize computed(const std::vector<OnnxSize>& at) const {
    const std::string& type = of_.type();
    require<FileError>(at.size() == (type == "Where" ? 3 : 2), "the number of inputs must be 2, or 3 of Where");
    if (type == "Where") return at[0] == OnnxSize{0} ? at[2] : at[1];
    if (type == "Equal") return {Index(at[0] == at[1])};
    if (type == "Mul") return at[0] * at[1];
    if (type == "Div") {
      const auto to = quotient(at[0], at[1]);
      require<FileError>(to.has_value(), "a quotient of sizes must be exact, got ", text_of(at[0]), " and ",
                         text_of(at[1]));
      return *to;
    }
    require<FileError>(at[0].is_number() && at[1].is_number(), "a sum of sizes must be of known numbers, got ",
                       text_of(at[0]), " and ", text_of(at[1]));
    require<FileError>(at[1].number > std::numeric_limits<Index>::min(), "a size must be in range");
    return {checked_add(at[0].number, type == "Add" ? at[1].number : -at[1].number, "size")};
  }

  const OnnxOperator& of_;
  OnnxTensors& tensors_;
};

}  // namespace unroll::detail
