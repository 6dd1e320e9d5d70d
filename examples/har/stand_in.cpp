#include "stand_in.hpp"

#include <Eigen/Geometry>
#include <cmath>
#include <numbers>

#include "draws.hpp"

namespace har {

using namespace unroll;

namespace {

constexpr Index steps = 150;
constexpr double steps_per_second = 20, pi = std::numbers::pi;

struct Activity {
  const char* name;
  double hertz;                               // of the strides
  Axes swing;                                 // in g, as are noise, impact and lean
  double noise = 0.05, impact = 0, lean = 0;  // impact: at the beginning of each stride
  double second = 0.25;                       // second harmonic, relative to the first one
  double least_tilt = 0, largest_tilt = 0;    // of the body, in degrees
};

/// Activities on foot have similar amplitudes, so that means and deviations of a window distinguish them little; the
/// time course does.
const std::vector<Activity>& activities() {
  static const std::vector<Activity> all{
      {.name = "downstairs", .hertz = 1.9, .swing = {0.25, 0.15, 0.31}, .impact = 0.6},
      {.name = "jogging", .hertz = 2.7, .swing = {0.25, 0.15, 0.34}, .second = 0.5},
      {.name = "sitting", .hertz = 0, .swing = {0, 0, 0}, .noise = 0.01, .least_tilt = 60, .largest_tilt = 90},
      {.name = "standing", .hertz = 0.3, .swing = {0.01, 0.01, 0.01}, .noise = 0.01},
      {.name = "upstairs", .hertz = 1.5, .swing = {0.25, 0.15, 0.36}, .lean = 0.1},
      {.name = "walking", .hertz = 1.9, .swing = {0.25, 0.15, 0.37}},
  };
  return all;
}

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

MatrixX<float> window(const Activity& activity, const Person& person, Draws& draw) {
  const double hertz = activity.hertz * person.pace, impact_lasts = 0.06 * hertz;  // 60 ms
  const Eigen::Matrix3d pose =
      person.device * turned(draw.uniform(activity.least_tilt, activity.largest_tilt), Axes::UnitX());
  const double vigour = person.strength * std::exp(draw.normal(0, 0.4));
  const Axes bias = draw.normal(0.03);
  const Eigen::Matrix<double, 3, 4> phases =
      Eigen::Matrix<double, 3, 4>::NullaryExpr([&] { return draw.uniform(0, 1); });
  const Eigen::Vector4d harmonics(1, activity.second, 0.1, 0.05);
  Stride stride(hertz, draw);
  MatrixX<float> measured(3, steps);
  for (Index t = 0; t < steps; ++t) {
    const double at = stride.advance(t);
    Axes felt = Axes::UnitZ();
    for (int h = 0; h < 4; ++h)
      felt.array() +=
          vigour * harmonics[h] * activity.swing.array() * (2 * pi * ((h + 1) * at + phases.col(h).array())).sin();
    // The mean over time is gravity for every activity, because height and speed stay bounded.
    if (activity.impact > 0)
      felt.z() += vigour * activity.impact * (std::exp(-(at - std::floor(at)) / impact_lasts) - impact_lasts);
    felt.x() += activity.lean * std::sin(0.2 * pi * double(t) / steps_per_second);
    measured.col(t) = (pose * felt + bias + draw.normal(activity.noise)).cast<float>();
  }
  return measured;
}

/// Simulated windows. `person_of` receives the person of each window.
Dataset<float> windows(Index count, Index people, Draws draw, std::vector<Index>& person_of) {
  std::vector<Person> persons;
  for (Index k = 0; k < people; ++k) persons.emplace_back(draw);
  std::vector<MatrixX<float>> all;
  std::vector<Index> labels;
  for (Index k = 0; k < count; ++k) {
    labels.push_back(k % Index(activities().size()));
    person_of.push_back(draw.below(people));
    all.push_back(window(activities()[std::size_t(labels.back())], persons[std::size_t(person_of.back())], draw));
  }
  return Dataset<float>::labelled(std::move(all), labels, Index(activities().size()));
}

}  // namespace

Recordings make_stand_in(const StandIn& options) {
  std::vector<std::string> names;
  for (const Activity& activity : activities()) names.emplace_back(activity.name);
  std::vector<Index> trained, tested;
  auto train = windows(options.train, options.train_people, {options.seed, 0}, trained);
  auto test = windows(options.test, options.test_people, {options.seed, 1}, tested);
  for (Index& person : tested) person += options.train_people;
  return {"stand-in",
          std::move(names),
          std::move(train),
          std::move(test),
          {text("synthetic (seed ", options.seed, "): accelerometer, 20 values per second; ", options.train_people,
                " training persons, ", options.test_people, " other test persons")},
          std::move(trained),
          true,
          std::move(tested),
          {"forward", "sideways", "upward"},
          20};
}

}  // namespace har
