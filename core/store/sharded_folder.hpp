// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// A folder that weights lie in, on this machine or elsewhere.
class WeightFolder {
 public:
  virtual ~WeightFolder() = default;
  virtual bool has(const std::string& name) const = 0;
  /// What to call a file in messages.
  virtual std::string place(const std::string& name) const = 0;
  /// The bytes of a file, which is there.
  virtual std::shared_ptr<const ByteSource> bytes(const std::string& name) const = 0;
};

/// A kind of files that the weights of a Hugging Face folder lie in.
struct ShardedFiles {
  const char* single;  ///< what they are called when there is one: "model.safetensors"
  const char* index;   ///< of several: "model.safetensors.index.json"
  /// The tensors of one file, from its header.
  std::vector<StoredTensor> (*read_bytes)(const std::shared_ptr<const ByteSource>& file);

  std::vector<StoredTensor> read(const std::string& path) const;
  /// Whether a folder has them.
  bool are_in(const WeightFolder& folder) const;
  bool are_in(const std::string& folder) const;
  /// The tensors of a folder with one file or with several and an index ("weight_map": tensor name -> file in
  /// the same folder). Throws InputError where index and files do not list the same tensors, or the index
  /// names anything but plain file names.
  TensorSource open(const WeightFolder& folder) const;
  TensorSource open(const std::string& folder) const;
};

}  // namespace mhub
