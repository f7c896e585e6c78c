// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mhub/base/byte_source.hpp"
#include "mhub/store/state_dict.hpp"
#include "mhub/tensor/dtype.hpp"
#include "mhub/tensor/shape.hpp"

namespace mhub {

/// A rectangular part of a stored tensor that lies in one place: element (i, j, ...) of the chunk is at
/// `byte_offset + size_of(dtype) * (i * strides[0] + j * strides[1] + ...)` of `bytes`.
struct StoredChunk {
  Index offset;   ///< where the chunk starts in the tensor
  Shape shape;    ///< its sizes, same rank as the tensor
  Index strides;  ///< element strides in `bytes`; row-major unless the file says otherwise
  std::shared_ptr<const ByteSource> bytes;
  std::uint64_t byte_offset = 0;
};

/// One named tensor of a container. Its chunks tile it exactly (drivers check that when they open a file).
struct StoredTensor {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::vector<StoredChunk> chunks;
  /// For containers with a state dict a rank, whose prefix `name` begins with; else nullptr.
  std::shared_ptr<const StateDict> dict = {};

  /// The name without that prefix.
  std::string_view parameter() const { return parameter_name(name, dict.get()); }
};

/// The tensors of one opened container: what is there and where its bytes are. Opening reads headers only;
/// bytes are read when somebody asks a chunk for them. One driver per format makes these
/// (core/store/<format>/). Immutable after construction, so it can be shared among threads.
class TensorSource {
 public:
  TensorSource() = default;
  /// Throws InputError when two tensors have one name. Tensors end up sorted by name.
  explicit TensorSource(std::vector<StoredTensor> tensors);

  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  /// The tensor of that name, or nullptr.
  const StoredTensor* find(std::string_view name) const;

 private:
  std::vector<StoredTensor> tensors_;
};

/// Reads the part of a tensor that starts at `offset` and has `shape`, in row-major order. Memory is what the
/// part takes. Throws UsageError when the part does not lie inside the tensor. For tools, tests and small
/// tensors; bulk work goes through copy plans (mapping/plan.hpp).
std::vector<std::byte> read_slice(const StoredTensor& tensor, const Index& offset, const Shape& shape);
/// The whole tensor.
std::vector<std::byte> read_tensor(const StoredTensor& tensor);

}  // namespace mhub
