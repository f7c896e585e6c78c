// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "mhub/base/file.hpp"
#include "mhub/formats/checkpoint.hpp"
#include "mhub/formats/write_options.hpp"
#include "mhub/mapping/plan.hpp"
#include "mhub/megatron/layout.hpp"

namespace mhub {

/// What a conversion writes: made by a Format. It says how the canonical state is laid out, makes the sink,
/// and writes what belongs beside the tensors.
class OutputFormat {
 public:
  virtual ~OutputFormat() = default;
  /// The layout of this output: canonical state -> stored state. Asked for once and given away: that of a
  /// large model takes hundreds of megabytes.
  virtual Layout take_layout() = 0;
  /// Told once, before anything is written, which types the tensors have.
  virtual void set_dtypes(const std::vector<SinkTensor>& /*tensors*/) {}
  /// The sink for the tensors. `root` is the partial output folder.
  virtual std::unique_ptr<TensorSink> sink(const std::filesystem::path& root, const CopyPlan& plan,
                                           OutputMode mode) const = 0;
  /// Makes the manifest's text with what it is to say of the files beside the tensors.
  using ManifestText = std::function<std::string(nlohmann::json files)>;
  /// All tensors are with the sink: ends it. `manifest` is for formats that keep it inside.
  virtual void finish(TensorSink& sink, const ManifestText& /*manifest*/) const { sink.finish(); }
  /// Writes the files beside the tensors, but for the manifest.
  virtual void add_files(const std::filesystem::path& /*root*/, const CopyPlan& /*plan*/) const {}
  /// What the manifest says of the target, "format" first of all; deterministic.
  virtual nlohmann::json describe() const = 0;
  /// What a report tells its reader about this output, at that path: what the software that it is for cannot
  /// do with it, and how to start that.
  virtual nlohmann::json advice(const std::string& /*output*/) const {
    return {{"megatron_lm_flags", nlohmann::json::array()},
            {"limits", nlohmann::json::array()},
            {"launch", nlohmann::json::object()}};
  }
  /// For a format of one file: its name inside the partial folder; empty: the folder is the output.
  virtual std::string single_file() const { return {}; }
};

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
  /// Whether nothing is kept of what it writes, and nothing gets a name.
  virtual bool discards() const { return false; }
  /// Whether several processes may fill one output (TensorSink::take_over).
  virtual bool shared() const { return false; }
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
/// "torch_dist, torch, hf, hdf5 or null"
std::string format_names();

/// Says what lies at a path and what to do where that is recognised but not supported; else empty. The first
/// is for what a format would know, but not as what it is.
std::string format_in_the_way(const std::string& path);
std::string unsupported_format(const std::string& path);

// For drivers.

/// Throws UsageError for options of a Megatron layout: the format has no ranks.
void refuse_layout_options(const WriteOptions& options, std::string_view format);
/// Throws UsageError for the size of a shard: the format has none.
void refuse_shard_size(const WriteOptions& options, std::string_view format);

/// The type of most elements.
DType main_dtype(const std::vector<SinkTensor>& tensors);

/// Larger than any tokenizer (the largest, of 256k entries, have some 35 MB).
inline constexpr std::uint64_t kLargestCompanion = 128 << 20;

/// What a manifest says of a file inside an archive, by its size and the checksum of its bytes.
nlohmann::json kept_file(std::uint64_t size, const std::string& checksum);

/// Names of the files beside a checkpoint's tensors that travel with a conversion: all that are no weights
/// and no larger than kLargestCompanion (tokenizers, processors, code, templates, licences), but for
/// config.json and generation_config.json, which each format writes in its own way.
std::vector<std::string> companions(const FileSet& files);

/// Writes them into `folder`, which is made when there are any.
void write_companions(const FileSet& files, const std::filesystem::path& folder);

/// What stays behind of the files beside a checkpoint's tensors, one sentence each.
std::vector<std::string> left_behind(const Checkpoint& checkpoint);

}  // namespace mhub
