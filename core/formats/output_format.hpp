// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

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
  /// The layout of this output: canonical state -> stored state.
  virtual const Layout& layout() const = 0;
  /// Told once, before anything is written, which types the tensors have.
  virtual void set_dtypes(const std::vector<SinkTensor>& /*tensors*/) {}
  /// The sink for the tensors. `root` is the partial output folder.
  virtual std::unique_ptr<TensorSink> sink(const std::filesystem::path& root, const CopyPlan& plan,
                                           OutputMode mode) const = 0;
  /// All tensors are with the sink: ends it. `manifest` makes the text for formats that keep it inside.
  virtual void finish(TensorSink& sink, const std::function<std::string()>& /*manifest*/) const {
    sink.finish();
  }
  /// Writes the files beside the tensors, but for the manifest.
  virtual void add_files(const std::filesystem::path& /*root*/, const CopyPlan& /*plan*/) const {}
  /// What the manifest says of the target, "format" first of all; deterministic.
  virtual nlohmann::json describe() const = 0;
  /// What a report tells its reader about this output.
  virtual nlohmann::json advice() const {
    return {{"megatron_lm_flags", nlohmann::json::array()}, {"limits", nlohmann::json::array()}};
  }
  /// For a format of one file: its name inside the partial folder; empty: the folder is the output.
  virtual std::string single_file() const { return {}; }
};

/// The type of most elements.
DType main_dtype(const std::vector<SinkTensor>& tensors);

}  // namespace mhub
