#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <peaks/data.hpp>
#include <unroll/io/formats/hdf5.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_files {

using namespace peaks;
using namespace unroll;

namespace {

constexpr float nan_bin = std::numeric_limits<float>::quiet_NaN();
constexpr Index bins = 4000;

/// Two events with both kinds of channels. Tests modify `sets` to make invalid files.
struct Made {
  std::map<std::string, MatrixX<float>> sets;  // [bins x events]
  support::TemporaryFolder folder;

  Made() {
    for (const char* name :
         {"pv", "pv_other", "kernel", "Xmax", "Ymax", "poca_KDE_A", "poca_KDE_B", "poca_KDE_A_xMax", "poca_KDE_A_yMax"})
      sets[name].setZero(bins, 2);
    sets["kernel"](7, 0) = 0.5f, sets["poca_KDE_A"](7, 0) = 0.25f, sets["poca_KDE_B"](7, 0) = 0.125f;
    sets["Xmax"].setConstant(1e-4f), sets["Ymax"].setConstant(-1e-4f);
    sets["poca_KDE_A_xMax"].setConstant(0.75f);
    sets["pv"](7, 0) = 0.9f;
    sets["pv_other"](7, 0) = sets["pv_other"](9, 0) = 0.5f;
  }

  std::filesystem::path write() const {
    const auto path = folder.path / "events.h5";
    const detail::Hdf5Handle file(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
    for (const auto& [name, values] : sets) {
      const hsize_t sizes[] = {hsize_t(values.cols()), hsize_t(values.rows())};
      const detail::Hdf5Handle space(H5Screate_simple(2, sizes, nullptr), H5Sclose);
      const detail::Hdf5Handle set(
          H5Dcreate2(file, name.c_str(), H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose);
      H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    }
    return path;
  }
  /// The events, also when they are read one by one.
  Events read(Channels channels = Channels::automatic) const {
    const auto path = write();
    Events events = read_events(path, channels);
    const Events lazily = read_events(path, ReadOptions{.channels = channels, .lazy = true});
    CHECK(fingerprint(lazily) == fingerprint(events));
    CHECK(lazily.remarks == events.remarks);
    return events;
  }
};

}  // namespace

TEST_CASE("peaks file: inputs are the kernel, its square and scaled positions") {
  const Events events = Made().read();
  REQUIRE(events.data.size() == 2);
  CHECK(events.bins() == bins);
  CHECK(events.bin_width() == Approx(0.1));
  const MatrixX<float>& first = events.input(0);
  CHECK(first(0, 7) == 0.5f);
  CHECK(first(1, 7) == 0.25f);
  CHECK(first(2, 7) == Approx(0.5));
  CHECK(first(3, 7) == Approx(-0.5));
  CHECK(first.col(8).isZero(0));  // positions are 0 where the density is 0
}

TEST_CASE("peaks file: inputs may be points of closest approach") {
  Made made;
  CHECK(made.read(Channels::closest_approach).input(0).col(7) == VectorX<float>{{0.25f, 0.125f, 0.75f, 0.f}});
  made.sets.erase("kernel");
  CHECK(made.read().input(0)(0, 7) == 0.25f);
}

TEST_CASE("peaks file: bins of other vertices are masked") {
  const MatrixX<float> target = Made().read().target(0);
  CHECK(target(0, 7) == 0.9f);
  CHECK(std::isnan(target(0, 9)));
  CHECK(target.array().isNaN().count() == 1);
}

TEST_CASE("peaks file: events without tracks remain and are reported") {
  const Events events = Made().read();
  REQUIRE(events.remarks.size() == 1);
  CHECK(events.remarks[0] == "1 of 2 events have no tracks.");
}

TEST_CASE("peaks file: events without a target are left out and reported, or refused when no other remains") {
  Made made;
  made.sets["pv"].col(0).setConstant(nan_bin);
  const Events events = made.read();
  CHECK(events.data.size() == 1);
  CHECK(events.remarks[0] == "1 of 2 events have only NaN targets and are omitted.");
  made.sets["pv_other"].setConstant(1);
  CHECK_THROWS_MATCHES(made.read(), ValueError, says("events.h5: the targets must not all be NaN"));
}

TEST_CASE("peaks file: a missing dataset is an error that lists the existing ones") {
  Made made;
  made.sets.erase("Ymax");
  CHECK_THROWS_MATCHES(made.read(), FileError, says("events.h5: no dataset 'Ymax'; the file has 'Xmax', 'kernel'"));
  made.sets.erase("pv_other");
  CHECK_THROWS_MATCHES(made.read(), FileError, says("no dataset 'pv_other'"));
  made.sets.erase("pv");
  CHECK_THROWS_MATCHES(made.read(), FileError, says("no dataset 'pv'"));
}

TEST_CASE("peaks file: refuses mismatched numbers of bins and events") {
  Made made;
  made.sets["kernel"].setZero(bins, 3);
  CHECK_THROWS_MATCHES(made.read(), ShapeError,
                       says("'kernel': the shape must be that of 'pv', [2, 4000], got [3, 4000]"));
  made.sets["pv"].setZero(1024, 2);
  CHECK_THROWS_MATCHES(made.read(), ShapeError, says("'pv': the shape must be [events, 4000], got [2, 1024]"));
  made.sets["pv"].setZero(bins, 0);
  CHECK_THROWS_MATCHES(made.read(), ValueError, says("events.h5: must contain events, found none"));
}

TEST_CASE("peaks file: refuses invalid inputs and targets with event and bin") {
  Made made;
  made.sets["pv"](11, 1) = -0.5f;
  CHECK_THROWS_MATCHES(made.read(), FileError, says("'pv': event 1, bin 11 must be at least 0, got -0.5"));
  made.sets["kernel"](9, 1) = nan_bin;
  CHECK_THROWS_MATCHES(made.read(), FileError, says("'kernel': event 1, bin 9 must be finite, got nan"));
}

TEST_CASE("peaks file: transverse positions in millimetres need their unit") {
  Made made;
  const MatrixX<float> usual = made.read().input(0);
  made.sets["Xmax"].setConstant(0.25f), made.sets["Ymax"].setConstant(-0.25f);
  CHECK_THROWS_MATCHES(made.read(), ValueError,
                       says("'Xmax': positions must be at most 20 mm, got 625 mm, if the values are in mm / 2500; "
                            "--transverse-unit mm reads them as mm"));
  const Events events = read_events(made.write(), ReadOptions{Channels::automatic, TransverseUnit::millimetre});
  CHECK(events.input(0).isApprox(usual));
  CHECK(events.channels == "kernel");
}

TEST_CASE("peaks file: events without true vertices can be read for predictions") {
  Made made;
  made.sets.erase("pv");
  made.sets.erase("pv_other");
  const Events events = read_events(made.write(), ReadOptions{.needs_truth = false});
  CHECK_FALSE(events.has_truth);
  CHECK(events.data.size() == 2);
  CHECK(events.target(1).array().isNaN().all());
}

TEST_CASE("peaks file: refuses a truncated file") {
  const Made made;
  const auto path = made.write();
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  CHECK_THROWS_MATCHES(read_events(path, Channels::automatic), FileError, says("events.h5: is cut short or damaged"));
}

}  // namespace test_files
