// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "mhub/store/pickle/value.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// An opened torch_dist checkpoint.
struct TorchDistCheckpoint {
  TensorSource tensors;  ///< global tensors by key, with the chunks of all ranks
  struct Object {
    std::shared_ptr<const ByteSource> bytes;
    std::uint64_t offset = 0, length = 0;
  };
  std::map<std::string, Object>
      objects;  ///< what is not a tensor: "..._extra_state/shard_0_32", "rng_state/..."
  std::shared_ptr<PickleArena> arena;  ///< owns `common`
  const PickleNode* common =
      nullptr;              ///< the dict of args, iteration, content_metadata ...; nullptr when absent
  std::size_t skipped = 0;  ///< tensors that the filter left out
};

/// Which tensors to open, by key. Empty: all.
using TorchDistFilter = std::function<bool(const std::string& key)>;

/// True when the folder has a torch_dist checkpoint's `.metadata` and metadata.json.
bool is_torch_dist(const std::string& directory);
/// Opens it: `.metadata`, the small header of every item, and the common state (common.pt, or the object
/// common_state/shard_0_1 that cores from 0.19 on write). Checks that every item lies inside its file, has
/// the type and shape that the metadata say, and that chunks tile their tensors. Throws InputError.
TorchDistCheckpoint open_torch_dist(const std::string& directory, const TorchDistFilter& wanted = {});

}  // namespace mhub
