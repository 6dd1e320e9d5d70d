// Arrays of .npy files, and of .npz files that are not compressed, read by entries of their first dimension.

#include <algorithm>
#include <map>

#include "data.hpp"
#include "unroll/core/checked.hpp"
#include "unroll/io/detail/zip.hpp"
#include "unroll/io/formats/npy.hpp"

namespace peaks {

using namespace unroll;
using unroll::detail::InputFile;

namespace {

/// Array in the bytes [begin, begin + bytes) of a file. `name`: for messages.
class NpyRows {
 public:
  NpyRows(std::shared_ptr<InputFile> file, std::uint64_t begin, std::uint64_t bytes, std::string name)
      : file_(std::move(file)), name_(std::move(name)) {
    file_->seek(begin);
    std::uint64_t left = bytes;
    const auto read = [this](std::span<std::byte> to) { file_->read(to); };
    const std::string header = unroll::detail::read_npy_header(left, name_, read);
    header_ = unroll::detail::NpyHeaderReader(header, name_).read();
    unroll::detail::check_npy_bytes(header_.bytes, left, header_.shape, name_);
    require<FileError>(!header_.fortran_order || header_.shape.size() < 2, name_,
                       ": the array must be in C order to be read by parts; numpy.ascontiguousarray converts it");
    begin_ = begin + bytes - left;
  }

  const std::vector<Index>& shape() const { return header_.shape; }

  std::vector<float> read(Index first, Index count) const {
    Tensor tensor{header_.elements.dtype, header_.shape, {}};
    const std::uint64_t row = header_.bytes / std::uint64_t(header_.shape.front());
    tensor.shape.front() = count;
    unroll::detail::make_room(tensor.bytes, row * std::uint64_t(count), name_);
    file_->seek(begin_ + row * std::uint64_t(first));
    file_->read(tensor.bytes);
    if (header_.big_endian) unroll::detail::swap_bytes(tensor.bytes, header_.elements.bytes);
    unroll::detail::widen_unsigned(tensor, header_.elements, name_);
    return tensor.to<float>();
  }

 private:
  std::shared_ptr<InputFile> file_;
  std::string name_;
  unroll::detail::NpyHeader header_;
  std::uint64_t begin_ = 0;
};

/// Arrays that are opened when they are used.
class RowsFile : public ArrayFile {
 public:
  explicit RowsFile(const std::filesystem::path& path) : path_(path.string()) {}
  std::vector<Index> shape(const std::string& name) const override { return opened(name).shape(); }
  std::vector<float> read(const std::string& name, Index first, Index count) const override {
    return opened(name).read(first, count);
  }
  std::string path() const override { return path_; }

 protected:
  virtual NpyRows open(const std::string& name) const = 0;

 private:
  const NpyRows& opened(const std::string& name) const {
    auto found = opened_.find(name);
    if (found == opened_.end()) found = opened_.emplace(name, open(name)).first;
    return found->second;
  }

  std::string path_;
  mutable std::map<std::string, NpyRows> opened_;
};

class NpyFolder : public RowsFile {
 public:
  using RowsFile::RowsFile;
  bool has(const std::string& name) const override { return std::filesystem::exists(file_of(name)); }

 private:
  std::filesystem::path file_of(const std::string& name) const {
    return std::filesystem::path(path()) / (name + ".npy");
  }
  NpyRows open(const std::string& name) const override {
    require<FileError>(has(name), path(), ": the folder must contain a file '", name, ".npy', found none");
    auto file = std::make_shared<InputFile>(file_of(name));
    const std::uint64_t bytes = file->size();
    return {std::move(file), 0, bytes, file_of(name).string()};
  }
};

/// Bytes of a file for ZipReader, of which a part is in memory.
class FileBytes {
 public:
  explicit FileBytes(std::shared_ptr<InputFile> file) : file_(std::move(file)), part_(std::make_shared<Part>()) {}

  std::uint64_t size() const { return file_->size(); }
  std::span<const std::byte> subspan(std::uint64_t begin, std::uint64_t size) const {
    Part& part = *part_;
    if (begin < part.begin || begin + size > part.begin + part.bytes.size()) {
      part.begin = begin - std::min(begin, margin);
      unroll::detail::make_room(part.bytes, std::min(begin + size + margin, this->size()) - part.begin, file_->name());
      file_->seek(part.begin);
      file_->read(part.bytes);
    }
    return std::span<const std::byte>(part.bytes).subspan(std::size_t(begin - part.begin), std::size_t(size));
  }

 private:
  static constexpr std::uint64_t margin = 1 << 16;
  struct Part {
    std::uint64_t begin = 0;
    std::vector<std::byte> bytes = {};
  };
  std::shared_ptr<InputFile> file_;
  std::shared_ptr<Part> part_;
};

class NpzRows : public RowsFile {
 public:
  explicit NpzRows(const std::filesystem::path& path)
      : RowsFile(path), file_(std::make_shared<InputFile>(path)), name_(path.string()), zip_(FileBytes(file_), name_) {
    for (auto& member : zip_.members()) members_.emplace(member.name, member);
  }
  bool has(const std::string& name) const override { return members_.contains(name + ".npy"); }

 private:
  NpyRows open(const std::string& name) const override {
    const auto found = members_.find(name + ".npy");
    std::string names;
    for (const auto& [known, member] : members_)
      names += (names.empty() ? "" : ", ") + known.substr(0, known.rfind('.'));
    require<FileError>(found != members_.end(), path(), ": must contain an array '", name, "', found ", names);
    const unroll::detail::ZipMember& member = found->second;
    require<FileError>(member.method == 0 && member.packed == member.size, path(), ", array '", name,
                       "': must not be compressed to be read by parts (--lazy); numpy.savez writes such files");
    const std::uint64_t begin = zip_.content_begin(member);
    check_sum(begin, member, name);
    return {file_, begin, member.size, text(path(), ", array '", name, "'")};
  }

  void check_sum(std::uint64_t begin, const unroll::detail::ZipMember& member, const std::string& name) const {
    require<FileError>(begin <= file_->size() && member.size <= file_->size() - begin, path(), ", array '", name,
                       "': must be in the file, which ends too early");
    std::vector<std::byte> bytes(std::size_t(std::min<std::uint64_t>(member.size, 1 << 20)));
    std::uint32_t sum = 0;
    file_->seek(begin);
    for (std::uint64_t left = member.size; left > 0;) {
      const auto some = std::span(bytes).first(std::size_t(std::min<std::uint64_t>(left, bytes.size())));
      file_->read(some);
      sum = unroll::detail::crc32(some, sum), left -= some.size();
    }
    require<FileError>(sum == member.crc, path(), ", array '", name,
                       "': the checksum does not match; the file is damaged");
  }

  std::shared_ptr<InputFile> file_;
  std::string name_;
  unroll::detail::ZipReader<FileBytes> zip_;
  std::map<std::string, unroll::detail::ZipMember> members_;
};

}  // namespace

std::unique_ptr<ArrayFile> open_npy_folder(const std::filesystem::path& folder) {
  return std::make_unique<NpyFolder>(folder);
}
std::unique_ptr<ArrayFile> open_npz_rows(const std::filesystem::path& file) { return std::make_unique<NpzRows>(file); }

}  // namespace peaks
