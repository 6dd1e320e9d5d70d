// Conformance program: computes cases in the format of tests/golden and compares the results with those in the case.
//
//     conformance CASE.safetensors OUT.safetensors       writes every output and gradient under the case's names
//     conformance --check FOLDER [--missing FILE]        runs all cases of FOLDER/index.json, or of
//     FOLDER/../index.json in that folder
//
// A value passes if |got - want| <= atol + rtol |want|, with both tolerances from the index; NaN equals NaN. Every
// tensor that was not read as an input must have been computed, and every option must have been read, so that a case
// cannot pass for the wrong reason. The program refuses cases with unknown operations or options and names them; FILE
// lists the cases that it may refuse.

#include <cmath>
#include <cstdio>
#include <fstream>

#include "cells.hpp"
#include "files.hpp"

namespace conformance {
namespace {

SafeTensors compute_known(const Case& given) {
  const std::string op = given.at<std::string>("op");
  if (op == "lstm" || op == "gru" || op == "rnn_tanh" || op == "rnn_relu") return compute_rnn(given);
  if (op == "attention" || op == "keras_Attention" || op == "keras_AdditiveAttention") return compute_attention(given);
  if (op.starts_with("seq2seq_")) return compute_seq2seq(given);
  if (op == "embedding" || op == "keras_Embedding") return compute_embedding(given);
  if (op.starts_with("conv") || op.ends_with("Pool1d") || op.starts_with("keras_Conv1D") || op.ends_with("Pooling1D") ||
      op == "keras_UpSampling1D")
    return compute_convolution(given);
  if (op == "linear" || op == "keras_Dense" || op == "layer_norm" || op == "rms_norm" || op == "batch_norm1d" ||
      op == "keras_BatchNormalization" || op == "keras_LayerNormalization")
    return compute_normalisation(given);
  if (op == "training_trajectory") return compute_training(given);
  if (op == "optimizer" || op == "keras_optimizer") return compute_optimizer(given);
  if (op == "scheduler") return compute_schedule(given);
  if (op == "clip_grad_norm" || op == "clip_grad_value") return compute_clip(given);
  if (op == "scalar functions" || op == "softmax") return compute_scalar(given);
  if (op.starts_with("onnx_")) return compute_onnx(given);
  if (op.starts_with("word2vec_")) return compute_word2vec(given);
  if (op == "keras_SimpleRNN" || op == "keras_LSTM" || op == "keras_GRU" ||
      op == "keras_Embedding_mask_zero_SimpleRNN" || op == "keras_Embedding_mask_zero_LSTM" ||
      op == "keras_Embedding_mask_zero_GRU")
    return compute_keras(given);
  for (const char* cell : {"mingru", "cornn", "cfc", "lmu", "mogrifier_lstm", "layernorm_lstm", "layernorm_gru",
                           "gru_d", "phased_lstm", "slstm_heads", "mlstm", "gated_delta_rule", "ltc", "lru",
                           "zoneout_lstm_masks", "variational_dropout_lstm_masks"})
    if (op == cell) return compute_cell(given);
  if (op == "ctc_loss") return compute_ctc(given);
  return compute_loss(given);
}

SafeTensors compute(const Case& given) {
  SafeTensors out = compute_known(given);
  std::string unread;
  for (const std::string& option : given.unread_options())
    unread += (unread.empty() ? "option " : ", option ") + option;
  require<Refused>(unread.empty(), unread, " is not read by this program");
  return out;
}

struct Tolerance {
  double relative, absolute;
};

/// Tolerance no narrower than the framework's precision: Keras divides masked statistics by their count plus 1e-7, and
/// PyTorch has the slope of a hard sigmoid, one sixth, in single precision.
Tolerance widened(const Case& given, const std::string& name, Tolerance allowed) {
  const auto options = given.options({"arguments", "keras_kwargs"});
  const bool masked = given.at<std::string>("op") == "keras_BatchNormalization" && given.has("mask0");
  const bool sixth = name.starts_with("d_") && (options.value("activation", "") == "hard_sigmoid" ||
                                                options.value("recurrent_activation", "") == "hard_sigmoid");
  if (masked || sixth) allowed = {std::max(allowed.relative, 1e-7), std::max(allowed.absolute, 1e-7)};
  return allowed;
}

/// Worst entry of a tensor as a fraction of the tolerance; infinite if the tensor cannot pass.
double worst_of(const Case& given, const std::string& name, const Tensor& got, const Tensor& want, Tolerance allowed) {
  if (got.shape != want.shape) return INFINITY;
  allowed = widened(given, name, allowed);
  const auto a = got.to<double>(), b = want.to<double>();
  const auto defined =
      name == "y" && given.has("y_defined") ? given.input("y_defined").to<double>() : std::vector<double>();
  // The metadata of the case define this tolerance of derivatives.
  const bool derivative = name.starts_with("d_") && !given.word("derivatives").empty();
  const auto x = derivative ? given.input("x").to<double>() : std::vector<double>();
  const auto kinks = derivative ? kinks_of_functions(given) : std::vector<double>();
  if (derivative) allowed.absolute = 1e-15;
  if (want.dtype == DType::F32) {  // 8 units in the last place; PyTorch flushes subnormal numbers to 0
    using Limits = std::numeric_limits<float>;
    allowed.relative = std::max(allowed.relative, 8 * double(Limits::epsilon()));
    allowed.absolute = std::max(allowed.absolute, double(Limits::min()));
  }
  double worst = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (!defined.empty() && defined.at(k / std::max<std::size_t>(1, a.size() / defined.size())) == 0) continue;
    if (derivative && (!std::isfinite(x.at(k)) || !std::isfinite(b[k]) || std::ranges::count(kinks, x[k]) > 0))
      continue;
    // PyTorch divides infinity by infinity here; the library returns the limit.
    if (name == "softsign" && std::isnan(b[k]) && std::abs(a[k]) == 1) continue;
    if ((std::isnan(a[k]) && std::isnan(b[k])) || a[k] == b[k]) continue;
    const double error = std::abs(a[k] - b[k]) / (allowed.absolute + allowed.relative * std::abs(b[k]));
    worst = std::max(worst, std::isnan(error) ? INFINITY : error);
  }
  return worst;
}

struct Verdict {
  double worst = 0;
  std::string tensor;     // name of the worst one
  std::string complaint;  // empty if the case passes
  bool refused = false;

  void complain(const std::string& what) { complaint += (complaint.empty() ? "" : ", ") + what; }
};

/// Compares every tensor of the case that is not an input with the computed one.
void compare(const Case& given, const SafeTensors& out, Tolerance allowed, Verdict& verdict) {
  Index compared = 0;
  for (const auto& [name, want] : given.file().tensors) {
    const auto got = out.tensors.find(name);
    if (got == out.tensors.end()) {
      if (!given.was_read(name)) verdict.complain("tensor '" + name + "' is neither read nor computed by this program");
      continue;
    }
    if (given.was_read(name)) continue;  // an input that was also computed
    ++compared;
    const double worst = worst_of(given, name, got->second, want, allowed);
    if (worst > 1)
      verdict.complain(got->second.shape == want.shape
                           ? name + " differs"
                           : text(name, " has the shape ", unroll::detail::shape_text(got->second.shape), ", not ",
                                  unroll::detail::shape_text(want.shape)));
    if (worst >= verdict.worst) verdict.worst = worst, verdict.tensor = name;
  }
  if (compared == 0) verdict.complain("the case holds no output that could be compared");
}

Verdict check(const std::filesystem::path& path, Tolerance allowed) {
  Verdict verdict;
  try {
    const Case given(read_safetensors(path));
    compare(given, compute(given), allowed, verdict);
  } catch (const Refused& refused) {
    verdict.refused = true, verdict.complaint = refused.what();
  } catch (const std::exception& error) {
    verdict.complaint = error.what();
  } catch (...) {
    verdict.complaint = "an exception of an unknown type";
  }
  return verdict;
}

/// Checks one case of the index: numbers to compute, or a file to read or to refuse.
Verdict check_entry(const std::filesystem::path& root, const nlohmann::json& entry) {
  Verdict verdict;
  try {
    const std::string file = entry.at("file");
    const auto path = exists(root / file) ? root / file : root.parent_path() / file;  // paths of a group's own index
    if (entry.contains("tensors"))
      return check(path, Tolerance{entry.at("rtol").get<double>(), entry.at("atol").get<double>()});
    verdict.complaint = complaint_about_file(path, entry);
  } catch (const std::exception& error) {
    verdict.complaint = error.what();
  }
  return verdict;
}

/// Cases that the library does not compute yet, from lines "CASE reason". A listed case that passes is a failure.
std::map<std::string, std::string> read_missing(const char* path) {
  std::map<std::string, std::string> missing;
  std::ifstream in(path);
  require<FileError>(in.is_open(), path, ": cannot be read");
  for (std::string name, reason; in >> name && std::getline(in, reason);)
    if (name[0] != '#') missing[name] = reason;
  return missing;
}

struct Counts {
  int passed = 0, failed = 0, refused = 0, missing = 0, informational = 0;
};

void report(const std::string& name, const Verdict& verdict, bool informational, bool listed, Counts& counts) {
  const bool good = verdict.complaint.empty();
  const auto record = [&](int& count, const char* status, const std::string& what) {
    ++count;
    std::printf("%-13s %s: %s\n", status, name.c_str(), what.c_str());
  };
  if (informational)
    record(counts.informational, "informational", good ? "agrees" : verdict.complaint);
  else if (listed && good)
    record(counts.failed, "FAILED", "passes, yet it is listed as missing");
  else if (listed && verdict.refused)
    record(counts.missing, "missing", "refused: " + verdict.complaint);
  else if (verdict.refused)
    record(counts.refused, "REFUSED", verdict.complaint);
  else if (!good)
    record(counts.failed, "FAILED", verdict.complaint);
  else
    ++counts.passed;
}

int check_folder(const std::filesystem::path& folder, const std::map<std::string, std::string>& missing) {
  const bool whole = exists(folder / "index.json");
  const auto root = whole ? folder : folder.parent_path();
  std::ifstream in(root / "index.json");
  require<FileError>(in.is_open(), folder.string(), ": there is no index.json in this folder or above it");
  const auto index = nlohmann::json::parse(in);
  Counts counts;
  Verdict worst;
  std::string worst_case;
  for (const auto& entry : index.at("cases")) {
    const std::string name = entry.at("file");
    if (!whole && entry.at("group") != folder.filename().string()) continue;
    const Verdict verdict = check_entry(root, entry);
    report(name, verdict, entry.value("informational", false), missing.contains(name), counts);
    std::fflush(stdout);
    if (verdict.complaint.empty() && verdict.worst >= worst.worst) worst = verdict, worst_case = name;
  }
  std::printf("%d passed, %d failed, %d refused, %d missing, %d informational; worst %s, %s at %.2g of its tolerance\n",
              counts.passed, counts.failed, counts.refused, counts.missing, counts.informational, worst_case.c_str(),
              worst.tensor.c_str(), worst.worst);
  return counts.failed + counts.refused == 0 && counts.passed > 0 ? 0 : 1;
}

int main(int count, char** words) {
  if (count == 3 && std::string_view(words[1]) == "--check") return check_folder(words[2], {});
  if (count == 5 && std::string_view(words[1]) == "--check" && std::string_view(words[3]) == "--missing")
    return check_folder(words[2], read_missing(words[4]));
  if (count != 3) {
    std::fputs("conformance CASE.safetensors OUT.safetensors\nconformance --check FOLDER [--missing FILE]\n", stderr);
    return 2;
  }
  write_safetensors(words[2], compute(Case(read_safetensors(words[1]))));
  return 0;
}

}  // namespace
}  // namespace conformance

int main(int count, char** words) try {
  return conformance::main(count, words);
} catch (const conformance::Refused& refused) {
  std::fprintf(stderr, "conformance: refused: %s\n", refused.what());
  return 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "conformance: %s\n", error.what());
  return 1;
}
