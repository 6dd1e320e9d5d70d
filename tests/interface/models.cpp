// Random tests of passes: identical bits alone and in a batch, again after a refusal, for any number of threads, with
// checkpoints, and step by step.

#include <cmath>
#include <unroll/infer/streaming.hpp>

#include "interface/random_model.hpp"

namespace interface {
namespace {

using Model = Stack<S>;

class Passes {
 public:
  Passes(Choices& choose, Report& report, const Model& model, const RandomBatch& batch, Index features)
      : choose_(choose), report_(report), model_(model), batch_(batch), features_(features) {}

  void run() {
    report_.expect(batch_.x.allFinite(), "padding is packed");
    if (!report_.attempt("forward", [&] { y_ = model_.forward(batch_.x, batch_.timeline, tape_); })) return;
    out_ = model_.output_timeline(tape_);
    per_step_ = model_.per_step();
    report_.expect(y_.cols() == (per_step_ ? out_.columns() : out_.batch()), "columns of the output");
    report_.expect(y_.allFinite(), "an output of finite numbers is not finite");
    misuse();
    backward();
    alone();
    hostile_sequence();
    stream();
  }

 private:
  void misuse() {
    const Index columns = batch_.x.cols();
    const MatrixX<S> wide = MatrixX<S>::Zero(features_ + 1, columns), longer = MatrixX<S>::Zero(features_, columns + 1);
    report_.refused("forward of other features", [&] { (void)model_.forward(wide, batch_.timeline, tape_); });
    report_.refused("forward of other columns", [&] { (void)model_.forward(longer, batch_.timeline, tape_); });
    ModelState<S> states(model_.depth() + 1);
    report_.refused("forward from other states",
                    [&] { (void)model_.forward(view(batch_.x), batch_.timeline, tape_, {}, states); });
    MatrixX<S> again;
    report_.attempt("forward after refusals", [&] { again = model_.forward(batch_.x, batch_.timeline, tape_); });
    report_.expect(same_bits(again, y_), "after a refusal the output has other bits");
    Parameters<S> gradient = model_.parameters().zeros_like();
    const MatrixX<S> wrong = MatrixX<S>::Zero(y_.rows() + 1, y_.cols());
    if (y_.cols() == 0) return;  // an empty gradient means none
    report_.refused("backward of another shape", [&] { model_.backward(tape_, wrong, gradient); });
    report_.expect((gradient.values().array() == 0).all(), "a refused gradient was added to");
  }

  struct Gradients {
    MatrixX<S> y, d_x;
    Parameters<S> parameters;
  };

  bool gradients(const char* what, const Pass& pass, const MatrixX<S>& d, Gradients& made) {
    made.parameters = model_.parameters().zeros_like();
    Model::Tape tape;
    return report_.attempt(what, [&] {
      made.y = model_.forward(batch_.x, batch_.timeline, tape, pass);
      model_.backward(tape, d, made.parameters, &made.d_x);
    });
  }

  void backward() {
    const Pass pass{.training = true, .seed = 7, .update = 3};
    const MatrixX<S> d = choose_.matrix(y_.rows(), y_.cols());
    Gradients usual, other;
    if (!gradients("backward", pass, d, usual)) return;
    report_.expect(usual.parameters.values().allFinite() && usual.d_x.allFinite(), "a gradient is not finite");
    report_.expect(usual.d_x.rows() == features_ && usual.d_x.cols() == batch_.x.cols(),
                   "shape of the input's gradient");
    const auto same = [&](const char* what) {
      report_.expect(same_bits(usual.y, other.y), text(what, ": the output has other bits"));
      report_.expect(same_bits(usual.parameters.values(), other.parameters.values()),
                     text(what, ": the gradient has other bits"));
      report_.expect(same_bits(usual.d_x, other.d_x), text(what, ": the input's gradient has other bits"));
    };
    ThreadPool pool(3);
    Pass threaded = pass;
    threaded.threads = &pool;
    if (gradients("backward in threads", threaded, d, other)) same("threads");
    Pass sparing = pass;
    sparing.keeping = {Keep::checkpoints, choose_.coin() ? 0 : choose_.size()};
    if (gradients("backward with checkpoints", sparing, d, other)) same("checkpoints");
  }

  /// Checks that each of the first sequences has the same bits alone as in the batch.
  void alone() {
    for (Index b = 0; b < std::min<Index>(batch_.mask.rows(), 4); ++b) {
      MatrixX<bool> mask(1, batch_.mask.cols());
      for (Index t = 0; t < mask.cols(); ++t) mask(0, t) = batch_.mask(b, t);
      const Timeline timeline = Timeline::from_mask(mask);
      MatrixX<S> padded(features_, mask.cols());
      for (Index t = 0; t < mask.cols(); ++t) padded.col(t) = batch_.padded.col(t * batch_.mask.rows() + b);
      const MatrixX<S> x = timeline.pack(padded);
      Model::Tape tape;
      MatrixX<S> y;
      if (!report_.attempt("forward alone", [&] { y = model_.forward(x, timeline, tape); })) {
        report_.fault("a sequence is refused alone but not in a batch");
        continue;
      }
      report_.expect(same_bits(of_sample(y, model_.output_timeline(tape), 0), of_sample(y_, out_, b)),
                     "a sequence has other bits alone than in a batch");
    }
  }

  /// Columns of one sample in the order of its steps.
  MatrixX<S> of_sample(const MatrixX<S>& y, const Timeline& timeline, Index sample) const {
    if (!per_step_) return y.col(timeline.rank(sample));
    const Index length = timeline.length(timeline.rank(sample));
    MatrixX<S> columns(y.rows(), length);
    for (Index k = 0; k < length; ++k) columns.col(k) = y.col(timeline.offset(k) + timeline.rank(sample));
    return columns;
  }

  /// Checks that NaN or infinities in one sequence do not affect the others.
  void hostile_sequence() {
    if (batch_.timeline.batch() < 2 || batch_.timeline.columns() == 0) return;
    const Index hostile = batch_.timeline.sample_of(0);
    MatrixX<S> x = batch_.x;
    for (Index c = 0; c < x.cols(); ++c)
      if (batch_.timeline.sample_of(c) == hostile) x.col(c).setConstant(choose_.coin() ? S(NAN) : S(HUGE_VAL));
    Model::Tape tape;
    MatrixX<S> y;
    const bool ran = report_.attempt("forward with one hostile sequence", [&] {
      y = model_.forward(x, batch_.timeline, tape);
      (void)model_.locate_non_finite(tape);
    });
    for (Index b = 0; ran && b < batch_.timeline.batch(); ++b)
      if (b != hostile)
        report_.expect(same_bits(of_sample(y, out_, b), of_sample(y_, out_, b)),
                       "NaN of one sequence reaches another one");
  }

  /// Checks that the longest sequence has nearly the same output step by step as in a forward pass: streams of
  /// recurrent and dense layers sum in another order, and normalisation of nearly equal numbers enlarges the
  /// difference. tests/infer compares layers one by one.
  void stream() {
    if (batch_.timeline.columns() == 0 || !per_step_) return;
    std::optional<Streaming<Model>> streaming;
    if (!report_.attempt("stream", [&] { streaming.emplace(model_); })) return;
    const Index steps = batch_.timeline.length(0);
    MatrixX<S> x(features_, steps), y(y_.rows(), steps);
    for (Index t = 0; t < steps; ++t) x.col(t) = batch_.x.col(batch_.timeline.offset(t));
    const Timeline timeline = Timeline::from_lengths({steps});
    Model::Tape tape;
    MatrixX<S> whole;
    if (!report_.attempt("forward of a sequence", [&] { whole = model_.forward(x, timeline, tape); })) return;
    if (whole.cols() != steps) return;
    auto stream = streaming->stream();
    const bool taken = streaming->run({x.data(), std::size_t(x.size())}, {y.data(), std::size_t(y.size())}, stream);
    report_.expect(taken, "a stream refuses finite numbers");
    report_.expect(!taken || near(y, whole), "a stream differs from a pass");
  }
  static bool near(const MatrixX<S>& a, const MatrixX<S>& b) {
    for (Index k = 0; k < a.size(); ++k) {
      const S x = a.data()[k], y = b.data()[k];
      if (std::isfinite(x) && std::isfinite(y) && !(std::abs(x - y) <= S(0.02) * (1 + std::abs(y)))) return false;
    }
    return true;
  }

  Choices& choose_;
  Report& report_;
  const Model& model_;
  const RandomBatch& batch_;
  Index features_;
  Model::Tape tape_;
  MatrixX<S> y_;
  Timeline out_;
  bool per_step_ = true;
};

}  // namespace

void try_model(Choices& choose, Report& report) {
  const RandomModel made = random_model(choose, report);
  if (!made.model) return;
  const RandomBatch batch = random_batch(choose, made.features, made.tokens);
  Passes(choose, report, *made.model, batch, made.features).run();
  if (choose.one_in(3)) try_fit(choose, report, made);
  if (choose.one_in(5)) try_runs(choose, report, made);
  if (choose.one_in(4)) try_model_file(choose, report, made);
}

}  // namespace interface
