// Encoder and decoder with attention and teacher forcing: loss and all gradients.

#include "unroll/models/seq2seq.hpp"

#include "run.hpp"
#include "unroll/attention/luong.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/io/import/pytorch.hpp"
#include "unroll/layers/bidirectional.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"
#include "unroll/models/sequential.hpp"

namespace conformance {
namespace {

namespace of_the_case {
using namespace symbols;
constexpr auto y = symbol<"y", "scores">;
// Scores of the case are linear in state, context and embedded token.
constexpr auto decoder =
    cell(state(h), ctx = attend(additive_biased, h), r = sigmoid(linear(x, ctx, h)), z = sigmoid(linear(x, ctx, h)),
         n = tanh(linear(x, ctx) + r * linear(h)), next(h) = n + z * (h - n), y = linear(next(h), ctx, x), output(y));
}  // namespace of_the_case

/// Block of a model within a tensor of the case, with its first row and column there.
struct Piece {
  std::string name, block;
  Index row = 0, column = 0;
};

/// Copies parameters from a case to a model, and gradients from the model to the results.
class Pieces {
 public:
  Pieces(const Case& given, std::vector<Piece> pieces) : given_(given), pieces_(std::move(pieces)) {}

  void read(Parameters<double>& parameters) const {
    for (const Piece& piece : pieces_) {
      auto block = parameters[piece.block];
      MatrixX<double> whole = matrix(piece.name);
      block = part(whole, piece, block.rows(), block.cols());
    }
  }
  void write(const Parameters<double>& gradient, SafeTensors& out) const {
    std::map<std::string, MatrixX<double>> whole;
    for (const Piece& piece : pieces_) {
      const auto block = gradient[piece.block];
      const MatrixX<double> shape = matrix(piece.name);
      auto& to = whole.try_emplace(piece.name, 0 * shape).first->second;
      part(to, piece, block.rows(), block.cols()) = block;
    }
    for (const auto& [name, m] : whole)
      out.tensors["d_" + name] = tensor(MatrixX<double>(m.transpose()), given_.input(name).shape);
  }

 private:
  static Eigen::Block<MatrixX<double>> part(MatrixX<double>& whole, const Piece& piece, Index rows, Index cols) {
    require<ShapeError>(piece.row + rows <= whole.rows() && piece.column + cols <= whole.cols(), "tensor '", piece.name,
                        "' is ", whole.rows(), " x ", whole.cols(), ", too small for ", rows, " x ", cols,
                        " numbers from row ", piece.row, ", column ", piece.column);
    return whole.block(piece.row, piece.column, rows, cols);
  }
  /// Matrix (rows, cols) of the case; a vector is one column.
  MatrixX<double> matrix(const std::string& name) const {
    const MatrixX<double> m = given_.columns<double>(name);
    return given_.input(name).shape.size() == 1 ? m : MatrixX<double>(m.transpose());
  }
  const Case& given_;
  std::vector<Piece> pieces_;
};

/// Adds PyTorch's gates of one recurrent module; `gates` are in the order of its rows.
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

/// Biases of one module. PyTorch's two biases of a gate are added up here and both get the gradient of the sum. The n
/// of a GRU has two separate biases.
struct Biases {
  std::string module, cell;
  std::vector<std::string> gates;
  Index units;
  bool gru;
};
void read_biases(const Case& given, const Biases& b, Parameters<double>& parameters) {
  const Index rows = Index(b.gates.size()) * b.units;
  const VectorX<double> ih = given.vector(b.module + "bias_ih", rows), hh = given.vector(b.module + "bias_hh", rows);
  for (std::size_t k = 0; k < b.gates.size(); ++k) {
    const Index row = Index(k) * b.units;
    const bool two = b.gru && b.gates[k] == "n";
    parameters[b.cell + b.gates[k] + ".b"] = ih.segment(row, b.units);
    if (!two) parameters[b.cell + b.gates[k] + ".b"] += hh.segment(row, b.units);
    if (two) parameters[b.cell + "n2.b"] = hh.segment(row, b.units);
  }
}
void write_biases(const Case& given, const Biases& b, const Parameters<double>& gradient, SafeTensors& out) {
  VectorX<double> ih(Index(b.gates.size()) * b.units), hh = ih;
  for (std::size_t k = 0; k < b.gates.size(); ++k) {
    const Index row = Index(k) * b.units;
    ih.segment(row, b.units) = hh.segment(row, b.units) = gradient[b.cell + b.gates[k] + ".b"].reshaped();
    if (b.gru && b.gates[k] == "n") hh.segment(row, b.units) = gradient[b.cell + "n2.b"].reshaped();
  }
  for (const auto& [name, m] : {std::pair{"bias_ih", ih}, std::pair{"bias_hh", hh}})
    out.tensors["d_" + b.module + name] = tensor(MatrixX<double>(m), given.input(b.module + name).shape);
}

/// Sizes of a case. `encoder`: prefix of PyTorch's names, `gates`: number of gates.
struct Sizes {
  Sizes(const Case& given, const std::string& encoder, Index gates)
      : source_steps(given.extent("src", 0, 2)),
        steps(given.extent("tgt_in", 0, 2)),
        batch(given.extent("src", 1, 2)),
        source_words(given.extent("src_embedding", 0, 2)),
        words(given.extent("tgt_embedding", 0, 2)),
        source_embedding(given.extent("src_embedding", 1, 2)),
        embedding(given.extent("tgt_embedding", 1, 2)),
        encoder_units(given.extent(encoder + "weight_hh", 1, 2)),
        units(given.extent("dec_weight_hh", 1, 2)) {
    check_module(given, encoder, gates, encoder_units, source_embedding);
    given.check("Vs", source_words), given.check("Vt", words), given.check("H", units);
    given.check("De", embedding);
    given.check("Ts", source_steps), given.check("Tt", steps), given.check("B", batch);
  }
  static void check_module(const Case& given, const std::string& module, Index gates, Index rows, Index inputs) {
    given.input(module + "weight_ih", {gates * rows, inputs}), given.input(module + "weight_hh", {gates * rows, rows});
  }
  Index source_steps, steps, batch, source_words, words, source_embedding, embedding, encoder_units, units;
};

/// Teacher-forced forward and backward pass. The model computes the decoder's initial state from the encoder's final
/// one. The decoder runs over every step, as in the case; steps after the end of a target have no label.
template <class Model>
struct Forced {
  Forced(const Case& given, const Sizes& sizes, Model& model)
      : sources(Timeline::from_mask(mask(given, "src", sizes.batch, sizes.source_steps))),
        targets(Timeline::rectangular(sizes.batch, sizes.steps)) {
    const std::vector<Index> of_targets{sizes.steps, sizes.batch};
    given.integers("src", {sizes.source_steps, sizes.batch}, 0, sizes.source_words - 1);
    const MatrixX<double> x =
        sources.pack(MatrixX<double>(given.columns<double>("src").reshaped(1, sizes.source_steps * sizes.batch)));
    const auto fed = given.integers("tgt_in", of_targets, 0, sizes.words - 1),
               told = given.integers("tgt_out", of_targets, 0, sizes.words - 1);
    const MatrixX<bool> counts = mask(given, "tgt", sizes.batch, sizes.steps);
    Labels labels(Index(told.size()));
    for (Index c = 0; c < labels.size(); ++c)
      labels[c] = counts(c % sizes.batch, c / sizes.batch) ? told[std::size_t(c)] : -1;
    model.prepare(weights);
    model.prepare_back(weights);
    model.begin_learning(weights, view(x), sources, fed, targets, tape);
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
  static MatrixX<bool> mask(const Case& given, const std::string& which, Index batch, Index steps) {
    return mask_of_lengths(given.integers(which + "_lengths", {batch}, 0, steps), steps);
  }

  void put(SafeTensors& out, const Sizes& sizes) const {
    out.tensors["loss"] = number(loss);
    out.tensors["encoder_outputs"] = tensor(sources.unpack(encoded), {sizes.source_steps, sizes.batch, encoded.rows()});
    out.tensors["attention"] = tensor(attention, {sizes.steps, sizes.batch, attention.rows()});
    out.tensors["logits"] = tensor(logits, {sizes.steps, sizes.batch, logits.rows()});
  }

  Timeline sources, targets;
  typename Model::Weights weights;
  typename Model::Tape tape;
  Parameters<double> gradient;
  MatrixX<double> encoded, attention, logits, d_logits;
  double loss = 0;
};

void read(const Case& given, const Pieces& map, const std::vector<Biases>& biases, Parameters<double>& theta) {
  map.read(theta);
  for (const auto& b : biases) read_biases(given, b, theta);
  theta["encoder.0.weight"] = given.columns<double>("src_embedding");
  theta["embedding.weight"] = given.columns<double>("tgt_embedding");
}

void put_gradient(const Case& given, SafeTensors& out, const std::string& name, const MatrixX<double>& m) {
  out.tensors["d_" + name] = tensor(m, given.input(name).shape);
}

template <class Run>
SafeTensors written(const Case& given, const Sizes& sizes, const Run& run, const Pieces& map,
                    const std::vector<Biases>& biases) {
  SafeTensors out;
  run.put(out, sizes);
  map.write(run.gradient, out);
  for (const auto& b : biases) write_biases(given, b, run.gradient, out);
  put_gradient(given, out, "src_embedding", run.gradient["encoder.0.weight"]);
  put_gradient(given, out, "tgt_embedding", run.gradient["embedding.weight"]);
  return out;
}

SafeTensors bahdanau(const Case& given) {
  given.only("gate_order", {"r,z,n"});
  const Sizes sizes(given, "encf_", 3);
  const Index units = sizes.units, own = sizes.encoder_units, memory = 2 * own, tangents = given.extent("v_att", 0, 1);
  given.check("A", tangents);
  Sizes::check_module(given, "encb_", 3, own, sizes.source_embedding);
  Sizes::check_module(given, "dec_", 3, units, sizes.embedding + memory);
  for (const auto& [name, shape] : std::vector<std::pair<std::string, std::vector<Index>>>{
           {"Wq", {tangents, units}},
           {"Wk", {tangents, memory}},
           {"b_att", {tangents}},
           {"W_init", {units, own}},
           {"b_init", {units}},
           {"W_out", {sizes.words, units + memory + sizes.embedding}},
           {"b_out", {sizes.words}}})
    given.input(name, shape);
  using Decoder = EquationCell<double, of_the_case::decoder>;
  auto encoder = sequential<double>(1, Embedding{.size = sizes.source_words, .dimension = sizes.source_embedding},
                                    Bidirectional<Gru>{.units = own});
  Seq2Seq<decltype(encoder), Decoder> model(encoder, {.vocabulary = sizes.words,
                                                      .embedding = sizes.embedding,
                                                      .units = units,
                                                      .sizes = {{"attention", tangents}, {"scores", sizes.words}}});
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
                                   {"encf_", "encoder.1.forward.", gates, own, true},
                                   {"encb_", "encoder.1.backward.", gates, own, true}};
  add_gates(pieces, "dec_", "decoder.", gates, units, {{"x", sizes.embedding}, {"ctx", memory}}, true);
  add_gates(pieces, "encf_", "encoder.1.forward.", gates, own, {{"x", sizes.source_embedding}}, true);
  add_gates(pieces, "encb_", "encoder.1.backward.", gates, own, {{"x", sizes.source_embedding}}, true);
  const Pieces map(given, pieces);
  Parameters<double>& theta = model.parameters();
  read(given, map, biases, theta);
  theta["decoder.ctx.v"] = given.vector("v_att", tangents).reshaped(1, tangents);
  // The case uses only the state of the backward direction.
  theta["bridge.0.weight"].rightCols(own) = given.columns<double>("W_init").transpose();
  theta["output.weight"].setIdentity();
  Forced<decltype(model)> run(given, sizes, model);
  SafeTensors out = written(given, sizes, run, map, biases);
  put_gradient(given, out, "v_att", run.gradient["decoder.ctx.v"].transpose());
  put_gradient(given, out, "W_init", run.gradient["bridge.0.weight"].rightCols(own).transpose());
  return out;
}

/// Luong attention with the score named in the metadata: general with W_a, dot without.
template <auto score>
SafeTensors luong(const Case& given) {
  given.only("gate_order", {"i,f,g,o"});
  const Sizes sizes(given, "enc_", 4);
  const Index units = sizes.units, own = sizes.encoder_units;
  require<ShapeError>(own == units, "the encoder has ", own, " units and the decoder ", units,
                      "; the decoder starts at the encoder's states");
  const Index rows = given.extent("W_c", 0, 2);
  Sizes::check_module(given, "dec_", 4, units, sizes.embedding + rows);
  require<ShapeError>(rows == units, "the attentional state has ", rows, " rows and the decoder ", units, " units");
  for (const auto& [name, shape] : std::vector<std::pair<std::string, std::vector<Index>>>{
           {"W_c", {rows, units + units}}, {"b_c", {rows}}, {"W_out", {sizes.words, rows}}, {"b_out", {sizes.words}}})
    given.input(name, shape);
  auto encoder = sequential<double>(1, Embedding{.size = sizes.source_words, .dimension = sizes.source_embedding},
                                    Recurrent<Lstm>{.units = own});
  Seq2Seq<decltype(encoder), LuongLstm<double, score>> model(
      encoder, {.vocabulary = sizes.words, .embedding = sizes.embedding, .units = units, .bridge = Bridge::copy});
  std::vector<Piece> pieces{{"W_c", "decoder.a.ctx", 0, 0},
                            {"W_c", "decoder.a.h_next", 0, own},
                            {"b_c", "decoder.a.b"},
                            {"W_out", "output.weight"},
                            {"b_out", "output.bias"}};
  const std::vector<std::string> gates{"i", "f", "g", "o"};
  const std::vector<Biases> biases{{"dec_", "decoder.", gates, units, false},
                                   {"enc_", "encoder.1.", gates, own, false}};
  add_gates(pieces, "dec_", "decoder.", gates, units, {{"x", sizes.embedding}, {"a", rows}}, false);
  add_gates(pieces, "enc_", "encoder.1.", gates, own, {{"x", sizes.source_embedding}}, false);
  const Pieces map(given, pieces);
  Parameters<double>& theta = model.parameters();
  read(given, map, biases, theta);
  constexpr bool general =
      std::same_as<std::remove_cvref_t<decltype(score)>, std::remove_cvref_t<decltype(symbols::general)>>;
  // The case computes q^T W k: the query is multiplied by W^T.
  if constexpr (general) theta["decoder.ctx.h_next"] = given.columns<double>("W_a", {units, own});
  Forced<decltype(model)> run(given, sizes, model);
  SafeTensors out = written(given, sizes, run, map, biases);
  if constexpr (general) put_gradient(given, out, "W_a", run.gradient["decoder.ctx.h_next"]);
  return out;
}

}  // namespace

SafeTensors compute_seq2seq(const Case& given) {
  const auto op = given.at<std::string>("op");
  if (op == "seq2seq_bahdanau") return bahdanau(given);
  if (op != "seq2seq_luong_input_feeding") given.options().refuse("op");
  given.only("score", {"general", "dot"});
  return given.word("score", "general") == "dot" ? luong<symbols::dot>(given) : luong<symbols::general>(given);
}

}  // namespace conformance
