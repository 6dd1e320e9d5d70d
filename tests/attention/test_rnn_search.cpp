// RnnSearch against the paper of Bahdanau et al. and its program.

#include "cells/paper_numbers.hpp"
#include "every_score.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/models/seq2seq.hpp"
#include "unroll/models/sequential.hpp"

namespace test_rnn_search {

using namespace attention_run;

TEST_CASE("rnn search: outputs equal those of the paper") {
  const RnnSearch<double> cell({.inputs = {2}, .units = 3, .sizes = {{"readout", 4}}, .memory = 5});
  const VectorX<double> theta = paper_numbers::parameters(cell.parameters());
  const MatrixX<double> x = 2 * paper_numbers::numbers("input", 2, 4), values = paper_numbers::numbers("memory", 5, 3);
  const auto timeline = Timeline::rectangular(1, 4), source = Timeline::rectangular(1, 3);
  const AttentionMemory<double> memory{view(values), &source};
  const auto in = view(x);
  Tape<RnnSearch<double>> tape;
  OverTime<RnnSearch<double>> run(cell, timeline, Direction::forward, tape, theta.data());
  run.forward({{&in, 1}, {}, &memory});
  MatrixX<double> expected(4, 2);                       // from tests/cells/papers.py: first and last step
  expected << 2.0061068193053018, -0.4813685477631038,  //
      1.7416402274237102, 0.10719985232510953,          //
      0.6580530227055057, 0.6453504868209261,           //
      -0.7350268009532119, 0.8799827034853422;
  CHECK((run.output().col(0) - expected.col(0)).norm() < 1e-12);
  CHECK((run.output().col(3) - expected.col(1)).norm() < 1e-12);
}

TEST_CASE("rnn search: gradients are correct for all lengths") {
  for (const Index keys : {5, 2})
    check_all<RnnSearch<double>>(
        {.inputs = {2}, .units = 3, .sizes = {{"readout", 4}, {"attention", 6}}, .memory = 5, .keys = keys});
}

TEST_CASE("rnn search: initial values equal those of the paper's appendix") {
  const auto encoder = sequential<double>(1, Embedding{.size = 5, .dimension = 20}, Recurrent<Gru>{.units = 40});
  Seq2Seq<std::remove_const_t<decltype(encoder)>, RnnSearch<double>> model(
      encoder, {.vocabulary = 7, .embedding = 30, .units = 50, .sizes = {{"readout", 25}, {"attention", 45}}});
  model.initialise(3);
  const auto& parameters = model.parameters();
  const auto spread = [&](const char* name) { return std::sqrt(parameters[name].array().square().mean()); };
  for (const char* name : {"decoder.ctx.h", "decoder.ctx.memory"}) CHECK(spread(name) == Approx(0.001).epsilon(0.1));
  CHECK(parameters["decoder.ctx.v"].isZero(0));
  for (const char* name : {"decoder.z.x", "decoder.n.ctx", "decoder.readout.h", "decoder.readout2.x"})
    CHECK(spread(name) == Approx(0.01).epsilon(0.1));
  for (const char* name : {"decoder.r.h", "decoder.z.h", "decoder.n.s"}) {
    const MatrixX<double> u = parameters[name];
    CHECK((u * u.transpose()).isIdentity(1e-10));
  }
  for (const char* name : {"decoder.n.b", "decoder.readout.b", "decoder.readout2.b"}) CHECK(parameters[name].isZero(0));
  CHECK(parameters.table().find("decoder.z.b") == nullptr);
}

TEST_CASE("attention decoders: initial values follow the roles, except a forget bias of 1 in an LSTM") {
  const auto encoder = sequential<double>(1, Embedding{.size = 5, .dimension = 20}, Recurrent<Gru>{.units = 40});
  const auto check = [&]<class C>(const std::vector<std::pair<std::string, Index>>& sizes) {
    Seq2Seq<std::remove_const_t<decltype(encoder)>, C> model(
        encoder, {.vocabulary = 7, .embedding = 30, .units = 40, .sizes = sizes});
    model.initialise(3);
    for (const ParameterBlock& block : model.parameters().table().blocks()) {
      if (block.name.rfind("decoder.", 0) != 0) continue;
      const MatrixX<double> values = model.parameters()[block.name];
      INFO(C::name << ": " << block.name);
      if (block.role == Role::bias)
        CHECK((values.array() == (block.name == "decoder.f.b" ? 1 : 0)).all());
      else if (block.role == Role::recurrent_weight)
        CHECK((block.rows < block.cols ? MatrixX<double>(values * values.transpose())
                                       : MatrixX<double>(values.transpose() * values))
                  .isIdentity(1e-10));
    }
  };
  check.operator()<BahdanauLstm<double>>({{"readout", 25}});
  check.operator()<LuongLstm<double>>({});
  check.operator()<LuongLstmUnfed<double>>({});
  check.operator()<LuongGru<double>>({});
}

}  // namespace test_rnn_search
