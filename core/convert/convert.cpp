// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/convert.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include "mhub/base/disk_space.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/convert/conversion_key.hpp"
#include "mhub/convert/manifest.hpp"
#include "mhub/convert/overwrite.hpp"
#include "mhub/convert/share.hpp"
#include "mhub/convert/verify.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/formats/repeats.hpp"
#include "mhub/hub/arriving_model.hpp"
#include "mhub/mapping/executor.hpp"

namespace mhub {
namespace {

/// Bytes of the source that will take their space on the output's device before the output is complete.
std::uint64_t still_coming(const Checkpoint& source, const std::string& output) {
  if (source.arriving == nullptr) return 0;
  struct stat here {};
  struct stat there {};
  const bool known =
      ::stat(output.c_str(), &here) == 0 && ::stat(source.arriving->path().c_str(), &there) == 0;
  return known && here.st_dev == there.st_dev ? source.arriving->left() : 0;
}

void require_space(const Conversion& conversion, const StagingDirectory& staging) {
  const std::uint64_t bytes = conversion.bytes() + still_coming(conversion.source(), staging.path());
  // What an interrupted run has written needs no space again; a percent covers headers and metadata.
  const std::uint64_t there = staging.resumed() ? used_space(staging.path()) : 0;
  const std::uint64_t needed = bytes > there ? bytes - there : 0;
  const std::uint64_t available = free_space(staging.path());
  if (needed + needed / 100 <= available) return;
  throw IoError(staging.target() + ": needs " + human_bytes(needed) + ", but only " + human_bytes(available) +
                " are free there; free some space or choose another place");
}

/// Of an interrupted run's output only plain files that the sink opens itself are taken over; a sink in an
/// empty folder shows which these are. What else lies there would get its name with them.
void drop_strangers(const Conversion& conversion, const StagingDirectory& staging) {
  const fs::path names = fs::path(staging.notes()) / "names";
  fs::remove_all(names);
  fs::create_directory(names);
  conversion.output().sink(names, conversion.copies(), OutputMode::create);
  std::vector<fs::path> strangers;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(staging.path())) {
    const fs::file_type type = entry.symlink_status().type();
    const bool linked = type == fs::file_type::regular && entry.hard_link_count() != 1;
    if (linked || fs::symlink_status(names / entry.path().lexically_relative(staging.path())).type() != type)
      strangers.push_back(entry.path());
  }
  for (const fs::path& path : strangers) fs::remove_all(path);
}

/// A sentence about the values that a cast made something else than rounded; none where there are none.
void add_cast_note(const CopyPlan& plan, const std::vector<CastLosses>& losses,
                   std::uint64_t CastLosses::*kind, const std::string& became,
                   std::vector<std::string>& notes) {
  std::vector<std::uint64_t> counts(plan.tensors.size());
  for (std::size_t k = 0; k < losses.size(); ++k) counts[plan.chunks[k].tensor] += losses[k].*kind;
  const auto most = std::max_element(counts.begin(), counts.end());
  if (most == counts.end() || *most == 0) return;
  const SinkTensor& tensor = plan.tensors[static_cast<std::size_t>(most - counts.begin())];
  const auto others =
      std::count_if(counts.begin(), counts.end(), [](std::uint64_t count) { return count > 0; }) - 1;
  notes.push_back("the cast to " + std::string(torch_name(tensor.dtype)) + " made " +
                  std::to_string(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0})) +
                  " values " + became + ": " + std::to_string(*most) + " of tensor " + tensor.name +
                  (others > 0 ? ", the others of " + std::to_string(others) + " tensors" : ""));
}

/// A sentence about tensors that are kept in one of a wider type, whose own type only the manifest knows
/// then; none where there are none, or where a cast decides.
void add_widened_note(const Conversion& conversion, std::vector<std::string>& notes) {
  if (conversion.casts()) return;
  const CopyPlan& plan = conversion.copies();
  std::set<std::size_t> widened;
  for (const ChunkPlan& chunk : plan.chunks) {
    if (chunk.added != 0) continue;
    for (const CopyTerm& term : chunk.terms) {
      if (!term.zero() && size_of(plan.sources[term.source]->dtype) < size_of(chunk.dtype))
        widened.insert(term.source);
    }
  }
  if (widened.empty()) return;
  notes.push_back(
      plan.sources[*widened.begin()]->name +
      (widened.size() > 1 ? " and " + std::to_string(widened.size() - 1) + " others are" : " is") +
      " stored in a wider type, since Megatron keeps it in one tensor with a wider one; " +
      "an export gives it its own back as long as " + kManifestName + " is there");
}

/// What was written, and the sink that is still open.
struct Pass {
  std::unique_ptr<TensorSink> sink;
  Executed done;
};

/// One pass over the source. With `again`, what is there already is compared and kept where it is right.
Pass write_once(const Conversion& conversion, const RunOptions& options, const StagingDirectory& staging,
                bool again) {
  Stage stage(options.callbacks, "converting", conversion.bytes());
  const OutputMode mode = again ? OutputMode::resume : OutputMode::create;
  Pass pass{conversion.output().sink(staging.path(), conversion.copies(), mode), {}};
  ExecuteOptions execution;
  execution.jobs = options.jobs;
  execution.on_bytes = [&](std::uint64_t bytes) { stage.add(bytes); };
  execution.resume = again;
  execution.allow_overflow = options.allow_overflow;
  pass.done = execute(conversion.copies(), *pass.sink, execution);
  return pass;
}

/// As often as the source takes: where bytes of a file on its way turn out to be wrong, they come again.
Pass write_all(const Conversion& conversion, const RunOptions& options, const StagingDirectory& staging) {
  const Checkpoint& source = conversion.source();
  for (bool again = staging.resumed();; again = true) {
    const std::string before = fingerprint(conversion.copies().sources);
    const auto unchanged = [&] {
      if (source.arriving != nullptr) source.arriving->wait();
      return fingerprint(conversion.copies().sources) == before;
    };
    try {
      Pass pass = write_once(conversion, options, staging, again);
      if (unchanged()) {
        if (source.arriving != nullptr) require_equal_repeats(source);
        return pass;
      }
    } catch (const InputError&) {
      // Of values that are none of the model's, perhaps.
      if (source.arriving == nullptr || unchanged()) throw;
    }
    if (source.arriving == nullptr)
      throw InputError(source.path + ": changed while it was read; convert it again");
  }
}

/// What the parts of a shared conversion wrote.
Pass taken_over(const Conversion& conversion, const Share& share, const std::string& key,
                const StagingDirectory& staging) {
  Pass pass{conversion.output().sink(staging.path(), conversion.copies(), OutputMode::resume), {}};
  pass.done = take_parts(staging.notes(), share.of, key, conversion.copies(), *pass.sink);
  return pass;
}

/// What a report tells of how it went.
struct Said {
  std::vector<std::string> notes;
  std::uint64_t shared_bytes = 0;
};

/// Carries the plan out in the partial folder; returns the manifest, which does not list files yet, and adds
/// what there is to say.
nlohmann::json write_tensors(const Conversion& conversion, const RunOptions& options, const std::string& key,
                             StagingDirectory& staging, Said& said) {
  staging.keep();
  if (staging.resumed()) drop_strangers(conversion, staging);
  const auto [sink, done] = options.share ? taken_over(conversion, *options.share, key, staging)
                                          : write_all(conversion, options, staging);
  add_cast_note(conversion.copies(), done.losses, &CastLosses::to_infinity, "infinite", said.notes);
  add_cast_note(conversion.copies(), done.losses, &CastLosses::to_zero, "zero", said.notes);
  said.shared_bytes = done.shared_bytes;
  nlohmann::json manifest =
      make_manifest(conversion.source(), conversion.copies(), conversion.output().describe(), done.checksums);
  conversion.output().finish(*sink, [&](nlohmann::json files) {
    manifest["files"] = std::move(files);
    return manifest_text(manifest);
  });
  return manifest;
}

/// Compares what was written with the source.
void check_result(const Conversion& conversion, const RunOptions& options, const StagingDirectory& staging) {
  const std::string single = conversion.output().single_file();
  const std::string path = single.empty() ? staging.path() : (fs::path(staging.path()) / single).string();
  const Checkpoint written = open_checkpoint(path);
  const VerifyReport report =
      verify(conversion.source(), written, {options.jobs, conversion.casts(), options.callbacks});
  if (report.equal()) return;
  const std::string first = !report.fields.empty()      ? report.fields.front()
                            : !report.unmatched.empty() ? report.unmatched.front().name
                            : !report.retyped.empty()   ? report.retyped.front().name
                                                        : report.differences.front().tensor;
  throw MismatchError(first + " differs after conversion; nothing was written");
}

void finish_output(const Conversion& conversion, const RunOptions& options, nlohmann::json manifest,
                   StagingDirectory& staging) {
  const std::string single = conversion.output().single_file();
  if (single.empty()) {
    conversion.output().add_files(staging.path(), conversion.copies());
    const std::string name = (fs::path(staging.path()) / kManifestName).string();
    // Opened once without the record of its files, to learn where in them the tensors lie.
    replace_file(name, json_text(manifest));
    manifest["files"] = describe_files(staging.path(), open_checkpoint(staging.path()).tensors);
    replace_file(name, manifest_text(std::move(manifest)));
  }
  if (options.verify) check_result(conversion, options, staging);
  staging.commit();
}

/// A place for the notes of a conversion of which nothing is kept.
std::string nowhere(const RunOptions& options) {
  static std::atomic<unsigned> number = 0;
  if (options.overwrite || options.resume || options.verify)
    throw UsageError("--to null keeps nothing: --overwrite, --resume and --verify do not apply");
  return (fs::temp_directory_path() /
          ("mhub-null-" + std::to_string(::getpid()) + "-" + std::to_string(++number)))
      .string();
}

/// From the folder that is begun to the output that has its name; adds what there is to say.
void write_output(const Conversion& conversion, const RunOptions& options, StagingDirectory& staging,
                  Said& said) {
  const std::string key = conversion_key(conversion);
  note_key(staging, key, options.share.has_value());
  try {
    nlohmann::json manifest = write_tensors(conversion, options, key, staging, said);
    if (conversion.format().discards()) return staging.discard();
    finish_output(conversion, options, std::move(manifest), staging);
  } catch (const Error& error) {
    if (options.share) {
      // What others wrote is theirs; but where it is not what the source says, their notes are wrong.
      if (!staging.resumed()) staging.discard();
      if (error.category() != ErrorCategory::mismatch) throw;
      remove_notes(staging.notes(), options.share->of);
      throw Error(error.category(),
                  std::string(error.what()) + "; run all parts again, which go on from there");
    }
    // Only what may go better next time is worth keeping.
    const bool again =
        error.category() == ErrorCategory::io || error.category() == ErrorCategory::interrupted;
    if (!again || conversion.format().discards()) staging.discard();
    if (!staging.kept()) throw;
    throw Error(error.category(),
                std::string(error.what()) + "; --resume continues from what is in " + staging.notes());
  }
}

}  // namespace

nlohmann::json describe_result(const Conversion& conversion, const std::string& output) {
  nlohmann::json report{{"output", output},
                        {"format", conversion.format().name()},
                        {"model", conversion.source().model->class_name},
                        {"tensors", conversion.copies().tensors.size()},
                        {"bytes", conversion.bytes()},
                        {"notes", conversion.source().notes}};
  report.update(conversion.output().advice(output));
  return report;
}

nlohmann::json convert(const Conversion& conversion, const std::string& output, const RunOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const bool discards = conversion.format().discards();
  if (options.allow_overflow && !conversion.casts())
    throw UsageError("--allow-overflow: nothing is cast; it goes with --dtype");
  if (options.share && options.share->part > 0) return convert_part(conversion, output, options);
  const std::string target = discards ? nowhere(options) : output;
  require_apart(conversion, target);
  // Of a source on its way they are compared when it is here.
  if (conversion.source().arriving == nullptr) require_equal_repeats(conversion.source());
  StagingDirectory staging(target, {.overwrite = options.overwrite,
                                    .resume = options.resume || options.share,
                                    .ours = is_own_file,
                                    .single_file = conversion.output().single_file()});
  if (options.overwrite) require_as_written(output, options.jobs, options.callbacks);
  if (!discards) require_space(conversion, staging);
  Said said{conversion.source().notes};
  if (!staging.warning().empty()) said.notes.push_back(staging.warning());
  add_widened_note(conversion, said.notes);
  write_output(conversion, options, staging, said);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  nlohmann::json report = describe_result(conversion, output);
  report.update({{"seconds", seconds.count()},
                 {"resumed", staging.resumed()},
                 {"verified", options.verify},
                 {"shared_bytes", said.shared_bytes},
                 {"notes", std::move(said.notes)}});
  if (!discards) {
    for (std::string& sentence : left_behind(conversion.source()))
      report["notes"].push_back(std::move(sentence));
  }
  return report;
}

nlohmann::json convert(const std::string& source, const std::string& output, const WriteOptions& options,
                       const RunOptions& run, const OpenOptions& open) {
  OpenOptions once = open;
  if (once.use == SourceUse::model) once.use = SourceUse::arriving;
  if (!once.callbacks.cancelled) once.callbacks.cancelled = run.callbacks.cancelled;
  return convert(plan(source, options, once), output, run);
}

}  // namespace mhub
