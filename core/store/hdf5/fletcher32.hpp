// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mhub {

/// The checksum of HDF5's fletcher32 filter (H5_checksum_fletcher32 in the library's H5checksum.c), which
/// follows a chunk's bytes in the file as a little-endian u32: both sums modulo 65535 over big-endian 16-bit
/// words, where a sum is 0 only if all words are. An odd last byte is the high half of a word.
std::uint32_t fletcher32(std::span<const std::byte> data);

}  // namespace mhub
