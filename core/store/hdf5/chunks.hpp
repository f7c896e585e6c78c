// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "mhub/tensor/shape.hpp"

namespace mhub {

/// How a tensor is cut into HDF5 chunks of whole rows: the chunk shape is [1, ..., 1, r, n, ..., n] with the
/// tensor's own sizes n behind r. Such chunks, in the order of their coordinates, follow each other in the
/// tensor's row-major bytes. Where r does not divide its axis, the last chunk of a block is stored padded.
class RowChunks {
 public:
  /// One chunk's part of the row-major bytes.
  struct Part {
    std::uint64_t chunk = 0;  ///< its number
    std::uint64_t begin = 0;  ///< the first of its bytes
    std::uint64_t bytes = 0;  ///< how many are the tensor's, without padding
  };

  /// Chunks of about 1 MiB; of a 1024th of the tensor where that is more, up to 64 MiB, because the library
  /// finds a chunk's address by a walk over all. No size may be 0 and the shape not empty.
  static RowChunks choose(const Shape& shape, std::size_t element_bytes);
  /// Nothing when a chunk of that shape is not made of whole rows, or reaches beyond the tensor.
  static std::optional<RowChunks> from(const Shape& shape, const Shape& chunk, std::size_t element_bytes);

  const Shape& chunk_shape() const { return chunk_; }
  /// Stored bytes of every chunk, padding included, checksum not.
  std::uint64_t chunk_bytes() const { return chunk_bytes_; }
  std::uint64_t count() const { return blocks_ * per_block_; }
  Part part(std::uint64_t chunk) const;
  /// The part that holds byte `offset` of the tensor.
  Part part_at(std::uint64_t offset) const;
  /// The coordinates of a chunk's first element.
  Index origin(std::uint64_t chunk) const;
  /// The inverse of `origin`; nothing for coordinates that are no chunk's first.
  std::optional<std::uint64_t> number(const Index& origin) const;

 private:
  RowChunks(const Shape& shape, std::size_t axis, std::int64_t rows, std::size_t element_bytes);

  Shape shape_, chunk_;
  std::size_t axis_ = 0;         ///< the axis of r
  std::uint64_t blocks_ = 1;     ///< product of the sizes before it
  std::uint64_t per_block_ = 1;  ///< chunks along it
  std::uint64_t chunk_bytes_ = 0, block_bytes_ = 0;
};

/// The checksum of HDF5's fletcher32 filter (H5_checksum_fletcher32 in the library's H5checksum.c), which
/// follows a chunk's bytes in the file as a little-endian u32: both sums modulo 65535 over big-endian 16-bit
/// words, where a sum is 0 only if all words are. An odd last byte is the high half of a word.
std::uint32_t fletcher32(std::span<const std::byte> data);

}  // namespace mhub
