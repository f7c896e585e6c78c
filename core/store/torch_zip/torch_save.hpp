// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "mhub/store/pickle/value.hpp"
#include "mhub/tensor/dtype.hpp"
#include "mhub/tensor/shape.hpp"

namespace mhub {

/// The node of a dense CPU tensor whose bytes are data record `key` of the archive.
const PickleNode* tensor_node(PickleArena& arena, DType dtype, const Shape& shape, std::size_t key);

/// Writes one torch.save archive (zip of stored records, data aligned to 64 bytes as inline_container.cc
/// does) at a place in a file that may hold others. All sizes are known from the start, so data may come in
/// any order of records; within a record it comes in order. Thread-safe across records.
class TorchSaveWriter {
 public:
  /// Writes bytes at an offset from the archive's start.
  using WriteAt = std::function<void(std::uint64_t, std::span<const std::byte>)>;
  /// `pickle` is data.pkl; `sizes` are the bytes of records data/0, data/1, ...
  TorchSaveWriter(WriteAt write, std::string pickle, std::span<const std::uint64_t> sizes);

  /// Bytes of the whole archive.
  std::uint64_t length() const { return length_; }
  void append(std::size_t record, std::span<const std::byte> data);
  /// As append, for bytes that are already in place.
  void keep(std::size_t record, std::span<const std::byte> data);
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
