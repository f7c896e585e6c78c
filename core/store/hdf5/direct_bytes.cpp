// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <vector>

#include "mhub/base/error.hpp"
#include "mhub/store/hdf5/dataset_bytes.hpp"
#include "mhub/store/hdf5/fletcher32.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kChecksumBytes = 4;

/// Chunks of whole rows, each followed in the file by its fletcher32. Where they are is asked of the library
/// at the first read; a chunk is checked when it is first touched and read plainly from then on.
class DirectBytes final : public ByteSource {
 public:
  DirectBytes(Hdf5Dataset dataset, RowChunks chunks, std::optional<std::int64_t> zero_chunks)
      : dataset_(std::move(dataset)),
        chunks_(std::move(chunks)),
        zero_chunks_(zero_chunks),
        size_(static_cast<std::uint64_t>(numel(dataset_.shape)) * dataset_.element_bytes) {}

  std::uint64_t size() const override { return size_; }
  const std::string& name() const override { return dataset_.file->path(); }
  std::string fingerprint() const override { return dataset_.file->bytes().fingerprint(); }

  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > size_ || out.size() > size_ - offset)
      throw IoError(dataset_.what + ": ends at byte " + std::to_string(size_));
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

 private:
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

  Hdf5Dataset dataset_;
  RowChunks chunks_;
  std::optional<std::int64_t> zero_chunks_;
  std::uint64_t size_;
  mutable std::once_flag located_, zeros_counted_;
  mutable std::vector<haddr_t> addresses_;          ///< by chunk number
  mutable std::vector<std::atomic<bool>> checked_;  ///< by chunk number
};

}  // namespace

std::shared_ptr<const ByteSource> hdf5_direct_bytes(const Hdf5Dataset& dataset, const RowChunks& chunks,
                                                    std::optional<std::int64_t> zero_chunks) {
  return std::make_shared<DirectBytes>(dataset, chunks, zero_chunks);
}

}  // namespace mhub
