#include <cmath>
#include <numbers>

#include "draws.hpp"
#include "stand_in.hpp"

namespace har {

using namespace unroll;

namespace {

constexpr double steps_per_second = 64, pi = std::numbers::pi;
constexpr Index sensors = 3;  // ankle, thigh, trunk

enum class Gait { walking, hurrying, standing, freezing };

/// Time interval with a single gait.
struct Bout {
  Gait gait;
  double seconds, hertz, swing;  // of the strides; swing in mg at the ankle
};

/// Amplitudes at a sensor relative to the reference amplitudes.
struct Share {
  double swing, tremble;
};
constexpr Share shares[sensors] = {{1, 0.7}, {0.7, 1}, {0.3, 0.25}};

struct Walker {
  explicit Walker(Draws& draw)
      : hertz(draw.normal(0.9, 0.08)),
        swing(400 * std::exp(draw.normal(0, 0.2))),
        tremble(170 * std::exp(draw.normal(0, 0.3))) {
    for (Axes& axis : rest) axis = 1000 * (Axes::UnitZ() + draw.normal(0.2)).normalized();
  }

  double hertz, swing, tremble;
  Axes rest[sensors];  // acceleration while standing
};

/// Freezing follows only walking or hurrying, never standing.
Bout next_bout(Gait before, const Walker& walker, Draws& draw) {
  const double chance = draw.uniform(0, 1), length = draw.uniform(0, 1);
  const double vigour = std::exp(draw.normal(0, 0.3));
  if (before == Gait::walking || before == Gait::hurrying) {
    if (chance < 0.4) return {Gait::freezing, 1.5 + 5 * length, walker.hertz, 0.15 * vigour * walker.swing};
    if (chance < 0.6) return {Gait::standing, 2 + 4 * length, 0.3, 0.02 * walker.swing};
    if (chance < 0.8) return {Gait::hurrying, 2 + 5 * length, 2.2 * walker.hertz, 0.4 * vigour * walker.swing};
  }
  return {Gait::walking, 5 + 12 * length, walker.hertz * draw.normal(1, 0.05), vigour * walker.swing};
}

class Recorder {
 public:
  Recorder(const Walker& walker, Index steps, Draws& draw)
      : walker_(walker), draw_(draw), stream_{MatrixX<float>(3 * sensors, steps), Labels(steps)} {}

  Stream run() {
    Bout bout{Gait::walking, 8, walker_.hertz, walker_.swing};
    while (at_ < stream_.labels.size()) {
      const double trembling_hertz = draw_.uniform(4, 7);
      noticed_ = at_ + Index(draw_.uniform(0, 0.8) * steps_per_second);
      for (double left = bout.seconds; left > 0 && at_ < stream_.labels.size(); left -= 1 / steps_per_second)
        step(bout, trembling_hertz);
      bout = next_bout(bout.gait, walker_, draw_);
    }
    return std::move(stream_);
  }

 private:
  void step(const Bout& bout, double trembling_hertz) {
    // amplitudes change gradually, with a time constant of 0.25 s
    const double inertia = std::exp(-1 / (0.25 * steps_per_second));
    swing_ = inertia * swing_ + (1 - inertia) * bout.swing;
    tremble_ = inertia * tremble_ + (1 - inertia) * (bout.gait == Gait::freezing ? walker_.tremble : 0);
    stride_ += (bout.hertz + draw_.normal(0, 0.4)) / steps_per_second;
    shake_ += (trembling_hertz + draw_.normal(0, 4)) / steps_per_second;
    for (Index k = 0; k < sensors; ++k) {
      const Axes felt = walker_.rest[k] + shares[k].swing * swing_ * swinging(0.25 * double(k)) +
                        shares[k].tremble * tremble_ * trembling(0.15 * double(k)) + draw_.normal(25);
      stream_.channels.block<3, 1>(3 * k, at_) = felt.cast<float>();
    }
    if (at_ >= noticed_) label_ = bout.gait == Gait::freezing;
    stream_.labels[at_++] = label_;
  }

  Axes swinging(double lag) const {
    const double a = 2 * pi * (stride_ - lag);
    return {std::sin(a) + 0.4 * std::sin(2 * a + 1), 0.4 * std::sin(a + 2),
            0.6 * std::sin(2 * a) + 0.3 * std::sin(3 * a)};
  }
  Axes trembling(double lag) const {
    const double a = 2 * pi * (shake_ - lag);
    return {std::sin(a), 0.4 * std::sin(a + 1), 0.7 * std::sin(a + 2)};
  }

  const Walker& walker_;
  Draws& draw_;
  Stream stream_;
  Index at_ = 0, noticed_ = 0, label_ = 0;  // labels are delayed by the reaction time of an annotator
  double swing_ = 0, tremble_ = 0, stride_ = 0, shake_ = 0;
};

}  // namespace

StreamParts make_gait_stand_in(const GaitStandIn& options, double test_share) {
  std::vector<Stream> streams;
  for (Index person = 0; person < options.people; ++person) {
    Draws draw(options.seed, std::uint64_t(person));
    const Walker walker(draw);
    streams.push_back(Recorder(walker, Index(options.seconds * steps_per_second), draw).run());
    streams.back().name = streams.back().person = text("person ", person + 1);
  }
  auto made = divide_in_time("freezing of gait, stand-in", {"not freezing", "freezing"}, streams, test_share);
  made.remarks.push_back(text("synthetic (seed ", options.seed, "): ", options.people, " people, ", options.seconds,
                              " s each, 64 values per second at ankle, thigh and trunk"));
  for (const char* place : {"ankle", "thigh", "trunk"})
    for (const char* axis : {"forward", "sideways", "upward"}) made.channels.push_back(text(place, " ", axis));
  made.sample_rate = steps_per_second;
  return made;
}

}  // namespace har
