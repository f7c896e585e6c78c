// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>

#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// A rectangular part of a tensor that the sink will hold as one dense row-major run of bytes.
struct SinkChunk {
  Index offset;  ///< where the chunk starts in the tensor
  Shape shape;
  int rank = 0;  ///< which rank's file it goes to, for formats that have one file per rank
  /// Where in a block of its file (kFileBlock) it begins best, so that it can share blocks with what it is
  /// made of; -1: anywhere.
  int phase = -1;
};

/// A tensor that is going to be written.
struct SinkTensor {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::vector<SinkChunk> chunks;  ///< tile the tensor exactly
  /// For formats with a state dict a rank, whose prefix `name` begins with; else nullptr.
  std::shared_ptr<const StateDict> dict = {};

  /// The name without that prefix.
  std::string_view parameter() const { return parameter_name(name, dict.get()); }

  /// A tensor that is one chunk.
  static SinkTensor whole(std::string name, DType dtype, const Shape& shape) {
    return {std::move(name), dtype, shape, {{Index(shape.size(), 0), shape, 0}}};
  }
};

/// Writes tensors whose names, types and shapes are all declared when the sink is made (each format's factory
/// takes them), so that every byte has its place from the start and chunks can be written in any order and by
/// many threads. Files are created inside a folder that the caller made and will rename: a sink never cares
/// about atomicity.
class TensorSink {
 public:
  virtual ~TensorSink() = default;
  /// The next bytes of a chunk (row-major, in order within one chunk). Different chunks may be appended to
  /// concurrently. Throws IoError.
  virtual void append(std::size_t tensor, std::size_t chunk, std::span<const std::byte> data) = 0;
  /// For a sink made with OutputMode::resume: fills `out` with a chunk's bytes from `offset` on as an
  /// interrupted run left them; false where there are none. A driver that cannot resume keeps this default.
  virtual bool read_back(std::size_t /*tensor*/, std::size_t /*chunk*/, std::uint64_t /*offset*/,
                         std::span<std::byte> /*out*/) const {
    return false;
  }
  /// As append, for bytes that read_back has just given: counts them and writes nothing.
  virtual void keep(std::size_t tensor, std::size_t chunk, std::span<const std::byte> data) {
    append(tensor, chunk, data);
  }
  /// Makes bytes [begin, begin + size) of a chunk those that `file` has from `from` on without moving them,
  /// where the format and the file systems can; which bytes of the chunk are so then, and may be kept instead
  /// of appended.
  virtual ByteRange share(std::size_t /*tensor*/, std::size_t /*chunk*/, std::uint64_t begin,
                          const ByteSource& /*file*/, std::uint64_t /*from*/, std::uint64_t /*size*/) {
    return {begin, begin};
  }
  // Of formats that several processes may fill (Format::shared), each with a sink of its own made with
  // OutputMode::resume, of which one takes over what the others wrote and finishes.

  /// Of a chunk that has come whole: what `take_over` elsewhere has to know of it, its CRC-32 where the files
  /// have one.
  virtual std::uint32_t crc(std::size_t /*tensor*/, std::size_t /*chunk*/) const { return 0; }
  /// Flushes what has come to the device, of a sink that does not finish.
  virtual void flush() {}
  /// All bytes of a chunk are in its file, where another process wrote them.
  virtual void take_over(std::size_t /*tensor*/, std::size_t /*chunk*/, std::uint32_t /*crc*/) {
    throw std::logic_error("this sink is not shared");
  }
  /// Whether the same tensors give the same bytes only when one chunk comes after another.
  virtual bool serial() const { return false; }
  /// Writes what can only be known at the end (checksums, metadata) and flushes everything to the device.
  /// Throws std::logic_error when a chunk has not received all its bytes.
  virtual void finish() = 0;
};

}  // namespace mhub
