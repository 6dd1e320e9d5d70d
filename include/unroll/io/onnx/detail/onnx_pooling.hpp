#pragma once
// Pooling operators of ONNX.

#include <cmath>
#include <vector>

#include "unroll/io/onnx/detail/onnx_layers.hpp"
#include "unroll/layers/convolution/upsample.hpp"
#include "unroll/layers/pooling/global_pooling.hpp"
#include "unroll/layers/pooling/pooling1d.hpp"

namespace unroll::detail {

/// Converter of one operator, on a signal (batch, features, steps).
template <class S>
class OnnxPooling {
 public:
  OnnxPooling(OnnxNetwork<S>& network, const OnnxOperator& of) : network_(network), of_(of), layers_(network, of) {}

  OnnxValue over_all(const AnyLayer<S>& layer) {
    OnnxSignal x = network_.each(signal(), layer);
    x.axes[2].clear();
    return x;
  }
  OnnxValue over_windows(bool max) {
    const OnnxSignal x = signal();
    const std::vector<Index> kernel = of_.integers("kernel_shape");
    require<FileError>(kernel.size() == 1, "kernel_shape must have 1 entry, for the steps, got ", kernel.size());
    check_between("", "kernel_shape", kernel[0], 1, most_of_option - 1);
    const Index stride = layers_.step_option("strides"), dilation = layers_.step_option("dilations");
    const WindowPadding padding = layers_.padding(kernel[0], stride, dilation);
    const bool up = of_.integer("ceil_mode", 0) != 0;
    require<FileError>(max || dilation == 1, "dilations must be 1, got ", dilation);
    const bool keeps = stride == 1 && zeros_of({kernel[0], 1, dilation}, padding) == (kernel[0] - 1) * dilation;
    const bool all = of_.integer("count_include_pad", 0) != 0;
    const AnyLayer<S> layer =
        max ? AnyLayer<S>(MaxPool1d{
                  .kernel = kernel[0], .stride = stride, .dilation = dilation, .padding = padding, .ceil_mode = up})
            : AnyLayer<S>(AveragePool1d{
                  .kernel = kernel[0], .stride = stride, .padding = padding, .count_padding = all, .ceil_mode = up});
    return layers_.resized(x, layer, layers_.features_of(x), {}, keeps);
  }
  /// Resize by repeating steps.
  OnnxValue upsampled() {
    const OnnxSignal x = signal();
    const auto scales = of_.constant(2)->template to<double>();
    require<FileError>(scales.size() == 3 && scales[0] == 1 && scales[1] == 1 && scales[2] >= 1 &&
                           scales[2] < double(most_of_option) && scales[2] == std::floor(scales[2]) &&
                           of_.word("mode", "nearest") == "nearest",
                       "Resize must repeat each step a whole number of times, by scales 1, 1 and that number");
    require<FileError>(of_.word("coordinate_transformation_mode", "half_pixel") == "asymmetric" &&
                           of_.word("nearest_mode", "round_prefer_floor") == "floor",
                       "coordinate_transformation_mode must be asymmetric and nearest_mode floor");
    return layers_.resized(x, Upsample{.factor = Index(scales[2])}, layers_.features_of(x), {}, false);
  }

 private:
  OnnxSignal signal() { return complete(layers_.for_windows()); }

  OnnxNetwork<S>& network_;
  const OnnxOperator& of_;
  OnnxLayers<S> layers_;
};

}  // namespace unroll::detail
