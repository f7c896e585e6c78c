// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mhub/base/byte_source.hpp"
#include "mhub/base/name_index.hpp"
#include "mhub/tensor/dtype.hpp"
#include "mhub/tensor/shape.hpp"

namespace mhub {

/// The state dict that a tensor is in, where a container has one for each rank and model chunk (Megatron's
/// `torch` format). Its parameters' names are the model's own there; a list of all ranks' tensors puts rank
/// and dict in front of them.
struct StateDict {
  std::string folder;  ///< of the rank: "mp_rank_00_001"
  std::string key;     ///< in the rank's file: "model", "model1" for virtual stage 1, kCarriedSection
  int chunk = 0;       ///< the virtual stage

  bool operator==(const StateDict&) const = default;
  /// "mp_rank_00_001/", "mp_rank_00_001/model1/"
  std::string prefix() const { return folder + (key == kModel ? "/" : "/" + key + "/"); }
  /// No part of the model: tensors that mhub keeps beside it.
  bool carried() const { return key == kCarriedSection; }

  static constexpr std::string_view kModel = "model";
  /// The key of a rank's top-level dict under which mhub keeps tensors that are not the model's.
  static const std::string_view kCarriedSection;
};

/// A name in such a list without the prefix of its dict; without a dict the name itself.
inline std::string_view parameter_name(std::string_view name, const StateDict* dict) {
  return name.substr(dict == nullptr ? 0 : dict->prefix().size());
}

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
  /// The file of its first chunk, or `fallback` where it has none.
  std::string file(const std::string& fallback = {}) const {
    return chunks.empty() ? fallback : chunks[0].bytes->name();
  }
};

/// Says which content the files of these tensors have, now: the same text twice when none was changed in
/// between.
std::string fingerprint(const std::vector<const StoredTensor*>& tensors);

/// The tensors of one opened container: what is there and where its bytes are. Opening reads headers only;
/// bytes are read when somebody asks a chunk for them. One driver per format makes these
/// (core/store/<format>/). Immutable after construction, so it can be shared among threads.
class TensorSource {
 public:
  TensorSource() = default;
  /// Throws InputError when two tensors have one name. Tensors end up sorted by name.
  explicit TensorSource(std::vector<StoredTensor> tensors);

  const std::vector<StoredTensor>& tensors() const& { return tensors_; }
  /// Not of a temporary: `for (... : open_checkpoint(path).tensors.tensors())` walks what is gone already.
  const std::vector<StoredTensor>& tensors() const&& = delete;
  /// The tensor of that name, or nullptr.
  const StoredTensor* find(std::string_view name) const;
  /// All of them, in order, for who makes other ones of them.
  std::vector<StoredTensor> take() &&;

 private:
  std::vector<StoredTensor> tensors_;
  NameIndex names_;
};

}  // namespace mhub
