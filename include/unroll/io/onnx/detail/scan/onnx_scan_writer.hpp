#pragma once
// Recurrent layers as the operator Scan, for cells that ONNX's recurrent operators do not have.

#include <string>
#include <utility>
#include <vector>

#include "unroll/io/onnx/detail/scan/onnx_scan_body.hpp"

namespace unroll::detail {

/// Writer of one recurrent layer: a Scan for each direction.
class OnnxScanWriter {
 public:
  /// Throws ValueError for a cell without equations, and as equations_of does.
  OnnxScanWriter(OnnxWriterBase& to, const OnnxWrittenLayer& layer, Index features)
      : to_(to), layer_(layer), both_(layer.kind() == "bidirectional"), last_(layer.word("returns") == "last") {
    for (const std::string side : {"forward.", "backward."})
      if (both_ || cells_.empty()) cells_.push_back(cell(layer.prefix + (both_ ? side : ""), features));
  }

  OnnxWritten write(const OnnxWritten& x) {
    const std::vector<SizedName>& states = cells_[0].equations.states;
    const std::vector<std::string> initial = initial_states();
    std::vector<std::string> scans, outputs;
    for (std::size_t d = 0; d < cells_.size(); ++d) {
      scans.push_back(scan(x.name, d, initial));
      outputs.push_back(OnnxNodes::output(scans.back(), int(states.size())));
    }
    for (std::size_t s = 0; s < states.size() && to_.options().states; ++s) {
      std::vector<std::string> finals;
      for (const std::string& one : scans)
        finals.push_back(
            graph().add(layer_.prefix, "Unsqueeze", {OnnxNodes::output(one, int(s)), graph().integers({0})}));
      to_.add_state_output(layer_.prefix + states[s].name,
                           both_ ? graph().add(layer_.prefix, "Concat", finals, {{"axis", Index(0)}}) : finals[0],
                           {Index(cells_.size()), "batch", rows_of(states[s])});
    }
    const std::string merge = layer_.word("merge");
    const Index rows = cells_[0].outputs();
    if (!both_) return {outputs[0], rows, !last_};
    return {to_.merged(layer_.prefix, merge, outputs), merge == "concat" ? 2 * rows : rows, !last_};
  }

 private:
  OnnxGraphWriter& graph() { return to_.graph(); }
  Index rows_of(const SizedName& state) const { return cells_[0].rows(state.size); }

  OnnxScanCell cell(const std::string& prefix, Index features) const {
    const std::string written = to_.parameters().table().equations(prefix);
    require<ValueError>(!written.empty(), "the cell has no equations, from which the operator Scan is written");
    OnnxScanCell to{equations_of(written), {{"units", layer_.option<Index>("units", 1)}}, prefix, features};
    for (const LayerOption& size : layer_.option<LayerOptions>("sizes", {}))
      to.sizes.emplace_back(size.name, std::get<Index>(size.value));
    for (const SizedName& state : to.equations.states)
      require<ValueError>(to_.parameters().table().find(layer_.prefix + state.name) == nullptr, "the state ",
                          in_quotes(state.name), " must have another name than a parameter");
    return to;
  }

  /// Initial states [directions, batch, rows], in the order of the states.
  std::vector<std::string> initial_states() {
    const std::vector<SizedName>& states = cells_[0].equations.states;
    std::vector<Tensor> all;
    for (const SizedName& state : states)
      all.push_back(Tensor{DType::F32, {Index(cells_.size()), 1, rows_of(state)}, {}});
    for (std::size_t d = 0; d < cells_.size(); ++d)
      for (std::size_t s = 0; s < states.size(); ++s) {
        const Tensor numbers = Tensor::of(to_.take_first(rows_of(states[s])));
        all[s].bytes.insert(all[s].bytes.end(), numbers.bytes.begin(), numbers.bytes.end());
      }
    std::vector<std::string> names;
    for (std::size_t s = 0; s < states.size(); ++s)
      names.push_back(to_.initial_state(layer_.prefix + states[s].name, all[s], false));
    return names;
  }

  /// Adds the operator of direction d. Returns its first output: the final states, and then the output.
  std::string scan(const std::string& x, std::size_t d, const std::vector<std::string>& initial) {
    const bool backward = d == 1 || layer_.word("direction") == "backward";
    const OnnxScanCell& cell = cells_[d];
    std::vector<std::string> inputs;
    for (const std::string& state : initial)
      inputs.push_back(graph().add(cell.prefix, "Gather", {state, graph().integer(Index(d))}));
    if (last_) inputs.push_back(graph().add(cell.prefix, "ConstantOfShape", {to_.shape({}, cell.outputs())}));
    const OnnxScanBody body(to_, cell, x, last_);
    inputs.insert(inputs.end(), body.reads().begin(), body.reads().end());
    std::vector<OnnxAttribute> attributes{{"body", body.graph()}, {"num_scan_inputs", Index(body.reads().size())}};
    if (backward) {
      attributes.push_back({"scan_input_directions", std::vector<Index>(body.reads().size(), 1)});
      if (!last_) attributes.push_back({"scan_output_directions", std::vector<Index>{1}});
    }
    std::string first = graph().add(cell.prefix, "Scan", inputs, attributes, int(initial.size()) + 1);
    graph().nodes().describe_node(to_.parameters().table().equations(cell.prefix));
    return first;
  }

  OnnxWriterBase& to_;
  const OnnxWrittenLayer& layer_;
  bool both_, last_;
  std::vector<OnnxScanCell> cells_;
};

}  // namespace unroll::detail
