#include "event_files.hpp"

#include <chrono>
#include <fstream>
#include <iterator>

#include "../support/output_folder.hpp"
#include "unroll/report/gnuplot.hpp"
#include "unroll/report/heat_map.hpp"
#include "unroll/report/tensorboard.hpp"

namespace har {

using namespace unroll;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

}  // namespace

RunEvents::RunEvents(const std::filesystem::path& folder, std::uint64_t seed) {
  const char* const name = "events.out.tfevents.har";
  folder_ = example::output_folder((folder / text("seed", seed)).string(), name, "--tensorboard");
  std::filesystem::remove(folder_ / name);
  file_ = std::make_unique<EventFile>(folder_ / name, now());
}

RunEvents::~RunEvents() = default;

void RunEvents::epoch(const Epoch& epoch, const Network& network) {
  const auto step = std::int64_t(epoch.epoch);
  const auto numbers = epoch.numbers();
  for (std::size_t k = 1; k < numbers.size(); ++k)
    if (is_finite(numbers[k])) file_->scalar(Epoch::names[k], numbers[k], step, now());
  file_->histograms(network.parameters(), step, now());
}

void RunEvents::end(const Run& run, const Data& data) {
  const figure::Confusion confusion{"", run.confusion.counts(), data.classes};
  if (!draw(figure::picture(confusion), folder_, "confusion", PictureFormat::png).empty()) return;
  std::ifstream picture(folder_ / picture_file("confusion", PictureFormat::png), std::ios::binary);
  const std::string png{std::istreambuf_iterator<char>(picture), {}};
  file_->image("confusion", png, std::int64_t(run.fit.history.size()), now());
}

}  // namespace har
