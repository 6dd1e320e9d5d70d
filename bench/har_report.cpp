// Benchmark of a study from a student's report on activity recognition: 3000 accelerometer windows, 150 steps of 3
// features, 6 activities; one layer of tanh units whose last output is classified; 50 epochs of gradient descent
// from uniform weights within 0.1, for each of eight settings. The data of the report are not available; they are
// replaced by simulated data of the same size with overlapping classes.
//
//     ./har_report          uses all cores
//
// Prints one JSON line per setting, with the accuracy on 600 windows of other people, and one for the total time.

#include <Eigen/Geometry>
#include <cmath>
#include <cstdio>
#include <exception>
#include <numbers>
#include <unroll/cells/elman.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/train/train.hpp>
#include <vector>

#include "timing.hpp"

namespace {

using namespace unroll;
using bench::now;
using Axes = Eigen::Vector3d;  // forward, sideways, upward

// ---- data

constexpr Index steps = 150;
constexpr double steps_per_second = 20, pi = std::numbers::pi;

struct Activity {
  double hertz;                               ///< of the strides
  Axes swing;                                 ///< in g, as are noise, impact and lean
  double noise = 0.05, impact = 0, lean = 0;  ///< impact: at the beginning of each stride
  double second = 0.25;                       ///< second harmonic, relative to the first one
  double least_tilt = 0, largest_tilt = 0;    ///< of the body, in degrees
};

/// Walking upstairs, downstairs and on level ground differ little, as in real recordings.
const std::vector<Activity>& activities() {
  static const std::vector<Activity> all{
      // downstairs, jogging, sitting, standing, upstairs, walking
      {.hertz = 1.9, .swing = {0.25, 0.15, 0.35}, .impact = 0.4},
      {.hertz = 2.7, .swing = {0.45, 0.25, 0.90}, .second = 0.5},
      {.hertz = 0, .swing = {0, 0, 0}, .noise = 0.01, .least_tilt = 60, .largest_tilt = 90},
      {.hertz = 0.3, .swing = {0.01, 0.01, 0.01}, .noise = 0.01},
      {.hertz = 1.6, .swing = {0.30, 0.15, 0.25}, .lean = 0.1},
      {.hertz = 1.9, .swing = {0.22, 0.12, 0.28}},
  };
  return all;
}

class Draws {
 public:
  explicit Draws(std::uint64_t stream) : random_(1, Purpose::data, stream) {}

  double uniform(double low, double high) { return low + (high - low) * random_.uniform(next_++); }
  double normal(double mean, double deviation) { return mean + deviation * random_.normal(next_++); }
  Axes normal(double deviation) {
    return Axes::NullaryExpr([&] { return normal(0, deviation); });
  }
  Index below(Index n) { return random_.below(next_++, n); }

 private:
  Random random_;
  std::uint64_t next_ = 0;
};

Eigen::Matrix3d turned(double degrees, const Axes& axis) {
  return Eigen::AngleAxisd(degrees * pi / 180, axis).toRotationMatrix();
}

struct Person {
  explicit Person(Draws& draw)
      : pace(draw.normal(1, 0.08)),
        strength(std::exp(draw.normal(0, 0.2))),
        device(turned(draw.uniform(-180, 180), Axes::UnitZ()) * turned(draw.normal(0, 15), Axes::UnitX())) {}

  double pace, strength;
  Eigen::Matrix3d device;  // orientation in which it is worn
};

/// Phase of the strides; a stride lasts from 0 to 1. One window in ten has a stumble, a jump or a pause of the phase.
class Stride {
 public:
  Stride(double hertz, Draws& draw) : hertz_(hertz), at_(draw.uniform(0, 1)) {
    if (draw.uniform(0, 1) > 0.1) return;
    stumbles_ = draw.below(steps);
    if (draw.below(2) == 0)
      jump_ = draw.uniform(0, 1);
    else
      pause_ = Index(draw.uniform(0.3, 0.8) * steps_per_second);
  }

  double advance(Index step) {
    if (step == stumbles_) at_ += jump_;
    const bool rests = stumbles_ <= step && step < stumbles_ + pause_;
    return at_ += rests ? 0 : hertz_ / steps_per_second;
  }

 private:
  double hertz_, at_, jump_ = 0;
  Index stumbles_ = steps, pause_ = 0;
};

/// Simulated window [3 x steps], in g.
MatrixX<float> recording(const Activity& activity, const Person& person, Draws& draw) {
  const double hertz = activity.hertz * person.pace, impact_lasts = 0.06 * hertz;  // 60 ms
  const Eigen::Matrix3d pose =
      person.device * turned(draw.uniform(activity.least_tilt, activity.largest_tilt), Axes::UnitX());
  const Axes bias = draw.normal(0.03);
  const Eigen::Matrix<double, 3, 4> phases =
      Eigen::Matrix<double, 3, 4>::NullaryExpr([&] { return draw.uniform(0, 1); });
  const Eigen::Vector4d harmonics(1, activity.second, 0.1, 0.05);
  Stride stride(hertz, draw);
  MatrixX<float> window(3, steps);
  for (Index t = 0; t < steps; ++t) {
    const double at = stride.advance(t);
    Axes felt = Axes::UnitZ();
    for (int h = 0; h < 4; ++h)
      felt.array() += person.strength * harmonics[h] * activity.swing.array() *
                      (2 * pi * ((h + 1) * at + phases.col(h).array())).sin();
    if (activity.impact > 0) felt.z() += activity.impact * std::exp(-(at - std::floor(at)) / impact_lasts);
    felt.x() += activity.lean * std::sin(0.2 * pi * double(t) / steps_per_second);
    window.col(t) = (pose * felt + bias + draw.normal(activity.noise)).cast<float>();
  }
  return window;
}

/// Equal numbers of windows of each activity, each of one of `people` persons.
Dataset<float> recordings(Index count, Index people, std::uint64_t stream) {
  Draws draw(stream);
  std::vector<Person> persons;
  for (Index k = 0; k < people; ++k) persons.emplace_back(draw);
  std::vector<MatrixX<float>> windows;
  std::vector<Index> labels;
  for (Index k = 0; k < count; ++k) {
    labels.push_back(k % Index(activities().size()));
    windows.push_back(
        recording(activities()[std::size_t(labels.back())], persons[std::size_t(draw.below(people))], draw));
  }
  return Dataset<float>::labelled(std::move(windows), labels);
}

struct Data {
  Dataset<float> train = recordings(3000, 36, 0), test = recordings(600, 8, 1);

  Data() {
    const Standardizer<float> standardizer(train);
    standardizer.apply(train);
    standardizer.apply(test);
  }
};

// ---- the study

struct Setting {
  Index units, batch;
  double rate;
};

struct Result {
  double seconds;
  Epoch last;
  Evaluation test;
};

/// Trains on one thread: two threads on two settings are faster than two threads on halves of each batch.
Result run(const Setting& setting, const Data& data) {
  const double start = now();
  const Initializer within = init::uniform(-0.1, 0.1);
  const Initializers first{.input_weight = within, .recurrent_weight = within, .bias = within};
  Sequential model(data.train.features(),
                   Recurrent<Elman>{.units = setting.units, .returns = Returns::last, .initializers = first},
                   Dense{.units = data.train.classes(), .initializers = first});
  model.initialise(1);
  SGD<float> descent({.learning_rate = setting.rate});
  const SoftmaxCrossEntropy<float> loss;
  const FitResult fitted =
      fit(model, loss, descent, data.train,
          {.epochs = 50, .batches = {.size = setting.batch}, .threads = 1, .progress = Progress::quiet});
  const Evaluation test = evaluate(model, data.test, loss, {.threads = 1});
  return {now() - start, fitted.history.back(), test};
}

void print(const Setting& setting, const Result& result) {
  std::printf(
      "{\"what\": \"har_report\", \"batch\": %td, \"units\": %td, \"rate\": %g, \"seconds\": %.2f, \"loss\": %.4f, "
      "\"accuracy\": %.3f, \"test_loss\": %.4f, \"test_accuracy\": %.3f}\n",
      setting.batch, setting.units, setting.rate, result.seconds, result.last.loss, result.last.accuracy,
      result.test.loss.value(), result.test.hits.value());
  std::fflush(stdout);
}

/// All settings, longest first, so that the threads finish at about the same time.
std::vector<Setting> settings() {
  std::vector<Setting> all;
  for (const Index units : {100, 50})
    for (const Index batch : {10, 30})
      for (const double rate : {0.05, 0.1}) all.push_back({units, batch, rate});
  return all;
}

}  // namespace

int main() try {
  const double start = now();
  const Data data;
  const std::vector<Setting> all = settings();
  std::vector<Result> results(all.size());
  ThreadPool().run(std::ssize(all), [&](Index k) { results[std::size_t(k)] = run(all[std::size_t(k)], data); });
  for (std::size_t k = 0; k < all.size(); ++k) print(all[k], results[k]);
  std::printf("{\"what\": \"har_report\", \"settings\": %zu, \"seconds\": %.2f}\n", all.size(), now() - start);
} catch (const std::exception& error) {
  std::fprintf(stderr, "har_report: %s\n", error.what());
  return 1;
}
