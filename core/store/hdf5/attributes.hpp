// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "mhub/store/hdf5/library.hpp"

namespace mhub {

/// The longest text of an attribute, in bytes; HDF5 keeps small attributes in the object's header, which has
/// a checksum.
inline constexpr std::size_t kLongestHdf5Text = 32 << 10;

/// True for well-formed UTF-8 without NUL, which HDF5 strings cannot hold.
bool is_hdf5_text(std::string_view text);

/// Writes a text attribute as a fixed-length UTF-8 string. `what` begins messages. Call under Hdf5Lock.
void write_hdf5_text(hid_t object, const std::string& name, const std::string& text, const std::string& what);
/// Reads a text attribute, of fixed or variable length (h5py's default). Throws InputError when it is absent,
/// of another type or too long.
std::string read_hdf5_text(hid_t object, const std::string& name, const std::string& what);
/// An i64 attribute; `replace_hdf5_count` changes the value of one that is there.
void write_hdf5_count(hid_t object, const std::string& name, std::int64_t count, const std::string& what);
void replace_hdf5_count(hid_t object, const std::string& name, std::int64_t count, const std::string& what);
/// Nothing when it is absent; InputError when it is no i64 or negative.
std::optional<std::int64_t> read_hdf5_count(hid_t object, const std::string& name, const std::string& what);

/// All text attributes of an object; others are left out.
std::map<std::string, std::string> read_hdf5_texts(hid_t object, const std::string& what);

}  // namespace mhub
