// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include "mhub/store/tensor_sink.hpp"

namespace mhub {

/// An opened archive. Its parts keep the file open as long as one of them lives.
struct Hdf5Archive {
  TensorSource state;
  std::map<std::string, std::string> attributes;  ///< texts of the root group, without the driver's own
  /// Side files by relative path; never absolute, never with "..".
  std::map<std::string, std::shared_ptr<const ByteSource>> files;
  /// What somebody has put into it that is no part of an archive, "attribute units of /state/model/norm":
  /// attributes that nothing reads, bytes behind the end that the file gives itself.
  std::vector<std::string> others;
};

/// True when the file begins with HDF5's signature. Throws IoError, InputError for what is not a regular
/// file.
bool is_hdf5(const std::string& path);

/// Opens an archive that `make_hdf5_sink` or another program wrote by the rules of README.md (beside this
/// header). Reads metadata only. Bytes are checked against their checksum when they are first read; a damaged
/// chunk is an InputError that names file, tensor and chunk. Throws InputError for anything that is not such
/// an archive, IoError.
Hdf5Archive open_hdf5(const std::string& path);

/// What an archive holds beside its tensors.
struct Hdf5Contents {
  /// Short UTF-8 texts (at most 32 KiB each), attributes of the root group. "format"
  /// and "format_version" are the driver's own.
  std::map<std::string, std::string> attributes;
  /// Whole files (config, tokenizer, provenance) by relative path, as in {"tokenizer/vocab.json": bytes}; at
  /// most 1 GiB each.
  std::map<std::string, std::string> files;
};

class Hdf5Sink : public TensorSink {
 public:
  struct SideFile {
    std::uint64_t size = 0;
    std::string checksum;  ///< checksum_of its bytes
  };
  /// The side files so far.
  virtual const std::map<std::string, SideFile>& files() const = 0;
  /// One more side file, before `finish`: what is known only when all tensors are written, such as their
  /// checksums. Throws InputError for a path that is taken or not plain and relative, IoError.
  virtual void add_file(const std::string& path, const std::string& content) = 0;
};

/// Creates one HDF5 file (README.md beside this header) that must not exist yet. Every tensor has one chunk,
/// which covers it. Names must be UTF-8. Throws std::logic_error for other chunks or doubled names,
/// InputError for a name or shape that the format cannot hold, IoError.
///
/// Different tensors may be appended to concurrently, but then their order shows in the file; each holds one
/// HDF5 chunk (1 MiB; more for tensors over 1 GiB, at most 64 MiB) in memory between its first and its last
/// byte.
std::unique_ptr<Hdf5Sink> make_hdf5_sink(const std::string& path, std::vector<SinkTensor> tensors,
                                         const Hdf5Contents& contents = {});

}  // namespace mhub
