// Benchmark of reading files of numbers into matrices: safetensors and .npy, float and double. Prints one JSON line per
// kind of file; medians of processor time, with the file in the page cache.
//
//     ./loading [megabytes]     default: 100

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "timing.hpp"
#include "unroll/io/formats/npy.hpp"
#include "unroll/io/formats/safetensors.hpp"

namespace {

using namespace unroll;

template <class F>
void report(const char* format, const char* type, double megabytes, F&& read) {
  std::vector<double> seconds;
  for (int round = 0; round < 5; ++round) {
    const std::clock_t start = std::clock();
    read();
    seconds.push_back(double(std::clock() - start) / CLOCKS_PER_SEC);
  }
  std::printf("{\"what\": \"unroll\", \"mode\": \"loading\", \"file\": \"%s\", \"type\": \"%s\", \"mb_per_s\": %.0f}\n",
              format, type, megabytes / bench::median(seconds));
}

template <class Scalar>
void measure(const char* type, double megabytes, const std::filesystem::path& folder) {
  const Index rows = 512, cols = Index(megabytes * 1e6 / double(rows * Index(sizeof(Scalar))));
  SafeTensors file;
  file.tensors["weight"] = Tensor::of(MatrixX<Scalar>::Random(rows, cols).eval());
  const auto tensors = folder / "loading.safetensors", array = folder / "loading.npy";
  write_safetensors(tensors, file);
  write_npy(array, file.at("weight"));
  const double sum = double(matrix<Scalar>(file.at("weight")).sum());
  const auto check = [&](const MatrixX<Scalar>& m) {
    if (double(m.sum()) != sum) std::fputs("loading: the numbers must equal those written\n", stderr);
  };
  report("safetensors", type, megabytes, [&] { check(matrix<Scalar>(read_safetensors(tensors).at("weight"))); });
  report("npy", type, megabytes, [&] { check(matrix<Scalar>(read_npy(array))); });
  std::filesystem::remove(tensors);
  std::filesystem::remove(array);
}

}  // namespace

int main(int count, char** arguments) {
  const double megabytes = count > 1 ? std::atof(arguments[1]) : 100;
  const auto folder = std::filesystem::temp_directory_path();
  measure<float>("float", megabytes, folder);
  measure<double>("double", megabytes, folder);
}
