// What the library computes for a case in the format of tests/golden, and how it compares with what the case holds.
//
//     conformance CASE.safetensors OUT.safetensors       writes every output and gradient under the case's names
//     conformance --check FOLDER [--missing FILE]        runs all cases of FOLDER/index.json, or of
//     FOLDER/../index.json in that folder
//
// A value passes when |got - want| <= atol + rtol |want|, both from the index; NaN equals NaN. Whatever tensor of a
// case was not read as an input must have been computed.

#include <cmath>
#include <cstdio>
#include <fstream>

#include "case.hpp"

namespace conformance {
namespace {

SafeTensors compute(const Case& given) {
  const std::string op = given.word("op");
  if (op == "lstm" || op == "gru" || op == "rnn_tanh" || op == "rnn_relu") return compute_rnn(given);
  if (op == "attention" || op == "keras_Attention" || op == "keras_AdditiveAttention") return compute_attention(given);
  if (op.starts_with("seq2seq_")) return compute_seq2seq(given);
  if (op == "embedding") return compute_embedding(given);
  if (op.starts_with("conv") || op.ends_with("Pool1d") || op.starts_with("keras_Conv1D"))
    return compute_convolution(given);
  if (op == "linear" || op == "layer_norm" || op == "batch_norm1d" || op == "keras_BatchNormalization")
    return compute_normalisation(given);
  if (op == "training_trajectory") return compute_training(given);
  if (op == "optimizer" || op == "keras_optimizer") return compute_optimizer(given);
  if (op == "scheduler") return compute_schedule(given);
  if (op == "clip_grad_norm" || op == "clip_grad_value") return compute_clip(given);
  if (op == "scalar functions" || op == "softmax") return compute_scalar(given);
  if (op.starts_with("onnx_")) return compute_onnx(given);
  if (op.starts_with("word2vec_")) return compute_word2vec(given);
  if (given.has("loss")) return compute_loss(given);
  if (op.starts_with("keras_")) return compute_keras(given);
  throw Unsupported(text("the operation '", op, "'"));
}

struct Tolerance {
  double relative, absolute;
};

/// The worst entry of a tensor as a fraction of what is allowed; infinite where it can never pass.
double worst_of(const Case& given, const std::string& name, const Tensor& got, const Tensor& want, Tolerance allowed) {
  if (got.shape != want.shape) return INFINITY;
  const auto a = got.to<double>(), b = want.to<double>();
  const auto defined =
      name == "y" && given.has("y_defined") ? given.file().at("y_defined").to<double>() : std::vector<double>();
  // The case itself asks for this reading of its derivatives, see its metadata.
  const auto x = name.starts_with("d_") && !given.word("derivatives").empty() ? given.file().at("x").to<double>()
                                                                              : std::vector<double>();
  if (!x.empty()) allowed.absolute = 1e-15;
  if (want.dtype == DType::F32) {  // eight units in the last place; PyTorch makes subnormal numbers 0
    using Limits = std::numeric_limits<float>;
    allowed.relative = std::max(allowed.relative, 8 * double(Limits::epsilon()));
    allowed.absolute = std::max(allowed.absolute, double(Limits::min()));
  }
  double worst = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (!defined.empty() && defined[k / (a.size() / defined.size())] == 0) continue;
    if (!x.empty() &&
        (!std::isfinite(x[k]) || !std::isfinite(b[k]) || x[k] == 0 || std::abs(x[k]) == 1 || std::abs(x[k]) == 2.5))
      continue;
    // PyTorch divides infinity by infinity here, the library gives the limit.
    if (name == "softsign" && std::isnan(b[k]) && std::abs(a[k]) == 1) continue;
    if ((std::isnan(a[k]) && std::isnan(b[k])) || a[k] == b[k]) continue;
    const double error = std::abs(a[k] - b[k]) / (allowed.absolute + allowed.relative * std::abs(b[k]));
    worst = std::max(worst, std::isnan(error) ? INFINITY : error);
  }
  return worst;
}

struct Verdict {
  double worst = 0;
  std::string tensor;     // the worst
  std::string complaint;  // empty when everything passes
  bool unsupported = false;
};

Verdict check(const std::filesystem::path& path, Tolerance allowed) {
  const Case given(read_safetensors(path));
  Verdict verdict;
  try {
    const SafeTensors out = compute(given);
    for (const auto& [name, want] : given.file().tensors) {
      if (given.was_read(name)) continue;
      const auto got = out.tensors.find(name);
      const double worst = got == out.tensors.end() ? INFINITY : worst_of(given, name, got->second, want, allowed);
      if (worst > 1)
        verdict.complaint +=
            (verdict.complaint.empty() ? "" : ", ") + name + (got == out.tensors.end() ? " not computed" : " differs");
      if (worst >= verdict.worst) verdict.worst = worst, verdict.tensor = name;
    }
  } catch (const Unsupported& missing) {
    verdict.unsupported = true, verdict.complaint = missing.what();
  } catch (const std::exception& error) {
    verdict.complaint = error.what();
  }
  return verdict;
}

/// Lines "CASE reason": what the library does not compute yet. A case that passes must not stand there.
std::map<std::string, std::string> read_missing(const char* path) {
  std::map<std::string, std::string> missing;
  std::ifstream in(path);
  for (std::string name, reason; in >> name && std::getline(in, reason);)
    if (name[0] != '#') missing[name] = reason;
  return missing;
}

int check_folder(const std::filesystem::path& folder, const std::map<std::string, std::string>& missing) {
  const bool whole = exists(folder / "index.json");
  const auto root = whole ? folder : folder.parent_path();
  std::ifstream in(root / "index.json");
  const auto index = nlohmann::json::parse(in);
  int passed = 0, failed = 0, skipped = 0;
  Verdict worst;
  std::string worst_case;
  for (const auto& entry : index.at("cases")) {
    const std::string name = entry.at("file"), group = entry.at("group");
    if ((!whole && group != folder.filename()) || !entry.contains("tensors")) continue;
    const Verdict verdict = check(root / name, {entry.at("rtol"), entry.at("atol")});
    const bool good = verdict.complaint.empty(), told = missing.contains(name);
    const bool skip = entry.value("informational", false) || (told && verdict.unsupported);
    if (skip)
      ++skipped, std::printf("%s %s: %s\n", told ? "missing      " : "informational", name.c_str(),
                             good ? "agrees" : verdict.complaint.c_str());
    else if (!good || told)
      ++failed, std::printf("FAILED        %s: %s\n", name.c_str(),
                            good ? "passes, yet it is listed as missing" : verdict.complaint.c_str());
    else
      ++passed;
    if (good && verdict.worst >= worst.worst) worst = verdict, worst_case = name;
  }
  std::printf("%d passed, %d failed, %d informational or missing; worst %s, %s at %.2g of its tolerance\n", passed,
              failed, skipped, worst_case.c_str(), worst.tensor.c_str(), worst.worst);
  return failed == 0 && passed > 0 ? 0 : 1;
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

int main(int count, char** words) try { return conformance::main(count, words); } catch (const std::exception& error) {
  std::fprintf(stderr, "conformance: %s\n", error.what());
  return 1;
}
