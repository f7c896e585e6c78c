// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "mhub/base/file.hpp"
#include "mhub/store/hdf5/library.hpp"
#include "mhub/tensor/shape.hpp"

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

  /// Calls `visit` for the group `root` ("/state"), with no link, and for every group and dataset below it,
  /// with its links from there ("model/norm/weight"). Visits a group once, however many links lead to it;
  /// goes at most 64 groups deep. Throws InputError for links into other files, symbolic links and anything
  /// but groups and datasets. Call under Hdf5Lock.
  void for_each_object(const std::string& root,
                       const std::function<void(const std::string& link, hid_t, bool dataset)>& visit) const;

 private:
  InputFile bytes_;
  Hdf5Handle file_;
  mutable std::list<std::pair<std::string, Hdf5Handle>> recent_;  ///< the latest first
};

/// What a reader of a dataset's bytes has to know of it.
struct Hdf5Dataset {
  std::shared_ptr<const Hdf5File> file;
  std::string path;  ///< in the file: "/state/model/norm/weight"
  std::string what;  ///< for messages: "model.h5: tensor model.norm.weight"
  Shape shape;
  std::size_t element_bytes = 0;
};

/// The row-major bytes of an opened dataset. Chunks of whole rows with no filter but fletcher32 are read from
/// the file directly and by many threads; everything else that the library can decode is read through it.
/// Checks what the dataset claims against what the file holds; throws InputError for data in other files,
/// data that was never written, filters that are not installed. Call under Hdf5Lock.
std::shared_ptr<const ByteSource> hdf5_dataset_bytes(const Hdf5Dataset& dataset, hid_t opened);

}  // namespace mhub
