// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/progress.hpp"
#include "mhub/formats/checkpoint.hpp"
#include "mhub/formats/write_options.hpp"
#include "mhub/mapping/plan.hpp"

namespace mhub {

class Format;
class OutputFormat;

/// A conversion worked out but not done. It owns the opened source; copies share it.
class Conversion {
 public:
  /// Throws InputError for a source that does not say which model it holds, and UsageError or InputError for
  /// options that do not fit it.
  Conversion(std::shared_ptr<const Checkpoint> source, const WriteOptions& options);

  const Checkpoint& source() const { return *source_; }
  /// The driver of what is written.
  const Format& format() const { return *format_; }
  const OutputFormat& output() const { return *output_; }
  const CopyPlan& copies() const { return *copies_; }
  /// Whether tensors are cast to a type of the caller's choice.
  bool casts() const { return casts_; }
  /// Bytes that the tensors will take.
  std::uint64_t bytes() const;

 private:
  std::shared_ptr<const Checkpoint> source_;
  const Format* format_;
  std::shared_ptr<const OutputFormat> output_;  // borrows the source
  std::shared_ptr<const CopyPlan> copies_;      // borrows the source
  bool casts_;
};

/// A part of a conversion that several processes share, on machines that see one file system. Each carries
/// out part 1 to `of` with the same options, in any order and as often as it takes; part 0 comes when all are
/// done and gives the output its name.
struct Share {
  int part = 0, of = 1;
};

/// How a conversion is carried out.
struct RunOptions {
  int jobs = 0;                 ///< threads; 0: one per processor
  bool overwrite = false;       ///< replace an output that mhub wrote
  bool resume = false;          ///< go on with an interrupted conversion, if there is one
  bool verify = false;          ///< compare the result with the source before it gets its name
  bool allow_overflow = false;  ///< a cast may make finite values infinite
  std::optional<Share> share = {};
  Callbacks callbacks = {};
};

/// Opens the source and works a conversion out. Reads headers only.
Conversion plan(const std::string& source, const WriteOptions& options = {}, const OpenOptions& open = {});

/// A conversion for people: per rank tensors, bytes and source files, and the disk space at `output`.
/// `mhub convert --dry-run --json` prints it.
nlohmann::json describe(const Conversion& conversion, const std::string& output);
/// Every chunk that it writes and the source's tensors that it is made of; of large models hundreds of
/// thousands. `--chunks` adds them.
nlohmann::json describe_chunks(const Conversion& conversion);

/// What the report of `convert` says of every run of a conversion, whatever became of one.
nlohmann::json describe_result(const Conversion& conversion, const std::string& output);

/// Carries a conversion out: checks disk space and tied tensors, writes under a temporary name, adds the
/// format's metadata, the tokenizer's files and the manifest, verifies when asked, renames. `output` appears
/// complete or not at all; a failure that may go better next time, and a cancelled run, leave a partial
/// folder that `resume` continues. Returns a report: "output", "format", "model", "tensors", "bytes",
/// "seconds", "resumed", "verified", "shared_bytes" (in blocks of the source's files), "notes" (what was
/// found out or assumed about the source), "megatron_lm_flags", "limits"; of a part "part", "of", "output",
/// "bytes", "shared_bytes" and "seconds". Throws mhub::Error. Conversions to different outputs may run in
/// several threads at once.
nlohmann::json convert(const Conversion& conversion, const std::string& output,
                       const RunOptions& options = {});

/// Both at once.
nlohmann::json convert(const std::string& source, const std::string& output, const WriteOptions& options = {},
                       const RunOptions& run = {}, const OpenOptions& open = {});

}  // namespace mhub
