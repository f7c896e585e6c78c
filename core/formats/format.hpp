// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/formats/output_format.hpp"

namespace mhub {

/// A driver: one format of checkpoints, recognised, opened and written. Each is a folder beside this header
/// and a line of the table in formats.cpp; nothing else asks which format something has. Objects are
/// stateless and live as long as the program.
class Format {
 public:
  virtual ~Format() = default;
  /// What `--to` takes, and what inspection and manifests say.
  virtual std::string_view name() const = 0;
  /// Whether something of this format lies at a path that exists: asks for names and first bytes only.
  virtual bool probe(const std::string& path) const = 0;
  /// Fills a checkpoint whose path and format are set, from headers and small files: the tensors, the
  /// description and, where the model is known, the canonical state (take_hf_state, take_megatron_state).
  virtual void open(Checkpoint& checkpoint, const OpenOptions& options) const = 0;
  /// The small files beside the tensors, the tokenizer's among them, without opening anything else.
  virtual std::shared_ptr<const FileSet> files(const std::string& path) const = 0;
  /// What is written for a checkpoint of any format, which must outlive it. Throws UsageError for options
  /// that do not fit.
  virtual std::unique_ptr<OutputFormat> output(const WriteOptions& options,
                                               const Checkpoint& source) const = 0;
  /// For formats of one file: whether mhub wrote that file. Folders have a manifest in them.
  virtual bool written_by_mhub(const std::string& /*file*/) const { return false; }
  /// What a manifest keeps of the Hugging Face folder that a checkpoint comes from, for the way back:
  /// "hf_files", the file of each tensor, and "hf_dtypes", the type of tensors whose values change on the
  /// way. From the checkpoint's own manifest; an empty object where nothing is known.
  virtual nlohmann::json original(const Checkpoint& checkpoint) const;
};

/// All formats, in the order in which they are probed and listed.
const std::vector<const Format*>& formats();
/// Adds one that is not mhub's own. Not while other threads use formats.
void add_format(const Format& format);

/// The format of what lies at a path; nullptr where none is known.
const Format* find_format(const std::string& path);
/// The format of that name. Throws UsageError.
const Format& format_named(const std::string& name);
/// "torch_dist, torch, hf or hdf5"
std::string format_names();

/// Says what lies at a path and what to do where that is recognised but not supported; else empty.
std::string unsupported_format(const std::string& path);

}  // namespace mhub
