// Benchmark of the scaling of a training step with batch size and number of steps, and of the cost of masked steps.
//
//     taskset -c 0 ./scaling [CELL] [SECONDS]     gru, lstm or rnn; duration of each measurement; default: gru, 0.5
//
// Prints one JSON line per measurement; after each series the exponent e of the fit time ~ size^e over two decades; at
// the end the relative time of a step when half of the steps are masked.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "timing.hpp"
#include "workload.hpp"

namespace {

using namespace bench;

constexpr Index usual_batch = 32, usual_steps = 100;

Configuration configuration_of(const char* cell, Index batch, Index steps) {
  return {"", cell, batch, steps, 64, 128, 1, 10, Task::label_per_step};
}

/// Masked steps are skipped, so a mask is equivalent to the numbers of valid steps of its sequences.
std::vector<Index> lengths_of(const Timeline& timeline) {
  std::vector<Index> lengths;
  for (Index b = 0; b < timeline.batch(); ++b) lengths.push_back(timeline.length(timeline.rank(b)));
  return lengths;
}

struct Point {
  Index size;
  Timeline timeline;
  std::vector<double> ms = {};  ///< one per round
};

struct Series {
  const char *name, *cell;
  std::vector<Point> points = {};

  /// Measures in three rounds, because clock rates vary, and takes the median of each point.
  void run(double duration) {
    for (int round = 0; round < 3; ++round)
      for (Point& point : points) {
        const Timeline& timeline = point.timeline;
        Workload workload(configuration_of(cell, timeline.batch(), timeline.padded_steps()), lengths_of(timeline));
        point.ms.push_back(median_ms([&] { workload.train(); }, duration));
      }
    for (const Point& point : points)
      std::printf("{\"what\": \"%s\", \"cell\": \"%s\", \"size\": %td, \"ms\": %.4f}\n", name, cell, point.size,
                  median(point.ms));
    std::printf("{\"what\": \"exponent\", \"of\": \"%s\", \"cell\": \"%s\", \"value\": %.3f}\n", name, cell,
                exponent());
    std::fflush(stdout);
  }

  /// Slope of the least-squares line through the logarithms.
  double exponent() const {
    const Index count = std::ssize(points);
    VectorX<double> size(count), ms(count);
    for (Index k = 0; k < count; ++k) {
      size[k] = std::log(double(points[std::size_t(k)].size));
      ms[k] = std::log(median(points[std::size_t(k)].ms));
    }
    size.array() -= size.mean();
    return size.dot(ms) / size.squaredNorm();
  }
};

Timeline lengths_up_to(Index longest) {
  std::mt19937 generator(1);
  std::vector<Index> lengths(std::size_t(usual_batch), longest);
  for (std::size_t b = 1; b < lengths.size(); ++b) lengths[b] = 1 + Index(generator()) % longest;
  return Timeline::from_lengths(lengths);
}

/// Random mask of exactly half of all steps.
Timeline half_masked() {
  MatrixX<bool> mask(usual_batch, usual_steps);
  std::fill_n(mask.data(), mask.size() / 2, true);
  std::fill_n(mask.data() + mask.size() / 2, mask.size() / 2, false);
  std::shuffle(mask.data(), mask.data() + mask.size(), std::mt19937(1));
  return Timeline::from_mask(mask);
}

/// Alternates both, because clock rates vary.
void print_share_of_half(const char* cell, double duration) {
  const Configuration c = configuration_of(cell, usual_batch, usual_steps);
  Workload full(c, false), half(c, lengths_of(half_masked()));
  std::vector<double> shares;
  for (int round = 0; round < 7; ++round) {
    const double full_ms = median_ms([&] { full.train(); }, duration);
    shares.push_back(median_ms([&] { half.train(); }, duration) / full_ms);
  }
  std::printf("{\"what\": \"half_masked\", \"cell\": \"%s\", \"share_of_time\": %.3f}\n", cell, median(shares));
}

}  // namespace

int main(int count, char** arguments) {
  const char* const cell = count > 1 ? arguments[1] : "gru";
  const double duration = count > 2 ? std::atof(arguments[2]) : 0.5;

  Series steps{"steps", cell}, batch{"batch", cell}, sum{"sum_of_lengths", cell};
  for (const Index n : {10, 20, 50, 100, 200, 500, 1000}) {
    const Timeline lengths = lengths_up_to(n);
    steps.points.push_back({n, Timeline::rectangular(usual_batch, n)});
    sum.points.push_back({lengths.columns(), lengths});
  }
  for (const Index n : {4, 10, 20, 40, 100, 200, 400})
    batch.points.push_back({n, Timeline::rectangular(n, usual_steps)});
  for (Series* series : {&steps, &batch, &sum}) series->run(duration);
  print_share_of_half(cell, duration);
}
