// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace mhub {

// The names of the format (README.md beside this file), for its reader and its writer.

inline constexpr const char* kHdf5State = "/state";
inline constexpr const char* kHdf5Files = "/files";
// Attributes of the root group.
inline constexpr const char* kHdf5Format = "format";
inline constexpr const char* kHdf5FormatValue = "mhub-state";
inline constexpr const char* kHdf5FormatVersion = "format_version";
inline constexpr const char* kHdf5Version = "1";
// Attributes of a tensor's dataset.
inline constexpr const char* kHdf5Name = "name";
inline constexpr const char* kHdf5DType = "torch_dtype";
// Attribute of a chunked dataset, i64: how many of its chunks hold nothing but zeros. Zeros have a fletcher32
// of zero, so that a hole in the file (a download that broke off, blocks lost by a disk) looks intact.
inline constexpr const char* kHdf5ZeroChunks = "zero_chunks";

inline constexpr std::uint64_t kLargestSideFile = std::uint64_t{1} << 30;

/// True for "a/b.json": relative, without empty parts, "." and "..", UTF-8, at most 4096 bytes.
bool is_side_file_path(const std::string& path);

}  // namespace mhub
