// Cost of normalisation and random masks in a cell: a training step with the cell and with the plain cell, alternately,
// in float. Prints a row of a Markdown table per cell.
//
//     taskset -c 0 ./cell_cost [NAME...] [options]      NAME is part of the name of a cell; default: all
//       --rounds N       number of pairs of measurements; default: 21
//       --units H, --batch B, --steps T, --inputs I     default: 128, 32, 100, 64
//
// A ratio is the time with the cell divided by the time with the plain cell in the same round. `smallest` divides the
// smallest times of all rounds, which other load disturbs least.

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "timing.hpp"
#include "workload.hpp"

namespace bench::regularised {

using namespace unroll::symbols;
inline constexpr auto hd = symbol<"hd">;
constexpr auto dropped = drop_weights(0.5);

// clang-format off: equations keep their lines
inline constexpr auto zoneout_lstm = cell(
    state(h, c), i = sigmoid(linear(x, h)), f = sigmoid(linear(x, h)), g = tanh(linear(x, h)),
    o = sigmoid(linear(x, h)), next(c) = zoneout(f * c + i * g, c, 0.5), next(h) = zoneout(o * tanh(next(c)), h, 0.05));

inline constexpr auto dropout_lstm =
    cell(state(h, c), hd = dropout(h, 0.25), i = sigmoid(linear(x, hd)), f = sigmoid(linear(x, hd)),
         g = tanh(linear(x, hd)), o = sigmoid(linear(x, hd)), next(c) = f * c + i * g, next(h) = o * tanh(next(c)));

inline constexpr auto dropped_weights_lstm =
    cell(state(h, c), i = sigmoid(linear(x) + linear(h, dropped, no_bias)),
         f = sigmoid(linear(x) + linear(h, dropped, no_bias)), g = tanh(linear(x) + linear(h, dropped, no_bias)),
         o = sigmoid(linear(x) + linear(h, dropped, no_bias)), next(c) = f * c + i * g, next(h) = o * tanh(next(c)));

inline constexpr auto zoneout_gru =
    cell(state(h), r = sigmoid(linear(x, h)), z = sigmoid(linear(x, h)), n = tanh(linear(x) + r * linear(h)),
         next(h) = zoneout(n + z * (h - n), h, 0.05));

inline constexpr auto dropout_gru =
    cell(state(h), hd = dropout(h, 0.25), r = sigmoid(linear(x, hd)), z = sigmoid(linear(x, hd)),
         n = tanh(linear(x) + r * linear(hd)), next(h) = n + z * (h - n));

inline constexpr auto dropped_weights_gru =
    cell(state(h), r = sigmoid(linear(x) + linear(h, dropped, no_bias)),
         z = sigmoid(linear(x) + linear(h, dropped, no_bias)), n = tanh(linear(x) + r * linear(h, dropped)),
         next(h) = n + z * (h - n));
// clang-format on

}  // namespace bench::regularised

namespace {

using namespace bench;

struct Compared {
  std::string_view name, plain;
  AnyLayer<float> (*layer)(Index units);
};

template <template <class, int...> class Cell>
AnyLayer<float> last_of(Index units) {
  return Recurrent<Cell>{.units = units, .returns = Returns::last};
}

const std::vector<Compared>& compared() {
  static const std::vector<Compared> all{
      {"layer-normalised lstm", "lstm", last_of<LayerNormLstm>},
      {"lstm with zoneout", "lstm", last_of<EquationsOf<regularised::zoneout_lstm>::Cell>},
      {"lstm with dropout", "lstm", last_of<EquationsOf<regularised::dropout_lstm>::Cell>},
      {"lstm with dropped weights", "lstm", last_of<EquationsOf<regularised::dropped_weights_lstm>::Cell>},
      {"slstm with 4 heads", "lstm", last_of<HeadedSlstm>},
      {"slstm", "lstm", last_of<Slstm>},
      {"layer-normalised gru", "gru", last_of<LayerNormGru>},
      {"gru with zoneout", "gru", last_of<EquationsOf<regularised::zoneout_gru>::Cell>},
      {"gru with dropout", "gru", last_of<EquationsOf<regularised::dropout_gru>::Cell>},
      {"gru with dropped weights", "gru", last_of<EquationsOf<regularised::dropped_weights_gru>::Cell>},
  };
  return all;
}

struct Options {
  Configuration sizes{"cell_cost", "", 32, 100, 64, 128, 1, 10, Task::label_at_end};
  std::vector<std::string_view> names;
  Index rounds = 21;
};

Options parse(int count, char** arguments) {
  Options options;
  const std::pair<std::string_view, Index*> numbers[] = {{"--rounds", &options.rounds},
                                                         {"--units", &options.sizes.units},
                                                         {"--batch", &options.sizes.batch},
                                                         {"--steps", &options.sizes.steps},
                                                         {"--inputs", &options.sizes.inputs}};
  for (int k = 1; k < count; ++k) {
    const std::string_view argument = arguments[k];
    const auto known = std::find_if(std::begin(numbers), std::end(numbers),
                                    [&](const auto& number) { return number.first == argument; });
    if (known == std::end(numbers)) {
      if (argument.starts_with("--"))
        throw std::invalid_argument("option must be a known one, got '" + std::string(argument) + "'");
      options.names.push_back(argument);
    } else {
      *known->second = k + 1 < count ? std::atol(arguments[++k]) : 0;
      if (*known->second < 1) throw std::invalid_argument(std::string(argument) + " must have a value above 0");
    }
  }
  return options;
}

double step_ms(Workload& workload) {
  workload.train();  // caches after the other cell
  const double start = now();
  workload.train();
  return (now() - start) * 1e3;
}

void compare(const Compared& one, const Options& options) {
  const Configuration& sizes = options.sizes;
  const auto workload = [&](AnyLayer<float> layer) {
    return std::make_unique<Workload>(sizes,
                                      Stack<float>(sizes.inputs, {std::move(layer), Dense{.units = sizes.classes}}));
  };
  const auto plain = workload((one.plain == "lstm" ? last_of<Lstm> : last_of<Gru>)(sizes.units));
  const auto cell = workload(one.layer(sizes.units));
  std::vector<double> ms, plain_ms, ratios;
  for (Index round = 0; round < options.rounds; ++round) {
    plain_ms.push_back(step_ms(*plain));
    ms.push_back(step_ms(*cell));
    ratios.push_back(ms.back() / plain_ms.back());
  }
  const auto smallest = [](const std::vector<double>& values) {
    return *std::min_element(values.begin(), values.end());
  };
  std::printf("| %s | %s | %.2f | %.2f | %.2f | %.2f |\n", one.name.data(), one.plain.data(), smallest(plain_ms),
              smallest(ms), smallest(ms) / smallest(plain_ms), median(ratios));
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) try {
  const Options options = parse(count, arguments);
  std::printf("| cell | plain | plain, ms | ms | ratio, smallest | ratio, median |\n|---|---|---|---|---|---|\n");
  for (const Compared& one : compared())
    if (options.names.empty() || std::any_of(options.names.begin(), options.names.end(), [&](std::string_view part) {
          return one.name.find(part) != one.name.npos;
        }))
      compare(one, options);
} catch (const std::exception& error) {
  std::fprintf(stderr, "cell_cost: %s\n", error.what());
  return 1;
}
