#pragma once
// Node of a graph of layers.

#include <optional>
#include <string>
#include <vector>

#include "unroll/layers/any_layer.hpp"
#include "unroll/layers/detail/merge.hpp"

namespace unroll::detail {

/// The input, or some of its rows, or a layer and the node that it reads, or a merge of several nodes.
template <class S>
struct GraphNode {
  std::optional<AnyLayer<S>> layer = {};
  Merge how = Merge::concat;
  std::vector<std::size_t> reads = {};
  std::string input = {};  ///< name of rows of the input
  Index first = 0;         ///< of these rows

  std::string name() const {
    if (!input.empty()) return "input '" + input + "'";
    return layer ? layer->name() : reads.empty() ? "input" : std::string(detail::name_of(how));
  }
};

}  // namespace unroll::detail
