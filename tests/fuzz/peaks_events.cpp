// Fuzz target: events of the example peaks. The input becomes a valid HDF5 file: one letter per dataset selects type
// and shape ('a': as expected), and the bytes after the letters are the values of all datasets.

#include <cmath>

#include "fuzz.hpp"
#include "peaks/data.hpp"
#include "unroll/io/formats/hdf5.hpp"

using namespace unroll;

namespace {

constexpr hsize_t bins = 4000;
constexpr const char* names[] = {"pv",         "pv_other",   "kernel",          "Xmax",           "Ymax",
                                 "poca_KDE_A", "poca_KDE_B", "poca_KDE_A_xMax", "poca_KDE_A_yMax"};

/// One of 16 values for a bin, so that few input bytes reach the interesting ones.
float value_of(unsigned char byte) {
  constexpr float numbers[] = {0,     0,     0,     0,      1,      0.5f, -1,       2,
                               1e-3f, 1e30f, 3e38f, -3e38f, 1e-40f, NAN,  INFINITY, -INFINITY};
  return numbers[byte & 15];
}

void write(hid_t file, const char* name, char kind, std::string_view values) {
  using Handle = detail::Hdf5Handle;
  if (kind == 'x') return;
  const hsize_t sizes[] = {kind == 'n' ? 0u : kind == 'o' ? 1u : 2u, kind == 's' ? 10 : bins};
  const Handle space(H5Screate_simple(kind == 'f' ? 1 : 2, sizes, nullptr), H5Sclose);
  const Handle set(H5Dcreate2(file, name,
                              kind == 'i'   ? H5T_STD_I32LE
                              : kind == 'd' ? H5T_IEEE_F64BE
                                            : H5T_IEEE_F32LE,
                              space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                   H5Dclose);
  std::vector<float> numbers(2 * bins);
  for (std::size_t k = 0; k < std::min(values.size(), numbers.size() / 2); ++k)
    numbers[k / 2 + k % 2 * bins] = value_of(static_cast<unsigned char>(values[k]));
  if (kind == 'N') std::ranges::fill(numbers, NAN);
  H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data());
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  return {"aaaaaxxxx\x01\x04\x05\x08",
          "aaxxxaaaa\x04\x05\x02\x03",
          "aaaaaaaaa\x0d\x0d\x04",
          "Naaaaxxxx\x01",
          "aidoosfna\x0e",
          "doooooooo\x04\x05"};
}

void fuzz::read(const Bytes& input) {
  const auto out = path("events.h5");
  {
    const detail::Hdf5Silence silence;
    const detail::Hdf5Handle file(H5Fcreate(out.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
    const std::string_view values = std::string_view(input).substr(std::min(input.size(), std::size(names)));
    for (std::size_t k = 0; k < std::size(names); ++k)
      write(file, names[k], k < input.size() ? input[k] : 'a', values.substr(std::min(values.size(), 3 * k)));
  }
  for (const auto channels : {peaks::Channels::automatic, peaks::Channels::kernel, peaks::Channels::closest_approach})
    accepted([&] {
      const peaks::Events events = peaks::read_events(out, channels);
      expect(events.data.size() > 0 && events.bins() == Index(bins), "no events, or of other bins");
      for (Index k = 0; k < events.data.size(); ++k) {
        expect(events.input(k).allFinite(), "an input that is no number");
        expect(!events.target(k).array().isNaN().all(), "an event without an answer");
      }
    });
}
