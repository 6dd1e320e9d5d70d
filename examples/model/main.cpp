// Shows, runs, converts and compares model files of this library and of other systems.
// bin/model show FILE [--json]
// bin/model run FILE --input x.npy --output y.npy [--lengths n.npy] [--raw] [--end 1 --beams 4]
// bin/model convert FROM TO [--format NAME]
// bin/model compare A B --input x.npy [--lengths n.npy] [--raw] [--tolerance 1e-5]

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "../support/command_line.hpp"
#include "../support/program.hpp"
#include "decode.hpp"
#include "run.hpp"
#include "show.hpp"
#include "unroll/io/formats/npz.hpp"

using namespace unroll;
using namespace model_program;

namespace {

constexpr std::int64_t most_tokens = std::int64_t(1) << 31;

struct Options {
  std::string file, other, input, output, lengths, format;
  OpenOptions open, open_other;
  std::optional<Index> begin, end, longest, beams;  // of decoders
  bool json = false, raw = false;
  double tolerance = std::numeric_limits<double>::infinity();
};

Sequences sequences_of(const Options& options) {
  const auto lengths = options.lengths.empty() ? std::nullopt : std::optional(read_npy(options.lengths));
  if (options.input.ends_with(".npz")) return sequences_in(read_npz(options.input), lengths);
  return sequences_in(read_npy(options.input), lengths);
}

int show(const Options& options) {
  example::print(description_of(options.file, options.open, options.json));
  return 0;
}

/// Options for an encoder-decoder file. Throws ValueError without --end: a wrong token would cut no sequence.
DecodeOptions decode_options(const Options& options, const std::string& file) {
  require<ValueError>(options.end.has_value(), "--end must be given for ", file,
                      ", an encoder and a decoder: the token that ends a sequence, or -1");
  DecodeOptions to{.end = *options.end};
  to.begin = options.begin.value_or(to.begin), to.longest = options.longest.value_or(to.longest);
  to.beams = options.beams.value_or(to.beams);
  return to;
}

/// Outputs of a file, or the tokens of its decoder, with their description.
std::pair<Tensor, std::string> outputs_of_file(const std::string& file, const OpenOptions& open,
                                               const Options& options) {
  if (is_encoder_decoder(file)) {
    check_options(open, Format::unroll);
    auto [tokens, ended] = decoded(file, sequences_of(options), options.raw, decode_options(options, file));
    const std::string what = text("tokens of the shape ", detail::shape_text(tokens.shape), "; ", ended, " of ",
                                  tokens.shape[0], " sequences ended with the end token");
    return {std::move(tokens), what};
  }
  const std::pair<const char*, const std::optional<Index>*> given[] = {{"--begin", &options.begin},
                                                                       {"--end", &options.end},
                                                                       {"--longest", &options.longest},
                                                                       {"--beams", &options.beams}};
  for (const auto& [name, value] : given)
    require<ValueError>(!value->has_value(), name, " needs a file with an encoder and a decoder, got ", file);
  Sequences sequences = sequences_of(options);
  const bool is_double = sequences.is_double;
  Tensor y = outputs_of(open_model_file(file, open), std::move(sequences), options.raw);
  if (is_double) y = Tensor::of(y.to<double>(), y.shape);
  const std::string what = text("outputs of the shape ", detail::shape_text(y.shape));
  return {std::move(y), what};
}

int run(const Options& options) {
  auto [y, what] = outputs_of_file(options.file, options.open, options);
  write_npy(options.output, y);
  example::print(text(options.output, ": ", what, "\n"));
  return 0;
}

int convert(const Options& options) {
  const ModelFile model = open_model_file(options.file, options.open);
  const auto& words = format_words();
  const Format format = options.format.empty() ? format_of_extension(options.other)
                                               : Format(std::ranges::find(words, options.format) - words.begin());
  const auto left_out = write_model_file(model, options.other, format);
  example::print(text(options.other, ": ", name_of(format), ", from ", name_of(model.format), "\n"));
  for (const std::string& part : left_out) example::print("not written: " + part + "\n");
  return 0;
}

int compare(const Options& options) {
  const Tensor of_a = outputs_of_file(options.file, options.open, options).first;
  const Tensor of_b = outputs_of_file(options.other, options.open_other, options).first;
  require<ShapeError>(of_a.shape == of_b.shape, options.other, ": the shape of the outputs must be ",
                      detail::shape_text(of_a.shape), ", as of ", options.file, ", got ",
                      detail::shape_text(of_b.shape));
  const auto ours = of_a.to<double>(), theirs = of_b.to<double>();
  double largest = 0;
  for (std::size_t k = 0; k < ours.size(); ++k) {
    const double difference = std::abs(ours[k] - theirs[k]);
    if (!std::isnan(largest) && !(difference <= largest)) largest = difference;  // a NaN remains
  }
  example::print(text("largest difference ", largest, " of ", ours.size(), " outputs\n"));
  require<ValueError>(!(largest > options.tolerance) && !std::isnan(largest), "largest difference ", largest,
                      " must be at most ", options.tolerance, ", the tolerance");
  return 0;
}

/// `suffix`: of the options of the second file.
void add_open_options(CLI::App& app, OpenOptions& options, const std::string& suffix = {}) {
  app.add_option("--architecture" + suffix, options.architecture,
                 "layers of a file that has only weights: JSON of 'show --json', or a model file with the same layers");
  app.add_option("--key" + suffix, options.key, "name of the state_dict in a PyTorch file with several");
  app.add_option("--ignore" + suffix, options.ignore,
                 "tensors of a PyTorch file that are not used: beginnings or patterns with *")
      ->delimiter(',');
}
void add_input_options(CLI::App& app, Options& options) {
  app.add_option(
         "--input", options.input,
         ".npy file of inputs (steps, batch, features); tokens have 1 feature. .npz file of several inputs by name")
      ->required();
  app.add_option("--lengths", options.lengths, ".npy file of the numbers of steps (batch)");
  app.add_flag("--raw", options.raw, "inputs are standardized already");
  app.add_option("--begin", options.begin, "decoder: token before the first one, 0 without the option")
      ->check(example::whole(0, most_tokens));
  app.add_option("--end", options.end, "decoder: token that ends a sequence, -1: none")
      ->check(example::whole(-1, most_tokens));
  app.add_option("--longest", options.longest, "decoder: most tokens of a sequence, 100 without the option")
      ->check(example::whole(1, 100'000));
  app.add_option("--beams", options.beams, "decoder: hypotheses of a beam search; greedy without the option")
      ->check(example::whole(1, 1000));
}

/// Adds a subcommand whose first argument is a model file.
CLI::App& add_command(CLI::App& app, const char* name, const char* purpose, Options& options, const char* argument) {
  CLI::App& command = *app.add_subcommand(name, purpose);
  command.add_option(argument, options.file, "model file")->required();
  add_open_options(command, options.open);
  return command;
}

void add_commands(CLI::App& app, Options& options) {
  app.require_subcommand(1);
  add_command(app, "show", "Describes a model file.", options, "FILE").add_flag("--json", options.json, "writes JSON");
  CLI::App& run = add_command(app, "run", "Computes outputs for sequences.", options, "FILE");
  add_input_options(run, options);
  run.add_option("--output", options.output,
                 ".npy file for outputs (steps, batch, outputs) or (batch, outputs); tokens (batch, longest)")
      ->required();
  CLI::App& convert = add_command(app, "convert", "Writes a model in another format.", options, "FROM");
  convert.add_option("TO", options.other, "file to write; its extension is the format")->required();
  convert.add_option("--format", options.format, "format of TO")->check(example::one_of(format_words()));
  CLI::App& compare = add_command(app, "compare", "Compares the outputs of two model files.", options, "A");
  compare.add_option("B", options.other, "model file")->required();
  add_input_options(compare, options);
  add_open_options(compare, options.open_other, "-b");
  compare.add_option("--tolerance", options.tolerance, "largest difference with exit status 0")
      ->check(example::number(0, 1e300));
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("model", [&] {
    Options options;
    std::string command;
    const int status = example::read_command_line(
        "model",
        "Shows, runs, converts and compares model files of unroll, PyTorch, Keras, ONNX, RTNeural and "
        "Neural Amp Modeler.",
        argc, argv, [&](CLI::App& app) { add_commands(app, options); },
        [&](const CLI::App& app) { command = app.get_subcommands().front()->get_name(); });
    if (status >= 0) return status;
    if (command == "show") return show(options);
    if (command == "run") return run(options);
    return command == "convert" ? convert(options) : compare(options);
  });
}
