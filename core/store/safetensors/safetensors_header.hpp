// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mhub/tensor/dtype.hpp"
#include "mhub/tensor/shape.hpp"

namespace mhub {

/// One entry of a safetensors header.
struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::uint64_t begin = 0, end = 0;  ///< bytes in the data section
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> tensors;        ///< ordered by `begin`
  std::map<std::string, std::string> metadata;  ///< "__metadata__"
};

/// Parses and checks a header's JSON against `data_size`, the bytes behind it: known types, shape and offsets
/// agree, no overlap, no hole, nothing after the last tensor. `file` is for messages. Throws InputError.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_size,
                                           const std::string& file);

}  // namespace mhub
