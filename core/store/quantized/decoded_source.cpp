// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/quantized/decoded_source.hpp"

#include <algorithm>
#include <cstring>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

/// Elements decoded at a time: bounds the memory of a read whatever its size.
constexpr std::int64_t kWindow = 1 << 18;

}  // namespace

PackedTensor packed(const StoredTensor& tensor) {
  if (tensor.chunks.size() != 1 || tensor.chunks[0].strides != row_major_strides(tensor.shape))
    throw InputError((tensor.chunks.empty() ? "" : tensor.chunks[0].bytes->name() + ": ") + "tensor " +
                     tensor.name + ": a quantised tensor must lie in one row-major piece");
  const StoredChunk& chunk = tensor.chunks[0];
  return {chunk.bytes, chunk.byte_offset, tensor.dtype, tensor.shape};
}

std::vector<std::byte> read_elements(const PackedTensor& tensor, std::int64_t first, std::int64_t count) {
  const std::size_t size = size_of(tensor.dtype);
  std::vector<std::byte> bytes(static_cast<std::size_t>(count) * size);
  tensor.bytes->read(tensor.offset + static_cast<std::uint64_t>(first) * size, bytes);
  return bytes;
}

void DecodedSource::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size() || out.size() > size() - offset)
    throw IoError(name() + ": read behind the end of a decoded tensor");
  std::vector<std::uint16_t> values;
  while (!out.empty()) {
    // Reads may begin and end inside an element.
    const auto first = static_cast<std::int64_t>(offset / 2);
    const auto skipped = static_cast<std::size_t>(offset % 2);
    const std::int64_t wanted = static_cast<std::int64_t>((skipped + out.size() + 1) / 2);
    values.resize(static_cast<std::size_t>(std::min(wanted, kWindow)));
    decode(first, values);
    const std::size_t bytes = std::min(out.size(), 2 * values.size() - skipped);
    std::memcpy(out.data(), std::as_bytes(std::span(values)).data() + skipped, bytes);
    out = out.subspan(bytes);
    offset += bytes;
  }
}

}  // namespace mhub
