#include "event_files.hpp"

#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>

#include "../support/output_folder.hpp"
#include "unroll/report/gnuplot.hpp"
#include "unroll/report/heat_map.hpp"
#include "unroll/report/tensorboard.hpp"

namespace har {

using namespace unroll;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

}  // namespace

RunEvents::RunEvents(const std::filesystem::path& folder, std::uint64_t seed, bool resumes) {
  const std::string name = "events.out.tfevents.har";
  folder_ = example::output_folder((folder / text("seed", seed)).string(), name.c_str(), "--tensorboard");
  if (!resumes) std::filesystem::remove(folder_ / name);
  std::string file = name;
  for (int k = 1; std::filesystem::exists(folder_ / file); ++k) file = text(name, ".", k);
  file_ = std::make_unique<EventFile>(folder_ / file, now());
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
  const figure::Confusion confusion{"", run.test.confusion, data.classes};
  if (!draw(figure::picture(confusion), folder_, "confusion", PictureFormat::png).empty()) return;
  std::ifstream picture(folder_ / picture_file("confusion", PictureFormat::png), std::ios::binary);
  const std::string png{std::istreambuf_iterator<char>(picture), {}};
  file_->image("confusion", png, std::int64_t(run.record.history.size()), now());
}

}  // namespace har
