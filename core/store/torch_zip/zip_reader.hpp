// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "mhub/base/byte_source.hpp"

namespace mhub {

/// One stored (uncompressed) member of a zip archive.
struct ZipRecord {
  std::uint64_t header = 0;  ///< local header, from the start of the byte source
  std::uint64_t size = 0;
  std::uint64_t limit = 0;  ///< where the next record or the directory starts: it must end before that
};

/// The directory of a zip archive as torch.save writes it (caffe2/serialize/inline_container.cc): stored
/// members, zip64 where needed, no encryption. It may be a window of a larger file (an item of a .distcp).
/// Everything that points outside the window is refused, and so are records that share bytes, names that are
/// there twice, and local headers that contradict the directory.
class ZipReader {
 public:
  /// `what` names the archive in messages.
  ZipReader(std::shared_ptr<const ByteSource> bytes, std::uint64_t begin, std::uint64_t length,
            std::string what);

  const std::map<std::string, ZipRecord>& records() const { return records_; }
  /// Where a record's bytes start in the byte source (reads its local header).
  std::uint64_t data_offset(const std::string& name, const ZipRecord& record) const;
  /// A whole record of at most `limit` bytes.
  std::string read(const std::string& name, std::uint64_t limit) const;

  const std::shared_ptr<const ByteSource>& bytes() const { return bytes_; }
  const std::string& what() const { return what_; }

 private:
  [[noreturn]] void fail(const std::string& problem) const;
  bool is_legacy() const;
  void set_limits(std::uint64_t directory);
  void read_directory(std::uint64_t offset, std::uint64_t size, std::uint64_t count);

  std::shared_ptr<const ByteSource> bytes_;
  std::uint64_t begin_, end_;
  std::string what_;
  std::map<std::string, ZipRecord> records_;
};

}  // namespace mhub
