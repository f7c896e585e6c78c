// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/files/protobuf.hpp"

#include "mhub/base/error.hpp"

namespace mhub::text {

void ProtobufReader::fail() const {
  throw InputError(origin_ + ": not a protobuf message; the file is damaged");
}

bool ProtobufReader::next(Field& field) {
  if (rest_.empty()) return false;
  const std::uint64_t tag = varint();
  field = {};
  field.number = static_cast<std::uint32_t>(tag >> 3);
  if (field.number == 0 || tag >> 32 != 0) fail();
  switch (tag & 7) {
    case 0: field.value = varint(); return true;
    case 1: field.value = fixed(8); return true;
    case 5: field.value = fixed(4); return true;
    case 2: {
      const std::uint64_t size = varint();
      if (size > rest_.size()) fail();
      field.is_bytes = true;
      field.bytes = rest_.substr(0, size);
      rest_.remove_prefix(size);
      return true;
    }
    default: fail();
  }
}

std::uint64_t ProtobufReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) fail();
    const auto byte = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  fail();
}

std::uint64_t ProtobufReader::fixed(std::size_t bytes) {
  if (rest_.size() < bytes) fail();
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i)
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
  rest_.remove_prefix(bytes);
  return value;
}

}  // namespace mhub::text
