// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>

#include "mhub/base/file.hpp"
#include "mhub/store/pickle/value.hpp"
#include "mhub/store/tensor_sink.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// An opened torch_dist checkpoint.
struct TorchDistCheckpoint {
  TensorSource tensors;  ///< global tensors by key, with the chunks of all ranks
  struct Object {
    std::shared_ptr<const ByteSource> bytes;
    std::uint64_t offset = 0, length = 0;
  };
  /// What is not a tensor: "..._extra_state/shard_0_32", "rng_state/..."
  std::map<std::string, Object> objects;
  /// The dict of args, iteration, content_metadata ...; nullptr when absent.
  std::shared_ptr<const PickleNode> common;
};

/// Which tensors to open, by key. Empty: all.
using TorchDistFilter = std::function<bool(const std::string& key)>;

/// True when the folder has a torch_dist checkpoint's `.metadata` and metadata.json.
bool is_torch_dist(const std::string& directory);
/// Opens it: `.metadata`, the small header of every item, and the common state (common.pt, or the object
/// common_state/shard_0_1 that cores from 0.19 on write). Checks that every item lies inside its file, has
/// the type and shape that the metadata say, and that chunks tile their tensors. Throws InputError.
TorchDistCheckpoint open_torch_dist(const std::string& directory, const TorchDistFilter& wanted = {});

/// A named object of a torch_dist checkpoint that is not a tensor: `payload` is a torch.save archive.
struct TorchDistObject {
  std::string key;
  std::string payload;
};

/// Writes a torch_dist checkpoint (README.md beside this file) into `directory`: `__<rank>_0.distcp` for
/// every rank that holds chunks, `.metadata`, `metadata.json` and `common.pt`. Objects go to rank 0's file.
std::unique_ptr<TensorSink> make_torch_dist_sink(const std::string& directory,
                                                 std::vector<SinkTensor> tensors,
                                                 std::vector<TorchDistObject> objects,
                                                 const PickleNode& common,
                                                 OutputMode mode = OutputMode::create);

}  // namespace mhub
