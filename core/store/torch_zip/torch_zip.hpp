// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mhub/store/pickle/value.hpp"
#include "mhub/store/sharded_folder.hpp"

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

/// "bfloat16" of the global torch.bfloat16; empty for other nodes.
std::string_view torch_member(const PickleNode& node);

/// One torch.save archive: the object tree, and where the tensors in it lie. Tensor bytes are not read.
class TorchArchive {
 public:
  /// A whole file.
  explicit TorchArchive(const std::string& path);
  explicit TorchArchive(const std::shared_ptr<const ByteSource>& file);
  /// A window of a byte source.
  TorchArchive(std::shared_ptr<const ByteSource> bytes, std::uint64_t begin, std::uint64_t length,
               const std::string& what);

  const PickleNode& root() const { return *root_; }
  /// A node of the tree, which keeps all of it alive.
  std::shared_ptr<const PickleNode> shared(const PickleNode& node) const { return {root_, &node}; }
  const std::string& what() const { return zip_.what(); }
  /// The tensor that a node stands for (a rebuilt tensor or parameter), under the given name; nothing for
  /// other nodes. Throws InputError when it reaches outside its storage.
  std::optional<StoredTensor> tensor(const PickleNode& node, const std::string& name) const;

 private:
  std::optional<StoredTensor> rebuilt(const PickleNode& function,
                                      const std::vector<const PickleNode*>& arguments,
                                      const std::string& name) const;

  ZipReader zip_;
  std::string prefix_;                      ///< "archive/"
  std::shared_ptr<const PickleNode> root_;  ///< owns the tree
};

/// Weights of PyTorch: pytorch_model.bin. Throws InputError for a file with something that is not a tensor.
extern const ShardedFiles kTorchBin;

/// The node of a dense CPU tensor whose bytes are data record `key` of the archive.
const PickleNode* tensor_node(PickleArena& arena, DType dtype, const Shape& shape, std::size_t key);

/// Writes one torch.save archive (zip of stored records, data aligned to 64 bytes as inline_container.cc
/// does) at a place in a file that may hold others. All sizes are known from the start, so data may come in
/// any order of records; within a record it comes in order. Thread-safe across records.
class TorchSaveWriter {
 public:
  /// Writes bytes at an offset from the archive's start.
  using WriteAt = std::function<void(std::uint64_t, std::span<const std::byte>)>;
  /// What a data record holds, and where its bytes lie best in the archive (SinkChunk::phase).
  struct Data {
    std::uint64_t size = 0;
    int phase = -1;
  };
  /// `pickle` is data.pkl; `data` are the records data/0, data/1, ...
  TorchSaveWriter(WriteAt write, std::string pickle, std::span<const Data> data);

  /// Bytes of the whole archive.
  std::uint64_t length() const { return length_; }
  void append(std::size_t record, std::span<const std::byte> data);
  /// As append, for bytes that are already in place.
  void keep(std::size_t record, std::span<const std::byte> data);
  /// A record is in place, with this CRC-32.
  void take_over(std::size_t record, std::uint32_t crc);
  std::uint32_t crc(std::size_t record) const { return records_.at(first_data_ + record).crc; }
  /// Where a record's bytes begin, from the archive's start.
  std::uint64_t data_offset(std::size_t record) const { return records_.at(first_data_ + record).data; }
  /// Writes headers and directory. Throws std::logic_error when a record is incomplete.
  void finish();

 private:
  struct Record {
    std::string name;
    std::uint64_t size = 0, header = 0, data = 0;  ///< offsets from the archive's start
    std::uint32_t crc = 0;
    std::uint64_t written = 0;
    std::string content;  ///< of the small records that are known from the start
  };
  static void put_facts(std::string& out, const Record& record, bool zip64, std::uint64_t extra);
  std::string local_header(const Record& record) const;
  std::string directory() const;

  WriteAt write_;
  std::uint64_t length_ = 0, directory_at_ = 0;
  std::vector<Record> records_;
  std::size_t first_data_ = 0;
};

/// torch.save of a tree without tensors, as bytes.
std::string torch_save_bytes(const PickleNode& root);

}  // namespace mhub
