#pragma once
// Search of the names of a state_dict for the layers of a model.

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/formats/safetensors.hpp"

namespace unroll::detail {

/// Whether `name` matches `pattern`, where '*' matches any letters and '?' any letter.
inline bool matches_glob(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, star = pattern.npos, resume = 0;
  for (std::size_t n = 0; n < name.size();) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++, resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p, ++n;
    } else if (star != pattern.npos) {
      p = star + 1, n = ++resume;  // the last '*' takes one letter more
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

inline bool is_ignored(std::string_view name, const std::vector<std::string>& ignore) {
  constexpr std::string_view count = "num_batches_tracked";
  if (name == count || name.ends_with(".num_batches_tracked")) return true;
  return std::ranges::any_of(ignore, [&](std::string_view pattern) {
    return pattern.find_first_of("*?") == pattern.npos ? name.starts_with(pattern) : matches_glob(pattern, name);
  });
}

inline void check_ignored(const std::vector<std::string>& ignore) {
  for (const std::string& pattern : ignore)
    require<ValueError>(!pattern.empty(), "import_pytorch: a pattern in ignore must have at least 1 letter, got ''");
}

using TensorShapes = std::map<std::string, std::vector<Index>>;

/// Layer of a model and the tensors that it has in PyTorch, as the first layer of a module.
struct PyTorchLayer {
  std::string name;
  TensorShapes shapes;
  bool tied = false;  ///< whether "weight" is a copy of other weights and may be missing
};

/// Tensors whose names are equal up to the last dot.
struct TensorGroup {
  std::string prefix;
  TensorShapes shapes;
  std::vector<TensorShapes> layers = {};  ///< the same by layer of the module, with names of the first layer
  std::size_t before = no_group;          ///< group of equal shapes that is assigned before this one

  static constexpr std::size_t no_group = std::size_t(-1);
};

inline std::string list_of(const TensorShapes& shapes) {
  std::string list;
  for (const auto& [name, shape] : shapes) {
    list += text(list.empty() ? "" : ", ", in_quotes(name), " ", shape_text(shape));
    if (list.size() > 120) return list.substr(0, 120) + "...";
  }
  return list;
}

/// Number of the layer of a module in a name such as "weight_ih_l1_reverse", which becomes "weight_ih_l0_reverse".
inline std::size_t take_layer_number(std::string& name) {
  for (const std::string_view cell : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
    if (name == cell) name += "_l0";  // nn.LSTMCell, GRUCell, RNNCell
  const auto at = name.rfind("_l");
  if (at == name.npos) return 0;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(name.data() + at + 2, name.data() + name.size(), number);
  const std::string_view rest(end, std::size_t(name.data() + name.size() - end));
  if (error != std::errc{} || !(rest.empty() || rest == "_reverse")) return 0;
  name = name.substr(0, at) + "_l0" + std::string(rest);
  return number;
}

/// Search of the assignments of name groups to layers.
class PrefixSearch {
 public:
  PrefixSearch(const std::vector<PyTorchLayer>& layers, const SafeTensors& file, const std::vector<std::string>& ignore)
      : layers_(layers), file_(file.file) {
    std::map<std::string, TensorShapes> by_prefix;
    for (const auto& [name, tensor] : file.tensors) {
      const auto length = name.rfind('.') + 1;  // 0 without a dot
      if (!is_ignored(name, ignore)) by_prefix[name.substr(0, length)][name.substr(length)] = tensor.shape;
    }
    for (auto& [prefix, shapes] : by_prefix) groups_.push_back({prefix, std::move(shapes)});
    for (TensorGroup& group : groups_) divide(group);
    order();
    used_.resize(groups_.size());
  }

  /// Prefix of each layer. Throws FileError unless exactly one assignment fits.
  std::vector<std::string> result() {
    search(0);
    const bool complete = steps_ < most_steps;
    require<FileError>(!found_.empty(), [&] {
      return why_none() + (complete ? "" : "; the search was not completed: give the prefixes");
    });
    require<FileError>(found_.size() == 1 && complete, [&] {
      std::string list;
      for (std::size_t k = 0; k < std::min<std::size_t>(found_.size(), 2); ++k)
        list += text(k > 0 ? " and " : "", assignment(found_[k]));
      return text(file_, ": several assignments of its name groups to the layers fit: ", list,
                  found_.size() > 2 || !complete ? " and others" : "", "; give the prefixes");
    });
    return std::move(found_.front());
  }

 private:
  static constexpr std::size_t most_steps = 1'000'000;

  static void divide(TensorGroup& group) {
    for (const auto& [name, shape] : group.shapes) {
      std::string first = name;
      const std::size_t number = take_layer_number(first);
      if (number >= group.shapes.size()) return group.layers.clear();
      if (number >= group.layers.size()) group.layers.resize(number + 1);
      if (!group.layers[number].emplace(std::move(first), shape).second) return group.layers.clear();
    }
  }

  /// Name with its numbers taken out, and these numbers. Leading zeros are left out, so that length orders them.
  static std::pair<std::string, std::vector<std::pair<std::size_t, std::string>>> numbered(std::string_view prefix) {
    std::pair<std::string, std::vector<std::pair<std::size_t, std::string>>> split;
    constexpr std::string_view digits = "0123456789";
    while (!prefix.empty()) {
      const auto end = std::min(prefix.find_first_not_of(digits), prefix.size());
      if (end == 0) {
        const auto letters = std::min(prefix.find_first_of(digits), prefix.size());
        split.first += prefix.substr(0, letters);
        prefix.remove_prefix(letters);
        continue;
      }
      const auto zeros = std::min(prefix.find_first_not_of('0'), end);
      split.first += '0';
      split.second.emplace_back(end - zeros, prefix.substr(zeros, end - zeros));
      prefix.remove_prefix(end);
    }
    return split;
  }

  /// Groups of equal shapes whose names differ in numbers only are assigned in the order of these numbers.
  void order() {
    std::map<std::pair<std::string, TensorShapes>, std::vector<std::size_t>> alike;
    for (std::size_t g = 0; g < groups_.size(); ++g)
      alike[{numbered(groups_[g].prefix).first, groups_[g].shapes}].push_back(g);
    for (auto& item : alike) {
      std::ranges::sort(item.second, {}, [&](std::size_t g) { return numbered(groups_[g].prefix).second; });
      for (std::size_t k = 1; k < item.second.size(); ++k) groups_[item.second[k]].before = item.second[k - 1];
    }
  }

  bool fits(const TensorGroup& group, std::size_t layer) const {
    if (group.layers.empty() || group.layers.size() > layers_.size() - layer) return false;
    for (std::size_t k = 0; k < group.layers.size(); ++k) {
      const PyTorchLayer& expected = layers_[layer + k];
      if (group.layers[k] == expected.shapes) continue;
      TensorShapes without = expected.shapes;
      if (expected.tied) without.erase("weight");
      // Modules with bias=False.
      std::erase_if(without, [](const auto& item) { return item.first.starts_with("bias_"); });
      if (group.layers[k] != without) return false;
    }
    return true;
  }

  void search(std::size_t layer) {
    const auto left = std::size_t(std::ranges::count(used_, false));
    if (layer > reached_ || unused_.empty()) {
      reached_ = layer;
      unused_.clear();
      for (std::size_t g = 0; g < groups_.size() && unused_.size() < 3; ++g)
        if (!used_[g]) unused_.push_back(g);
    }
    if (layer == layers_.size()) {
      if (left == 0) found_.push_back(chosen_);
      return;
    }
    if (layers_[layer].tied && layers_[layer].shapes.size() == 1) {  // needs no tensors
      chosen_.push_back("(" + layers_[layer].name + ").");
      search(layer + 1);
      chosen_.pop_back();
    }
    for (std::size_t g = 0; g < groups_.size() && found_.size() < 3 && steps_ < most_steps; ++g, ++steps_) {
      const TensorGroup& group = groups_[g];
      if (used_[g] || (group.before != TensorGroup::no_group && !used_[group.before]) || !fits(group, layer)) continue;
      used_[g] = true;
      chosen_.insert(chosen_.end(), group.layers.size(), group.prefix);
      search(layer + group.layers.size());
      chosen_.resize(layer);
      used_[g] = false;
    }
  }

  std::string assignment(const std::vector<std::string>& prefixes) const {
    std::string list;
    for (std::size_t k = 0; k < prefixes.size() && list.size() < 250; ++k)
      list += text(k > 0 ? ", " : "", in_quotes(prefixes[k]));
    return "{" + list.substr(0, 250) + (list.size() > 250 ? "...}" : "}");
  }

  std::string why_none() const {
    std::string list;
    for (const std::size_t g : unused_)
      list += text(list.empty() ? "" : "; ", in_quotes(groups_[g].prefix), " with ", list_of(groups_[g].shapes));
    if (reached_ == layers_.size())
      return text(file_, ": tensors have no place in the model: ", list, "; ignore them or add their layers");
    return text(file_, ": no tensors fit ", layers_[reached_].name, ", which needs ", list_of(layers_[reached_].shapes),
                "; unused are ", list.empty() ? "none" : list);
  }

  const std::vector<PyTorchLayer>& layers_;
  const std::string& file_;
  std::vector<TensorGroup> groups_;
  std::vector<bool> used_;
  std::vector<std::string> chosen_;
  std::vector<std::vector<std::string>> found_;
  std::vector<std::size_t> unused_;  // groups without a layer when the search got furthest
  std::size_t reached_ = 0, steps_ = 0;
};

}  // namespace unroll::detail
