// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mhub/base/file.hpp"
#include "mhub/convert/hf_layout.hpp"
#include "mhub/mapping/plan.hpp"
#include "mhub/store/tensor_sink.hpp"

namespace mhub {

/// What a checkpoint of any kind is as a Hugging Face folder: how its tensors are named and shaped, in which
/// files they lie, and what lies beside them. Borrows the checkpoint.
class HfFolder {
 public:
  /// Files of up to `max_shard_bytes`; without it the original's own files where they are known.
  explicit HfFolder(const Checkpoint& source, std::optional<std::uint64_t> max_shard_bytes = {});

  const Layout& layout() const { return hf_.layout; }
  /// The sink for the tensors of a plan that this layout made.
  std::unique_ptr<TensorSink> sink(const std::filesystem::path& folder, const CopyPlan& plan,
                                   OutputMode mode) const;
  /// Writes config.json, generation_config.json and the tokenizer's files.
  void add_files(const std::filesystem::path& folder, const CopyPlan& plan) const;

 private:
  std::vector<int> shard_numbers(const std::vector<SinkTensor>& tensors) const;

  const Checkpoint& source_;
  std::optional<std::uint64_t> max_shard_bytes_;
  HfLayout hf_;
};

/// Copies the tokenizer's files of a checkpoint into `folder`, which is made when there are any.
void copy_tokenizer(const Checkpoint& source, const std::filesystem::path& folder);

/// How a folder is saved.
struct SaveOptions {
  std::optional<DType> dtype = {};  ///< of floating-point tensors; nothing: as they are
  std::optional<std::uint64_t> max_shard_bytes = {};
  int jobs = 0;  ///< threads; 0: one per processor
};

/// Writes a checkpoint of any kind as a Hugging Face folder, which appears complete or not at all. Throws
/// UsageError when something is there already, InputError, IoError.
void save_hf_folder(const Checkpoint& source, const std::string& folder, const SaveOptions& options = {});

}  // namespace mhub
