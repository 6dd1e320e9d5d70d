#pragma once

#include "unroll/core/requirements.hpp"

namespace unroll::detail {

/// Type of model whose code runs `Model`: a Stack for a Sequential, so that functions of models are compiled once for
/// all of them.
template <class Model>
struct UntypedOf {
  using type = Model;
};
template <class Model>
requires requires { typename Model::Untyped; }
struct UntypedOf<Model> {
  using type = typename Model::Untyped;
};
template <class Model>
using Untyped = typename UntypedOf<Model>::type;

}  // namespace unroll::detail
