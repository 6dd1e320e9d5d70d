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
  to.is_double = x.dtype == DType::F64;
  return to;
}

Sequences sequences_in(const std::map<std::string, Tensor>& arrays, const std::optional<Tensor>& lengths) {
  require<ValueError>(!arrays.empty(), "--input: the number of arrays must be at least 1, got 0");
  std::optional<Sequences> all;
  for (const auto& item : arrays) {
    const std::string& name = item.first;
    const auto place = "--input: array '" + name + "': ";
    Sequences one = detail::with_place(place, [&] { return sequences_in(item.second, lengths); });
    if (all)
      require<ShapeError>(all->steps == one.steps && all->timeline.batch() == one.timeline.batch(), place,
                          "steps and batch must be ", all->steps, " and ", all->timeline.batch(), ", as in array '",
                          arrays.begin()->first, "', got ", one.steps, " and ", one.timeline.batch());
    detail::with_place(place, [&] { one.inputs.add(name, one.values.rows()); });
    if (!all) {
      all = std::move(one);
      continue;
    }
    MatrixX<float> rows(all->values.rows() + one.values.rows(), one.values.cols());
    rows << all->values, one.values;
    all->values = std::move(rows);
    all->inputs.add(name, one.values.rows());
    all->is_double |= one.is_double;
  }
  return std::move(*all);
}

void arrange(Sequences& sequences, const NamedRows& inputs, Index features) {
  if (inputs.empty()) {
    require<ShapeError>(sequences.inputs.empty(),
                        "--input: the file must be one array (.npy), because the model has one input, got the arrays ",
                        [&] { return detail::rows_text(sequences.inputs); });
    require<ShapeError>(sequences.values.rows() == features, "--input: features per step must be ", features,
                        ", as in the model, got ", sequences.values.rows());
    return;
  }
  require<ShapeError>(
      !sequences.inputs.empty(), "--input: the file must have one array for each input of the model (.npz), ",
      [&] { return detail::rows_text(inputs); }, ", got one array without a name");
  if (const auto names = detail::rows_difference(sequences.inputs, inputs); names != "the order differs")
    detail::check_rows("--input", "the arrays", "as in the model", sequences.inputs, inputs);
  MatrixX<float> values(inputs.rows(), sequences.values.cols());
  for (const auto& [name, rows] : inputs)
    values.middleRows(inputs.first(name), rows) = sequences.values.middleRows(sequences.inputs.first(name), rows);
  sequences.values = std::move(values);
  sequences.inputs = inputs;
}

Tensor outputs_of(const ModelFile& file, Sequences sequences, bool raw) {
  const Stack<float>& model = file.model;
  arrange(sequences, model.inputs(), model.features());
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
