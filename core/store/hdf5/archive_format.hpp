// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "mhub/store/hdf5/library.hpp"

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

/// Where each tensor's dataset is linked below /state, same order as `names`: the parts between dots are
/// groups ("a.b.weight" -> {"a", "b", "weight"}), so that people find their way. A part that cannot be a link
/// name ("", ".", with "/") is altered, a dataset whose place is a group or taken gets a "~" behind its name,
/// and names of more than 32 parts keep the rest in one. The exact name is an attribute of the dataset.
std::vector<std::vector<std::string>> hdf5_link_paths(const std::vector<std::string>& names);

/// The longest text of an attribute, in bytes; HDF5 keeps small attributes in the object's header, which has
/// a checksum.
inline constexpr std::size_t kLongestHdf5Text = 32 << 10;

/// True for well-formed UTF-8 without NUL, which HDF5 strings cannot hold.
bool is_hdf5_text(std::string_view text);

/// Writes a text attribute as a fixed-length UTF-8 string. `what` begins messages. Call under Hdf5Lock.
void write_hdf5_text(hid_t object, const std::string& name, const std::string& text, const std::string& what);
/// Reads a text attribute of fixed length. Throws InputError when it is absent, of another type (h5py's
/// default has variable length) or too long.
std::string read_hdf5_text(hid_t object, const std::string& name, const std::string& what);
/// An i64 attribute; `replace_hdf5_count` changes the value of one that is there.
void write_hdf5_count(hid_t object, const std::string& name, std::int64_t count, const std::string& what);
void replace_hdf5_count(hid_t object, const std::string& name, std::int64_t count, const std::string& what);
/// Nothing when it is absent; InputError when it is no i64 or negative.
std::optional<std::int64_t> read_hdf5_count(hid_t object, const std::string& name, const std::string& what);

/// All text attributes of an object; others are left out.
std::map<std::string, std::string> read_hdf5_texts(hid_t object, const std::string& what);
/// The names of all attributes of an object.
std::vector<std::string> hdf5_attribute_names(hid_t object, const std::string& what);

}  // namespace mhub
