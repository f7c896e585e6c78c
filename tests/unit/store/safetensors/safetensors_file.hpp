// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "mhub/base/file.hpp"

namespace mhub::tests {

/// The bytes of a .safetensors file with this header and `data` zero bytes behind it.
inline std::string safetensors_bytes(const std::string& header, std::size_t data) {
  const std::uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + header + std::string(data, '\0');
}

/// One header entry: "name":{"dtype":...,"shape":...,"data_offsets":...}.
inline std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                         const std::string& offsets) {
  std::string text;
  for (const std::string_view part : std::initializer_list<std::string_view>{
           "\"", name, "\":{\"dtype\":\"", dtype, "\",\"shape\":", shape, ",\"data_offsets\":", offsets, "}"})
    text += part;
  return text;
}

/// A header of these entries.
inline std::string header_of(const std::vector<std::string>& entries) {
  std::string text(1, '{');
  for (const std::string& one : entries) {
    if (text.size() > 1) text += ',';
    text += one;
  }
  return text + '}';
}

}  // namespace mhub::tests
