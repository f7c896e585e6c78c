// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include "mhub/base/file.hpp"
#include "mhub/store/sharded_folder.hpp"
#include "mhub/store/tensor_sink.hpp"

namespace mhub {

/// Weights as safetensors: model.safetensors. Throws InputError for everything that the reference
/// implementation refuses (README.md beside this file).
extern const ShardedFiles kSafetensors;

/// Parses a header's JSON and checks it against `bytes`, the file, whose data begins at `begin` and has
/// `size` bytes: known types, shape and offsets agree, no overlap, no hole, nothing after the last tensor.
/// `file` is for messages. The tensors come in the order of their data. Throws InputError.
std::vector<StoredTensor> parse_safetensors_header(std::string_view json,
                                                   const std::shared_ptr<const ByteSource>& bytes,
                                                   std::uint64_t begin, std::uint64_t size,
                                                   const std::string& file);

/// Writes model.safetensors, or model-00001-of-0000n.safetensors with model.safetensors.index.json, into
/// `directory`. Every tensor has one chunk, which covers it; its rank is the number of its file, from 0 and
/// without gaps. Files are byte for byte what the Python package writes. Throws std::logic_error for chunks
/// that do not follow these rules, InputError for a name that the format cannot hold, IoError.
std::unique_ptr<TensorSink> make_safetensors_sink(const std::string& directory,
                                                  std::vector<SinkTensor> tensors,
                                                  OutputMode mode = OutputMode::create);

/// transformers' default (50 GB since 5.0, 5 GB before); the smaller one suits every reader.
inline constexpr std::uint64_t kDefaultShardBytes = 5'000'000'000;

/// The file number of each tensor when files are filled in the order of `tensors` up to `max_shard_bytes` of
/// data. A tensor that is larger has a file of its own.
std::vector<int> assign_shards(const std::vector<SinkTensor>& tensors, std::uint64_t max_shard_bytes);

}  // namespace mhub
