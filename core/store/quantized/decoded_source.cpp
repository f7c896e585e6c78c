// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "mhub/base/error.hpp"
#include "mhub/store/quantized/quantized.hpp"

namespace mhub {
namespace {

/// Elements decoded at a time: bounds the memory of a read whatever its size.
constexpr std::int64_t kWindow = 1 << 18;

}  // namespace

void refuse(const StoredTensor& tensor, const std::string& problem) {
  throw InputError(tensor.file() + (tensor.chunks.empty() ? "" : ": ") + "tensor " + tensor.name + " " +
                   to_string(tensor.shape) + ": " + problem);
}

Packed packed(const StoredTensor& tensor) {
  if (tensor.chunks.size() != 1 || tensor.chunks[0].strides != row_major_strides(tensor.shape))
    throw InputError(tensor.file() + (tensor.chunks.empty() ? "" : ": ") + "tensor " + tensor.name +
                     ": a quantised tensor must lie in one row-major piece");
  return {tensor.chunks[0].bytes, tensor.chunks[0].byte_offset, tensor.dtype};
}

std::vector<std::byte> Packed::read(std::int64_t first, std::int64_t count) const {
  const std::size_t size = size_of(dtype);
  std::vector<std::byte> elements(static_cast<std::size_t>(count) * size);
  bytes->read(offset + static_cast<std::uint64_t>(first) * size, elements);
  return elements;
}

std::string DecodedSource::fingerprint() const {
  const std::string values = values_.bytes->fingerprint();
  return scales_.bytes == values_.bytes ? values : values + " " + scales_.bytes->fingerprint();
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
