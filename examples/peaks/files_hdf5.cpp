#include "data.hpp"
#include "unroll/io/formats/hdf5.hpp"

namespace peaks {

using namespace unroll;

namespace {

class Hdf5Arrays : public ArrayFile {
 public:
  explicit Hdf5Arrays(const std::filesystem::path& path) : file_(path) {}
  bool has(const std::string& name) const override { return file_.has(name); }
  std::vector<Index> shape(const std::string& name) const override { return file_.shape(name).sizes; }
  std::vector<float> read(const std::string& name, Index first, Index count) const override {
    return file_.read<float>(name, first, count);
  }
  std::string path() const override { return file_.path(); }

 private:
  Hdf5File file_;
};

}  // namespace

std::unique_ptr<ArrayFile> open_hdf5(const std::filesystem::path& file) { return std::make_unique<Hdf5Arrays>(file); }

}  // namespace peaks
