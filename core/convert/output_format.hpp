// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/base/file.hpp"
#include "mhub/convert/convert.hpp"
#include "mhub/formats/checkpoint.hpp"
#include "mhub/mapping/plan.hpp"
#include "mhub/megatron/layout.hpp"

namespace mhub::converters {

/// What a conversion writes: one implementation per `--to`. It says how the canonical state is laid out,
/// makes the sink, and writes what belongs beside the tensors.
class OutputFormat {
 public:
  virtual ~OutputFormat() = default;
  /// The layout of this output: canonical state -> stored state.
  virtual const Layout& layout() const = 0;
  /// Told once, before anything is written, which types the tensors have.
  virtual void set_dtypes(const std::vector<SinkTensor>& /*tensors*/) {}
  /// The sink for the tensors. `root` is the partial output folder.
  virtual std::unique_ptr<TensorSink> sink(const std::filesystem::path& root, const CopyPlan& plan,
                                           OutputMode mode) const = 0;
  /// All tensors are with the sink: ends it. `manifest` is for formats that keep it inside.
  virtual void finish(TensorSink& sink, const nlohmann::json& /*manifest*/) const { sink.finish(); }
  /// Writes the files beside the tensors, but for the manifest.
  virtual void add_files(const std::filesystem::path& root, const CopyPlan& plan) const = 0;
  /// What the manifest says of the target; deterministic.
  virtual nlohmann::json describe() const = 0;
  /// What a report tells its reader about this output ("megatron_lm_flags", "limits"; empty lists).
  virtual nlohmann::json advice() const = 0;
  /// For a format of one file: its name inside the partial folder; empty: the folder is the output.
  virtual std::string single_file() const { return {}; }
};

/// The implementation for options.to. The checkpoint must outlive it. Throws UsageError for options that the
/// format does not have.
std::unique_ptr<OutputFormat> make_output_format(const ConvertOptions& options, const Checkpoint& source);

std::unique_ptr<OutputFormat> make_megatron_output(const ConvertOptions& options, const Checkpoint& source);
std::unique_ptr<OutputFormat> make_hf_output(const ConvertOptions& options, const Checkpoint& source);
std::unique_ptr<OutputFormat> make_hdf5_output(const ConvertOptions& options, const Checkpoint& source);

}  // namespace mhub::converters
