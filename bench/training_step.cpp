// Benchmark of training steps and inference passes on the configurations for the comparison with peers
// (configurations.hpp). Prints one JSON line per measurement.
//
//     taskset -c 0 ./training_step [NAME...] [options]     NAME is part of a configuration's name; default: all
//       --mode MODE      train, train_packed, infer or infer_packed; may be repeated; default: all
//       --quick          short for --mode train
//       --threads N      number of threads; default: 1
//       --precision P    float or bfloat16, the factors of products; default: float
//       --seconds S      minimum duration of a measurement; default: 0.5
//       --list           prints the configurations instead, for programs that measure peers
//       --serve          reads measurements from standard input, one per line: NAME MODE SECONDS
//
// gflops counts the products of the valid steps, three forward passes for a training step, as the rates of the peers
// do. share_of_peak excludes the gradient of the first layer's input, which no training step needs, and divides by the
// peak multiply-add throughput measured right after it.

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "peak.hpp"
#include "timing.hpp"
#include "workload.hpp"

#ifdef __clang__
#define UNROLL_COMPILER "Clang " __clang_version__
#else
#define UNROLL_COMPILER "GCC " __VERSION__
#endif

namespace {

using namespace bench;

struct Options {
  std::vector<std::string> names, modes;
  int threads = 1;
  double seconds = 0.5;
  bool list = false, serve = false;
  unroll::Precision products = unroll::Precision::float32;
};

unroll::Precision precision_of(std::string_view name) {
  if (name == "float") return unroll::Precision::float32;
  if (name == "bfloat16") return unroll::Precision::bfloat16;
  throw std::invalid_argument("--precision must be float or bfloat16, got '" + std::string(name) + "'");
}

Options parse(int count, char** arguments) {
  Options options;
  for (int k = 1; k < count; ++k) {
    const std::string_view argument = arguments[k];
    const auto value = [&] {
      if (k + 1 == count) throw std::invalid_argument(std::string(argument) + " must have a value");
      return arguments[++k];
    };
    if (argument == "--quick")
      options.modes = {"train"};
    else if (argument == "--mode")
      options.modes.emplace_back(value());
    else if (argument == "--seconds")
      options.seconds = std::atof(value());
    else if (argument == "--threads")
      options.threads = std::atoi(value());
    else if (argument == "--precision")
      options.products = precision_of(value());
    else if (argument == "--list")
      options.list = true;
    else if (argument == "--serve")
      options.serve = true;
    else if (argument.starts_with("--"))
      throw std::invalid_argument("option must be a known one, got '" + std::string(argument) + "'");
    else
      options.names.emplace_back(argument);
  }
  if (options.threads < 1)
    throw std::invalid_argument("--threads must be at least 1, got " + std::to_string(options.threads));
  if (options.modes.empty()) options.modes = {"train", "train_packed", "infer", "infer_packed"};
  return options;
}

/// Measurement of one configuration in one mode; the workload is kept between requests.
class Measurement {
 public:
  Measurement(const Configuration& c, const std::string& mode, int threads, unroll::Precision products)
      : c_(c),
        mode_(mode),
        trains_(mode.starts_with("train")),
        threads_(threads),
        workload_(c, mode.ends_with("_packed"), threads, {}, products) {}

  bool is(const std::string& name, const std::string& mode) const { return c_.name() == name && mode_ == mode; }

  /// Measures for `seconds` seconds and prints the result.
  void run(double seconds) {
    workload_.restart();
    ms_ = median_ms([&] { trains_ ? workload_.train() : workload_.infer(); }, seconds, ms_ > 1000);
    const double valid = double(workload_.columns()) / double(c_.batch * c_.steps);
    const double flops = (trains_ ? c_.training_flops() : c_.forward_flops()) * valid;
    const double unneeded = trains_ ? c_.unneeded_training_flops() * valid : 0, peak = peak_gflops<float>();
    std::printf("{\"what\": \"unroll\", \"compiler\": \"" UNROLL_COMPILER
                "\", \"cfg\": \"%s\", \"mode\": \"%s\", \"threads\": %d, \"ms\": %.4f, "
                "\"gflops\": %.2f, \"peak_gflops\": %.1f, \"share_of_peak\": %.3f}\n",
                c_.name().c_str(), mode_.c_str(), threads_, ms_, flops / ms_ * 1e-6, peak,
                (flops - unneeded) / ms_ * 1e-6 / peak);
    std::fflush(stdout);
  }

 private:
  Configuration c_;
  std::string mode_;
  bool trains_;
  int threads_;
  Workload workload_;
  double ms_ = 0;
};

void serve(const Options& options) {
  std::unique_ptr<Measurement> measurement;
  std::string name, mode;
  for (double seconds; std::cin >> name >> mode >> seconds;) {
    if (!measurement || !measurement->is(name, mode)) {
      measurement.reset();  // frees memory before the next one is created
      measurement = std::make_unique<Measurement>(configuration(name), mode, options.threads, options.products);
    }
    measurement->run(seconds);
  }
}

void describe(const Configuration& c) {
  std::printf(
      "{\"cfg\": \"%s\", \"cell\": \"%s\", \"batch\": %td, \"steps\": %td, \"inputs\": %td, \"units\": %td, "
      "\"layers\": %td, \"classes\": %td, \"task\": \"%s\", \"forward_flops\": %.0f, \"lengths\": [",
      c.name().c_str(), c.cell.c_str(), c.batch, c.steps, c.inputs, c.units, c.layers, c.classes, text(c.task),
      c.forward_flops());
  const char* separator = "";
  for (const Index length : c.lengths()) std::printf("%s%td", separator, length), separator = ", ";
  std::printf("]}\n");
}

bool selected(const Configuration& c, const std::vector<std::string>& names) {
  const std::string name = c.name();
  return names.empty() ||
         std::any_of(names.begin(), names.end(), [&](const std::string& part) { return name.find(part) != name.npos; });
}

}  // namespace

int main(int count, char** arguments) try {
  const Options options = parse(count, arguments);
  if (options.serve) {
    serve(options);
    return 0;
  }
  for (const Configuration& c : configurations()) {
    if (!selected(c, options.names)) continue;
    if (options.list)
      describe(c);
    else
      for (const std::string& mode : options.modes)
        Measurement(c, mode, options.threads, options.products).run(options.seconds);
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "training_step: %s\n", e.what());
  return 1;
}
