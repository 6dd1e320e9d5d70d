#pragma once

#include <array>
#include <concepts>
#include <string_view>

#include "unroll/core/finite.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/types.hpp"
#include "unroll/models/detail/model_identity.hpp"

namespace unroll {

/// Parameters of a model as constants of a program, for devices without files. `write_header` (io/header_file.hpp)
/// writes a header with such a constant.
template <std::floating_point S, std::size_t size>
struct ConstantParameters {
  std::string_view layers;     ///< names of the parameters, then the options of all layers
  std::array<S, size> values;  ///< as Parameters::values
};

/// Sets the parameters of a model with the same layers. Throws ShapeError for other parameters, ValueError with the
/// first option that differs and for a number beyond the scalar of the model; the model is then unchanged.
template <class Model, class S, std::size_t size>
void set_parameters(Model& model, const ConstantParameters<S, size>& from) {
  auto& values = model.parameters().values();
  detail::check_identity("set_parameters", "the header", {from.layers, Index(size)}, detail::model_identity(model),
                         values.size());
  using Scalar = typename Model::Scalar;
  for (std::size_t k = 0; k < size; ++k)
    require<ValueError>(!is_finite(from.values[k]) || is_finite(Scalar(from.values[k])),
                        "set_parameters: the header: number ", k, " must fit in ", detail::name_of_scalar<Scalar>,
                        ", got ", from.values[k]);
  values = Eigen::Map<const VectorX<S>>(from.values.data(), Index(size)).template cast<Scalar>();
}

}  // namespace unroll
