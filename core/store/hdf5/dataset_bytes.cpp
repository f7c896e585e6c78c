// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>

#include "mhub/base/error.hpp"
#include "mhub/store/hdf5/archive_format.hpp"
#include "mhub/store/hdf5/chunks.hpp"
#include "mhub/store/hdf5/open_file.hpp"

namespace mhub {
namespace {

/// Larger chunks would be decoded in memory; none that this driver writes is.
constexpr std::uint64_t kLargestDecoded = 256 << 20;
constexpr std::uint64_t kChecksumBytes = 4;

std::uint64_t bytes_of(const Hdf5Dataset& dataset) {
  return static_cast<std::uint64_t>(numel(dataset.shape)) * dataset.element_bytes;
}

[[noreturn]] void fail(const Hdf5Dataset& dataset, const std::string& problem) {
  throw InputError(dataset.what + ": " + problem);
}

/// What the readers of a dataset's bytes have in common.
class DatasetBytes : public ByteSource {
 public:
  std::uint64_t size() const final { return bytes_of(dataset_); }
  const std::string& name() const final { return dataset_.file->path(); }
  std::string fingerprint() const final { return dataset_.file->bytes().fingerprint(); }
  void read(std::uint64_t offset, std::span<std::byte> out) const final {
    if (offset > size() || out.size() > size() - offset)
      throw IoError(dataset_.what + ": ends at byte " + std::to_string(size()));
    if (!out.empty()) read_inside(offset, out);
  }

 protected:
  explicit DatasetBytes(Hdf5Dataset dataset) : dataset_(std::move(dataset)) {}
  virtual void read_inside(std::uint64_t offset, std::span<std::byte> out) const = 0;

  const Hdf5Dataset dataset_;
};

/// Reads consecutive elements of the row-major order as few hyperslabs.
class ElementReader {
 public:
  ElementReader(const Hdf5Dataset& dataset, hid_t opened)
      : dataset_(dataset),
        opened_(opened),
        type_(hdf5_opened(H5Dget_type(opened), H5Tclose, dataset.what)),
        space_(hdf5_opened(H5Dget_space(opened), H5Sclose, dataset.what)),
        origin_(dataset.shape.size(), 0),
        extent_(dataset.shape.size(), 1) {}

  /// Elements [first, first + count) of the subtensor at `origin_` that has the axes from `axis` on.
  void read(std::size_t axis, hsize_t first, hsize_t count, std::byte* out) {
    if (axis == dataset_.shape.size()) return read_slab(1, out);
    hsize_t row = 1;
    for (std::size_t k = axis + 1; k < dataset_.shape.size(); ++k)
      row *= static_cast<hsize_t>(dataset_.shape[k]);
    while (count > 0) {
      const hsize_t inside = first % row;
      hsize_t now = std::min(count, row - inside);
      origin_[axis] = first / row;
      extent_[axis] = 1;
      if (inside == 0 && count >= row) {
        extent_[axis] = count / row;
        now = extent_[axis] * row;
        for (std::size_t k = axis + 1; k < dataset_.shape.size(); ++k) {
          origin_[k] = 0;
          extent_[k] = static_cast<hsize_t>(dataset_.shape[k]);
        }
        read_slab(now, out);
      } else {
        read(axis + 1, inside, now, out);
      }
      first += now;
      count -= now;
      out += now * dataset_.element_bytes;
    }
  }

 private:
  void read_slab(hsize_t elements, std::byte* out) {
    if (!dataset_.shape.empty()) {
      hdf5_read_ok(
          H5Sselect_hyperslab(space_.get(), H5S_SELECT_SET, origin_.data(), nullptr, extent_.data(), nullptr),
          dataset_.what);
    }
    const Hdf5Handle memory(H5Screate_simple(1, &elements, nullptr), H5Sclose);
    hdf5_read_ok(H5Dread(opened_, type_.get(), memory.get(), space_.get(), H5P_DEFAULT, out), dataset_.what);
  }

  const Hdf5Dataset& dataset_;
  hid_t opened_;
  Hdf5Handle type_, space_;
  std::vector<hsize_t> origin_, extent_;
};

/// Data that the library decodes: compressed, in blocks, compact or contiguous. One thread at a time.
class DecodedBytes final : public DatasetBytes {
 public:
  DecodedBytes(const Hdf5Dataset& dataset, std::size_t chunk_bytes)
      : DatasetBytes(dataset), chunk_bytes_(chunk_bytes) {}

 private:
  void read_inside(std::uint64_t offset, std::span<std::byte> out) const override {
    const Hdf5Lock lock;
    ElementReader reader(dataset_, dataset_.file->cached_dataset(dataset_.path, chunk_bytes_));
    const std::uint64_t element = dataset_.element_bytes;
    const std::uint64_t first = offset / element, lead = offset % element;
    const std::uint64_t count = (lead + out.size() - 1) / element + 1;
    if (lead == 0 && out.size() % element == 0) return reader.read(0, first, count, out.data());
    std::vector<std::byte> whole(count * element);
    reader.read(0, first, count, whole.data());
    std::memcpy(out.data(), whole.data() + lead, out.size());
  }

  std::size_t chunk_bytes_;
};

/// Chunks of whole rows, each followed in the file by its fletcher32. Where they are is asked of the library
/// at the first read; a chunk is checked when it is first touched and read plainly from then on.
class DirectBytes final : public DatasetBytes {
 public:
  /// `zero_chunks` is the attribute of that name, where the dataset has it.
  DirectBytes(const Hdf5Dataset& dataset, RowChunks chunks, std::optional<std::int64_t> zero_chunks)
      : DatasetBytes(dataset), chunks_(std::move(chunks)), zero_chunks_(zero_chunks) {}

 private:
  void read_inside(std::uint64_t offset, std::span<std::byte> out) const override {
    std::call_once(located_, [this] { locate(); });
    while (!out.empty()) {
      const RowChunks::Part part = chunks_.part_at(offset);
      const std::uint64_t inside = offset - part.begin;
      const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), part.bytes - inside));
      read_part(part, inside, out.first(bytes));
      offset += bytes;
      out = out.subspan(bytes);
    }
  }

  void locate() const {
    const Hdf5Lock lock;
    const Hdf5Handle opened = hdf5_opened(H5Dopen2(dataset_.file->id(), dataset_.path.c_str(), H5P_DEFAULT),
                                          H5Dclose, dataset_.what);
    const Hdf5Handle space(H5Dget_space(opened.get()), H5Sclose);
    hsize_t stored = 0;
    hdf5_read_ok(H5Dget_num_chunks(opened.get(), space.get(), &stored), dataset_.what);
    if (stored != chunks_.count()) {
      throw InputError(dataset_.what + ": holds " + std::to_string(stored) + " of " +
                       std::to_string(chunks_.count()) + " chunks; it is incomplete");
    }
    std::vector<haddr_t> addresses(chunks_.count(), HADDR_UNDEF);
    for (hsize_t k = 0; k < stored; ++k) place(opened.get(), space.get(), k, addresses);
    if (std::find(addresses.begin(), addresses.end(), HADDR_UNDEF) != addresses.end())
      throw InputError(dataset_.what + ": two chunks have one place");
    addresses_ = std::move(addresses);
    checked_ = std::vector<std::atomic<bool>>(chunks_.count());
  }

  void place(hid_t opened, hid_t space, hsize_t k, std::vector<haddr_t>& addresses) const {
    std::vector<hsize_t> origin(dataset_.shape.size());
    unsigned skipped_filters = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t size = 0;
    hdf5_read_ok(H5Dget_chunk_info(opened, space, k, origin.data(), &skipped_filters, &address, &size),
                 dataset_.what);
    const std::optional<std::uint64_t> number = chunks_.number(Index(origin.begin(), origin.end()));
    const std::uint64_t file_size = dataset_.file->bytes().size();
    if (!number || skipped_filters != 0 || size != chunks_.chunk_bytes() + kChecksumBytes ||
        size > file_size || address > file_size - size) {
      throw InputError(dataset_.what + ": stored chunk " + std::to_string(k) + " (" + std::to_string(size) +
                       " bytes at " + std::to_string(address) + ") does not fit its shape or the file");
    }
    addresses[*number] = address;
  }

  void read_part(const RowChunks::Part& part, std::uint64_t inside, std::span<std::byte> out) const {
    const InputFile& file = dataset_.file->bytes();
    if (checked_[part.chunk].load(std::memory_order_acquire)) {
      file.read(addresses_[part.chunk] + inside, out);
      return;
    }
    // Kept by the thread: a new megabyte for every chunk would be paged in anew.
    thread_local std::vector<std::byte> chunk;
    chunk.resize(chunks_.chunk_bytes() + kChecksumBytes);
    file.read(addresses_[part.chunk], chunk);
    check(part, chunk);
    std::memcpy(out.data(), chunk.data() + inside, out.size());
    checked_[part.chunk].store(true, std::memory_order_release);
  }

  void check(const RowChunks::Part& part, std::span<const std::byte> chunk) const {
    std::uint32_t expected = 0;
    std::memcpy(&expected, chunk.data() + chunk.size() - kChecksumBytes, kChecksumBytes);
    if (fletcher32(chunk.first(chunk.size() - kChecksumBytes)) != expected) {
      throw InputError(dataset_.what + ": chunk " + std::to_string(part.chunk) + " at byte " +
                       std::to_string(addresses_[part.chunk]) +
                       " does not have its checksum; the file is damaged, copy or make it again");
    }
    // Only zeros have a checksum of zero: a hole in the file as well as zeros that somebody wrote.
    if (expected == 0 && zero_chunks_) std::call_once(zeros_counted_, [this] { count_zero_chunks(); });
  }

  void count_zero_chunks() const {
    std::int64_t count = 0;
    for (const haddr_t address : addresses_) {
      std::uint32_t checksum = 0;
      dataset_.file->bytes().read(address + chunks_.chunk_bytes(),
                                  std::as_writable_bytes(std::span(&checksum, 1)));
      if (checksum == 0) ++count;
    }
    if (count != *zero_chunks_) {
      throw InputError(dataset_.what + ": " + std::to_string(count) + " chunks of zeros, expected " +
                       std::to_string(*zero_chunks_) + "; part of the file was lost, copy or make it again");
    }
  }

  RowChunks chunks_;
  std::optional<std::int64_t> zero_chunks_;
  mutable std::once_flag located_, zeros_counted_;
  mutable std::vector<haddr_t> addresses_;          ///< by chunk number
  mutable std::vector<std::atomic<bool>> checked_;  ///< by chunk number
};

void check_filters(const Hdf5Dataset& dataset, hid_t creation) {
  const int count = H5Pget_nfilters(creation);
  hdf5_read_ok(count, dataset.what);
  for (unsigned k = 0; k < static_cast<unsigned>(count); ++k) {
    unsigned flags = 0, config = 0;
    std::size_t values = 0;
    std::array<char, 256> name{};
    const H5Z_filter_t filter =
        H5Pget_filter2(creation, k, &flags, &values, nullptr, name.size(), name.data(), &config);
    hdf5_read_ok(filter, dataset.what);
    if (H5Zfilter_avail(filter) <= 0) {
      fail(dataset, "needs HDF5 filter " + std::to_string(filter) + " (" + name.data() +
                        "), which is not installed; rewrite the file with h5repack -f NONE");
    }
  }
}

bool only_fletcher32(hid_t creation) {
  if (H5Pget_nfilters(creation) != 1) return false;
  unsigned flags = 0, config = 0;
  std::size_t values = 0;
  return H5Pget_filter2(creation, 0, &flags, &values, nullptr, 0, nullptr, &config) == H5Z_FILTER_FLETCHER32;
}

Shape chunk_shape(const Hdf5Dataset& dataset, hid_t creation) {
  const std::size_t rank = dataset.shape.size();
  std::vector<hsize_t> sizes(rank);
  if (H5Pget_chunk(creation, static_cast<int>(rank), sizes.data()) != static_cast<int>(rank))
    fail(dataset, "its chunks have another number of axes");
  // The library limits each size to 32 bits.
  return Shape(sizes.begin(), sizes.end());
}

std::shared_ptr<const ByteSource> chunked(const Hdf5Dataset& dataset, hid_t opened, hid_t creation) {
  const Shape shape = chunk_shape(dataset, creation);
  if (only_fletcher32(creation)) {
    const std::optional<RowChunks> rows = RowChunks::from(dataset.shape, shape, dataset.element_bytes);
    if (rows && bytes_of(dataset) > dataset.file->bytes().size())
      fail(dataset, "claims " + std::to_string(bytes_of(dataset)) + " bytes, more than the file has");
    if (rows) {
      return std::make_shared<DirectBytes>(dataset, *rows,
                                           read_hdf5_count(opened, kHdf5ZeroChunks, dataset.what));
    }
  }
  std::uint64_t expected = 1, chunk_bytes = dataset.element_bytes;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] < 1 || chunk_bytes > kLargestDecoded / static_cast<std::uint64_t>(shape[axis]))
      fail(dataset, "has chunks " + to_string(shape) + ", expected at most 256 MiB each");
    chunk_bytes *= static_cast<std::uint64_t>(shape[axis]);
    expected *= static_cast<std::uint64_t>((dataset.shape[axis] - 1) / shape[axis] + 1);
  }
  hsize_t stored = 0;
  const Hdf5Handle space(H5Dget_space(opened), H5Sclose);
  hdf5_read_ok(H5Dget_num_chunks(opened, space.get(), &stored), dataset.what);
  if (stored != expected) {
    fail(dataset,
         "holds " + std::to_string(stored) + " of " + std::to_string(expected) + " chunks; it is incomplete");
  }
  return std::make_shared<DecodedBytes>(dataset, chunk_bytes);
}

}  // namespace

std::shared_ptr<const ByteSource> hdf5_dataset_bytes(const Hdf5Dataset& dataset, hid_t opened) {
  const Hdf5Handle creation = hdf5_opened(H5Dget_create_plist(opened), H5Pclose, dataset.what);
  check_filters(dataset, creation.get());
  const H5D_layout_t layout = H5Pget_layout(creation.get());
  if (layout == H5D_CHUNKED && bytes_of(dataset) > 0) return chunked(dataset, opened, creation.get());
  if (layout != H5D_CHUNKED && layout != H5D_COMPACT && layout != H5D_CONTIGUOUS)
    fail(dataset, "has a virtual layout, expected chunks");
  if (H5Pget_external_count(creation.get()) != 0) fail(dataset, "keeps its data in another file");
  if (layout != H5D_CHUNKED && H5Dget_storage_size(opened) != bytes_of(dataset)) {
    fail(dataset, "stores " + std::to_string(H5Dget_storage_size(opened)) + " bytes, expected " +
                      std::to_string(bytes_of(dataset)));
  }
  return std::make_shared<DecodedBytes>(dataset, 0);
}

}  // namespace mhub
