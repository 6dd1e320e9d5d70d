#include "run.hpp"

namespace model_program {

using namespace unroll;

namespace {

/// The timeline of sequences with these lengths.
Timeline timeline_of(const Tensor& lengths, Index steps, Index batch) {
  require<ShapeError>(lengths.shape == std::vector{batch}, "--lengths: the shape must be [", batch,
                      "], the batch of the input, got ", [&] { return detail::shape_text(lengths.shape); });
  const auto all = lengths.to<std::int64_t>();
  std::vector<Index> of_sequences;
  for (std::size_t b = 0; b < all.size(); ++b) {
    require<ValueError>(all[b] >= 0 && all[b] <= steps, "--lengths: entry ", b, " must be from 0 to ", steps,
                        ", the steps of the input, got ", all[b]);
    of_sequences.push_back(Index(all[b]));
  }
  return Timeline::from_lengths(of_sequences);
}

}  // namespace

Sequences sequences_in(const Tensor& x, const std::optional<Tensor>& lengths) {
  require<ShapeError>(x.shape.size() == 3, "--input: the shape must be (steps, batch, features), got ",
                      [&] { return detail::shape_text(x.shape); });
  const Index steps = x.shape[0], batch = x.shape[1], features = x.shape[2];
  require<ShapeError>(steps > 0 && batch > 0 && features > 0, "--input: every size must be at least 1, got ",
                      [&] { return detail::shape_text(x.shape); });
  Sequences to{lengths ? timeline_of(*lengths, steps, batch) : Timeline::rectangular(batch, steps), steps, {}};
  to.values.resize(features, to.timeline.columns());
  const auto numbers = x.to<float>();
  const Eigen::Map<const MatrixX<float>> all(numbers.data(), features, steps * batch);
  for (Index c = 0; c < to.timeline.columns(); ++c) to.values.col(c) = all.col(to.timeline.padded_column(c));
  return to;
}

Tensor outputs_of(const ModelFile& file, Sequences sequences, bool raw) {
  const Stack<float>& model = file.model;
  require<ShapeError>(sequences.values.rows() == model.features(), "--input: features per step must be ",
                      model.features(), ", as in the model, got ", sequences.values.rows());
  if (!raw)
    if (const auto standardizer = file.details.standardizer<float>()) standardizer->apply(sequences.values);
  const Index batch = sequences.timeline.batch();
  Stack<float>::Tape tape;
  const auto y = model.forward(sequences.values, sequences.timeline, tape, Pass{.keeping = {.keep = Keep::nothing}},
                               file.details.initial_state<float>(batch));
  const Timeline& out = model.output_timeline(tape);
  const bool per_step = model.per_step();
  const Index steps = per_step ? model.output_steps(sequences.steps) : 1;
  MatrixX<float> padded = MatrixX<float>::Zero(y.rows(), steps * batch);
  for (Index c = 0; c < y.cols(); ++c) padded.col(out.padded_column(c)) = y.col(c);
  const std::vector<float> numbers(padded.data(), padded.data() + padded.size());
  return Tensor::of(numbers, per_step ? std::vector{steps, batch, y.rows()} : std::vector{batch, y.rows()});
}

}  // namespace model_program
