// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/hdf5/dataset_bytes.hpp"

#include <array>
#include <vector>

#include "mhub/base/error.hpp"
#include "mhub/store/hdf5/archive_format.hpp"
#include "mhub/store/hdf5/attributes.hpp"

namespace mhub {
namespace {

/// Larger chunks would be decoded in memory; none that this driver writes is.
constexpr std::uint64_t kLargestDecoded = 256 << 20;

std::uint64_t bytes_of(const Hdf5Dataset& dataset) {
  return static_cast<std::uint64_t>(numel(dataset.shape)) * dataset.element_bytes;
}

[[noreturn]] void fail(const Hdf5Dataset& dataset, const std::string& problem) {
  throw InputError(dataset.what + ": " + problem);
}

void check_filters(const Hdf5Dataset& dataset, hid_t creation) {
  const int count = H5Pget_nfilters(creation);
  if (count < 0) fail(dataset, hdf5_reason());
  for (unsigned k = 0; k < static_cast<unsigned>(count); ++k) {
    unsigned flags = 0, config = 0;
    std::size_t values = 0;
    std::array<char, 256> name{};
    const H5Z_filter_t filter =
        H5Pget_filter2(creation, k, &flags, &values, nullptr, name.size(), name.data(), &config);
    if (filter < 0) fail(dataset, hdf5_reason());
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
      return hdf5_direct_bytes(dataset, *rows, read_hdf5_count(opened, kHdf5ZeroChunks, dataset.what));
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
  return hdf5_decoded_bytes(dataset, chunk_bytes);
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
  return hdf5_decoded_bytes(dataset, 0);
}

}  // namespace mhub
