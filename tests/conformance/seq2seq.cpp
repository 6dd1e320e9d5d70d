// Encoder and decoder with attention, teacher forced: loss and all gradients.

#include "unroll/models/seq2seq.hpp"

#include "case.hpp"
#include "unroll/attention/luong.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/io/pytorch.hpp"
#include "unroll/layers/bidirectional.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/layers/sequential.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"

namespace conformance {
namespace {

namespace of_the_case {
using namespace symbols;
constexpr auto y = symbol<"y", "scores">;
// The case's scores are linear in state, context and embedded token.
constexpr auto decoder =
    cell(state(h), ctx = attend(additive_biased, h), r = sigmoid(linear(x, ctx, h)), z = sigmoid(linear(x, ctx, h)),
         n = tanh(linear(x, ctx) + r * linear(h)), next(h) = n + z * (h - n), y = linear(next(h), ctx, x), output(y));
}  // namespace of_the_case

Matrix<double> parameter(const Case& given, const std::string& name) { return given.columns<double>(name).transpose(); }

/// One tensor of the case and the blocks of a model that lie in it, by rows and columns.
struct Piece {
  std::string name, block;
  Index row = 0, column = 0;
};

/// Copies parameters from the case into a model, and gradients back.
class Pieces {
 public:
  Pieces(const Case& given, std::vector<Piece> pieces) : given_(given), pieces_(std::move(pieces)) {}

  void read(Parameters<double>& parameters) const {
    for (const Piece& piece : pieces_) {
      auto block = parameters[piece.block];
      block = matrix(piece.name).block(piece.row, piece.column, block.rows(), block.cols());
    }
  }
  void write(const Parameters<double>& gradient, SafeTensors& out) const {
    std::map<std::string, Matrix<double>> whole;
    for (const Piece& piece : pieces_) {
      const auto block = gradient[piece.block];
      const Matrix<double> shape = matrix(piece.name);
      auto& to = whole.try_emplace(piece.name, 0 * shape).first->second;
      to.block(piece.row, piece.column, block.rows(), block.cols()) = block;
    }
    for (const auto& [name, m] : whole)
      out.tensors["d_" + name] = tensor(Matrix<double>(m.transpose()), given_.input(name).shape);
  }

 private:
  /// (rows, cols) there; a vector is one column.
  Matrix<double> matrix(const std::string& name) const {
    const Matrix<double> m = given_.columns<double>(name);
    return given_.input(name).shape.size() == 1 ? m : Matrix<double>(m.transpose());
  }
  const Case& given_;
  std::vector<Piece> pieces_;
};

/// PyTorch's gates of one recurrent module: `gates` in the order of its rows.
void add_gates(std::vector<Piece>& pieces, const std::string& module, const std::string& cell,
               const std::vector<std::string>& gates, Index units,
               const std::vector<std::pair<std::string, Index>>& inputs, bool gru) {
  for (std::size_t k = 0; k < gates.size(); ++k) {
    const Index row = Index(k) * units;
    Index column = 0;
    for (const auto& [name, rows] : inputs) {
      pieces.push_back({module + "weight_ih", cell + gates[k] + "." + name, row, column});
      column += rows;
    }
    const std::string recurrent = gru && gates[k] == "n" ? "n2" : gates[k];
    pieces.push_back({module + "weight_hh", cell + recurrent + ".h", row, 0});
  }
}

/// The sum of two biases is one here: it is read from both and each gets its gradient. A GRU's n has two.
struct Biases {
  std::string module, cell;
  std::vector<std::string> gates;
  Index units;
  bool gru;
};
void read_biases(const Case& given, const Biases& b, Parameters<double>& parameters) {
  const Vector<double> ih = given.columns<double>(b.module + "bias_ih").reshaped(),
                       hh = given.columns<double>(b.module + "bias_hh").reshaped();
  for (std::size_t k = 0; k < b.gates.size(); ++k) {
    const Index row = Index(k) * b.units;
    const bool two = b.gru && b.gates[k] == "n";
    parameters[b.cell + b.gates[k] + ".b"] = ih.segment(row, b.units);
    if (!two) parameters[b.cell + b.gates[k] + ".b"] += hh.segment(row, b.units);
    if (two) parameters[b.cell + "n2.b"] = hh.segment(row, b.units);
  }
}
void write_biases(const Case& given, const Biases& b, const Parameters<double>& gradient, SafeTensors& out) {
  Vector<double> ih(Index(b.gates.size()) * b.units), hh = ih;
  for (std::size_t k = 0; k < b.gates.size(); ++k) {
    const Index row = Index(k) * b.units;
    ih.segment(row, b.units) = hh.segment(row, b.units) = gradient[b.cell + b.gates[k] + ".b"].reshaped();
    if (b.gru && b.gates[k] == "n") hh.segment(row, b.units) = gradient[b.cell + "n2.b"].reshaped();
  }
  for (const auto& [name, m] : {std::pair{"bias_ih", ih}, std::pair{"bias_hh", hh}})
    out.tensors["d_" + b.module + name] = tensor(Matrix<double>(m), given.input(b.module + name).shape);
}

/// Token numbers (T, B) of the case as columns of a timeline.
std::vector<Index> tokens(const Case& given, const std::string& name, const Timeline& timeline) {
  const auto padded = given.integers(name);
  std::vector<Index> packed;
  for (Index c = 0; c < timeline.columns(); ++c) packed.push_back(padded[std::size_t(timeline.padded_column(c))]);
  return packed;
}

template <class Model>
struct Forced {
  Forced(const Case& given, Model& model)
      : sources(Timeline::from_mask(mask(given, "src"))), targets(Timeline::from_mask(mask(given, "tgt"))) {
    const auto source = tokens(given, "src", sources);
    Matrix<double> x(1, sources.columns());
    for (Index c = 0; c < x.cols(); ++c) x(0, c) = double(source[std::size_t(c)]);
    const auto fed = tokens(given, "tgt_in", targets), told = tokens(given, "tgt_out", targets);
    const Labels labels = Eigen::Map<const Labels>(told.data(), Index(told.size()));
    model.prepare(weights);
    model.prepare_back(weights);
    model.begin_learning(weights, view(std::as_const(x)), sources, fed, targets, tape);
    encoded = tape.memory.values;
    gradient = model.parameters().zeros_like();
    attention = model.trace(weights, tape, "ctx.weights");
    const SoftmaxCrossEntropy<double> entropy;
    model.learn(weights, tape, gradient, [&](Index, const ConstView<double>& some) {
      logits = some;
      d_logits.resize(some.rows(), some.cols());
      loss = entropy(some, labels, d_logits).value();
      return view(std::as_const(d_logits));
    });
  }
  static Matrix<bool> mask(const Case& given, const std::string& which) {
    const auto lengths = given.integers(which + "_lengths");
    const Index steps = given.extent(which == "src" ? "src" : "tgt_in", 0);
    Matrix<bool> mask(Index(lengths.size()), steps);
    for (Index b = 0; b < mask.rows(); ++b)
      for (Index t = 0; t < steps; ++t) mask(b, t) = t < lengths[std::size_t(b)];
    return mask;
  }

  void put(const Case& given, SafeTensors& out) const {
    out.tensors["loss"] = number(loss);
    out.tensors["encoder_outputs"] = tensor(sources.unpack(encoded), given.file().at("encoder_outputs").shape);
    put_targets(given, out, "attention", attention);
    put_targets(given, out, "logits", logits);
  }
  /// The case runs over padded steps too; what it computes there counts for nothing and is not compared.
  void put_targets(const Case& given, SafeTensors& out, const std::string& name, const Matrix<double>& packed) const {
    const Tensor& theirs = given.file().at(name);
    const auto values = theirs.to<double>();
    Matrix<double> all =
        Eigen::Map<const Matrix<double>>(values.data(), packed.rows(), targets.batch() * targets.padded_steps());
    for (Index c = 0; c < targets.columns(); ++c) all.col(targets.padded_column(c)) = packed.col(c);
    out.tensors[name] = tensor(all, theirs.shape);
  }

  Timeline sources, targets;
  typename Model::Weights weights;
  typename Model::Tape tape;
  Parameters<double> gradient;
  Matrix<double> encoded, attention, logits, d_logits;
  double loss = 0;
};

void read(const Case& given, const Pieces& map, const std::vector<Biases>& biases, Parameters<double>& theta) {
  map.read(theta);
  for (const auto& b : biases) read_biases(given, b, theta);
  theta["encoder.0.weight"] = given.columns<double>("src_embedding");
  theta["embedding.weight"] = given.columns<double>("tgt_embedding");
}

void put_gradient(const Case& given, SafeTensors& out, const std::string& name, const Matrix<double>& m) {
  out.tensors["d_" + name] = tensor(m, given.input(name).shape);
}

template <class Run>
SafeTensors written(const Case& given, const Run& run, const Pieces& map, const std::vector<Biases>& biases) {
  SafeTensors out;
  run.put(given, out);
  map.write(run.gradient, out);
  for (const auto& b : biases) write_biases(given, b, run.gradient, out);
  put_gradient(given, out, "src_embedding", run.gradient["encoder.0.weight"]);
  put_gradient(given, out, "tgt_embedding", run.gradient["embedding.weight"]);
  return out;
}

SafeTensors bahdanau(const Case& given) {
  const Index units = 4, embedding = 3, memory = 8;
  using Decoder = EquationCell<double, of_the_case::decoder>;
  Sequential encoder(1, Embedding<double>{.size = given.extent("src_embedding", 0), .dimension = embedding},
                     Bidirectional<Gru<double>>{.units = units});
  const Index vocabulary = given.extent("tgt_embedding", 0);
  Seq2Seq<decltype(encoder), Decoder> model(
      encoder, {.vocabulary = vocabulary,
                .embedding = embedding,
                .units = units,
                .sizes = {{"attention", given.extent("v_att", 0)}, {"scores", vocabulary}}});
  std::vector<Piece> pieces{{"Wq", "decoder.ctx.h"},
                            {"Wk", "decoder.ctx.memory"},
                            {"W_out", "decoder.y.h_next", 0, 0},
                            {"W_out", "decoder.y.ctx", 0, units},
                            {"W_out", "decoder.y.x", 0, units + memory},
                            {"b_att", "decoder.ctx.b"},
                            {"b_out", "decoder.y.b"},
                            {"b_init", "bridge.0.bias"}};
  const std::vector<std::string> gates{"r", "z", "n"};
  const std::vector<Biases> biases{{"dec_", "decoder.", gates, units, true},
                                   {"encf_", "encoder.1.forward.", gates, units, true},
                                   {"encb_", "encoder.1.backward.", gates, units, true}};
  add_gates(pieces, "dec_", "decoder.", gates, units, {{"x", embedding}, {"ctx", memory}}, true);
  add_gates(pieces, "encf_", "encoder.1.forward.", gates, units, {{"x", embedding}}, true);
  add_gates(pieces, "encb_", "encoder.1.backward.", gates, units, {{"x", embedding}}, true);
  const Pieces map(given, pieces);
  Parameters<double>& theta = model.parameters();
  read(given, map, biases, theta);
  theta["decoder.ctx.v"] = given.columns<double>("v_att").reshaped(1, given.extent("v_att", 0));
  theta["bridge.0.weight"].rightCols(units) = parameter(given, "W_init");  // of the backward state alone
  theta["output.weight"].setIdentity();
  Forced<decltype(model)> run(given, model);
  SafeTensors out = written(given, run, map, biases);
  put_gradient(given, out, "v_att", run.gradient["decoder.ctx.v"].transpose());
  put_gradient(given, out, "W_init", run.gradient["bridge.0.weight"].rightCols(units).transpose());
  return out;
}

SafeTensors luong(const Case& given) {
  const Index units = 4, embedding = 3;
  Sequential encoder(1, Embedding<double>{.size = given.extent("src_embedding", 0), .dimension = embedding},
                     Recurrent<Lstm<double>>{.units = units});
  Seq2Seq<decltype(encoder), LuongLstm<double>> model(
      encoder,
      {.vocabulary = given.extent("tgt_embedding", 0), .embedding = embedding, .units = units, .bridge = Bridge::copy});
  std::vector<Piece> pieces{{"W_c", "decoder.a.ctx", 0, 0},
                            {"W_c", "decoder.a.h_next", 0, units},
                            {"b_c", "decoder.a.b"},
                            {"W_out", "output.weight"},
                            {"b_out", "output.bias"}};
  const std::vector<std::string> gates{"i", "f", "g", "o"};
  const std::vector<Biases> biases{{"dec_", "decoder.", gates, units, false},
                                   {"enc_", "encoder.1.", gates, units, false}};
  add_gates(pieces, "dec_", "decoder.", gates, units, {{"x", embedding}, {"a", units}}, false);
  add_gates(pieces, "enc_", "encoder.1.", gates, units, {{"x", embedding}}, false);
  const Pieces map(given, pieces);
  Parameters<double>& theta = model.parameters();
  read(given, map, biases, theta);
  theta["decoder.ctx.h_next"] = given.columns<double>("W_a");  // the case has q^T W k, the query is multiplied by W^T
  Forced<decltype(model)> run(given, model);
  SafeTensors out = written(given, run, map, biases);
  put_gradient(given, out, "W_a", run.gradient["decoder.ctx.h_next"]);
  return out;
}

}  // namespace

SafeTensors compute_seq2seq(const Case& given) {
  return given.word("op") == "seq2seq_bahdanau" ? bahdanau(given) : luong(given);
}

}  // namespace conformance
