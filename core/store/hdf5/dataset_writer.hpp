// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "mhub/store/hdf5/library.hpp"
#include "mhub/tensor/shape.hpp"

namespace mhub {

/// Creates a dataset at `path`, whose group exists: chunked with fletcher32, or compact (in the object's
/// header, which has a checksum too) where it has no axis or no element. A chunked one gets the attribute
/// zero_chunks = 0. Throws IoError. Call under Hdf5Lock.
Hdf5Handle create_hdf5_dataset(hid_t file, const std::string& path, hid_t type, const Shape& shape,
                               const std::string& what);

/// A group whose links keep UTF-8 names; the groups above it are made where they are missing.
void create_hdf5_group(hid_t file, const std::string& path, const std::string& what);

/// Writes a whole side file as a dataset: as one string where it is text, so that h5dump shows it, else as
/// bytes.
void write_hdf5_side_file(hid_t file, const std::string& path, const std::string& content,
                          const std::string& what);

}  // namespace mhub
