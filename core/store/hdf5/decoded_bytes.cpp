// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <vector>

#include "mhub/base/error.hpp"
#include "mhub/store/hdf5/dataset_bytes.hpp"

namespace mhub {
namespace {

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
class DecodedBytes final : public ByteSource {
 public:
  DecodedBytes(Hdf5Dataset dataset, std::size_t chunk_bytes)
      : dataset_(std::move(dataset)),
        chunk_bytes_(chunk_bytes),
        size_(static_cast<std::uint64_t>(numel(dataset_.shape)) * dataset_.element_bytes) {}

  std::uint64_t size() const override { return size_; }
  const std::string& name() const override { return dataset_.file->path(); }
  std::string fingerprint() const override { return dataset_.file->bytes().fingerprint(); }

  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > size_ || out.size() > size_ - offset)
      throw IoError(dataset_.what + ": ends at byte " + std::to_string(size_));
    if (out.empty()) return;
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

 private:
  Hdf5Dataset dataset_;
  std::size_t chunk_bytes_;
  std::uint64_t size_;
};

}  // namespace

std::shared_ptr<const ByteSource> hdf5_decoded_bytes(const Hdf5Dataset& dataset, std::size_t chunk_bytes) {
  return std::make_shared<DecodedBytes>(dataset, chunk_bytes);
}

}  // namespace mhub
