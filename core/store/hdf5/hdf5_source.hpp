// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "mhub/base/byte_source.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// An opened archive. Its parts keep the file open as long as one of them lives.
struct Hdf5Archive {
  TensorSource state;
  std::map<std::string, std::string> attributes;  ///< texts of the root group, without the driver's own
  /// Side files by relative path; never absolute, never with "..".
  std::map<std::string, std::shared_ptr<const ByteSource>> files;
};

/// True when the file begins with HDF5's signature. Throws IoError, InputError for what is not a regular
/// file.
bool is_hdf5(const std::string& path);

/// Opens an archive that `make_hdf5_sink` or another program wrote by the rules of README.md (beside this
/// header). Reads metadata only. Bytes are checked against their checksum when they are first read; a damaged
/// chunk is an InputError that names file, tensor and chunk. Throws InputError for anything that is not such
/// an archive, IoError.
Hdf5Archive open_hdf5(const std::string& path);

}  // namespace mhub
