// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <utility>

#include "mhub/base/file.hpp"
#include "mhub/store/hdf5/library.hpp"

namespace mhub {

/// An HDF5 file opened for reading: by the library for metadata, and as plain bytes for the data of chunks.
class Hdf5File {
 public:
  /// Throws InputError when the library cannot make sense of it, IoError.
  explicit Hdf5File(const std::string& path);

  const std::string& path() const { return bytes_.name(); }
  const InputFile& bytes() const { return bytes_; }
  hid_t id() const { return file_.get(); }

  /// The dataset at a path, with room for two chunks of `chunk_bytes` in the library's cache. The last few
  /// stay open, so that a chunk which several reads touch is decoded once. Call under Hdf5Lock; the
  /// identifier is valid as long as the lock is held.
  hid_t cached_dataset(const std::string& path, std::size_t chunk_bytes) const;

 private:
  InputFile bytes_;
  Hdf5Handle file_;
  mutable std::list<std::pair<std::string, Hdf5Handle>> recent_;  ///< the latest first
};

}  // namespace mhub
