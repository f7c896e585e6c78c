// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/manifest.hpp"

#include <algorithm>
#include <set>

#include "mhub/base/checksum.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/config/fields.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/hub/cache.hpp"
#include "mhub/mapping/executor.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub {
namespace {

/// Of a snapshot of the Hub's cache, .../models--ORG--NAME/snapshots/<commit>: the repository, where the
/// folder has such a name, and the commit.
void add_hub_identity(const fs::path& path, nlohmann::json& json) {
  if (path.parent_path().filename() != "snapshots") return;
  json["revision"] = path.filename().string();
  const std::optional<std::string> repository = repo_of_folder(path.parent_path().parent_path());
  if (!repository) return;
  json["repository"] = *repository;
  json["name"] = repository->substr(repository->find('/') + 1);
}

/// What a conversion of conversions knows of them: each one's source, the latest first. Of a long chain (a
/// model that a job converts on and on) the latest and the very first stay.
nlohmann::json ancestors(nlohmann::json source) {
  constexpr std::size_t kKept = 32;
  nlohmann::json all = nlohmann::json::array();
  while (source.is_object()) {
    nlohmann::json before = source.value("made_from", nlohmann::json());
    source.erase("made_from");
    all.push_back(std::move(source));
    if (before.is_array()) {
      all.insert(all.end(), before.begin(), before.end());
      break;
    }
    source = std::move(before);  // as manifests were nested once
  }
  if (all.size() > kKept) all.erase(all.begin() + kKept - 1, all.end() - 1);
  return all;
}

nlohmann::json describe_source(const Checkpoint& source) {
  if (source.path.starts_with("hf://")) {
    const RepoId id = require_repo_id(source.path);
    return {{"name", id.name.substr(id.name.find('/') + 1)},
            {"kind", source.format->name()},
            {"repository", id.name},
            {"revision", id.revision}};
  }
  const fs::path path = fs::absolute(source.path).lexically_normal();
  nlohmann::json json{
      {"name", path.has_filename() ? path.filename().string() : path.parent_path().filename().string()},
      {"kind", source.format->name()}};
  add_hub_identity(path.has_filename() ? path : path.parent_path(), json);
  // A conversion of a conversion keeps what the first one knew.
  if (source.manifest.is_object())
    json["made_from"] = ancestors(source.manifest.value("source", nlohmann::json()));
  return json;
}

nlohmann::json describe_chunks(const CopyPlan& plan, const std::vector<std::string>& checksums) {
  nlohmann::json tensors = nlohmann::json::object();
  for (std::size_t k = 0; k < plan.chunks.size(); ++k) {
    const ChunkPlan& chunk = plan.chunks[k];
    const SinkTensor& tensor = plan.tensors[chunk.tensor];
    const SinkChunk& place = tensor.chunks[chunk.chunk];
    nlohmann::json& entry = tensors[tensor.name];
    if (entry.is_null())
      entry = {
          {"dtype", torch_name(tensor.dtype)}, {"shape", tensor.shape}, {"chunks", nlohmann::json::array()}};
    entry["chunks"].push_back({{"offset", place.offset},
                               {"shape", place.shape},
                               {"xxh3_128", checksums[k]},
                               {"from", source_names(plan, chunk)}});
  }
  return tensors;
}

// --- what a manifest proves about a folder: checksums of tensors and of everything around them

/// The bytes that tensors take, by file. Stored chunks of mhub's own outputs are dense.
std::map<std::string, std::vector<ByteRange>> tensor_ranges(const TensorSource& tensors) {
  std::map<std::string, std::vector<ByteRange>> ranges;
  for (const StoredTensor& tensor : tensors.tensors()) {
    for (const StoredChunk& chunk : tensor.chunks) {
      ranges[fs::weakly_canonical(chunk.bytes->name()).string()].push_back(
          {chunk.byte_offset, chunk.byte_offset + byte_count(chunk.shape, tensor.dtype)});
    }
  }
  for (auto& [file, list] : ranges)
    std::sort(list.begin(), list.end(),
              [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  return ranges;
}

/// XXH3-128 of a file without some ranges.
std::string frame_checksum(const InputFile& file, const std::vector<ByteRange>& without) {
  constexpr std::uint64_t kStep = 1 << 20;
  Checksum checksum;
  std::vector<std::byte> window;
  auto add = [&](std::uint64_t begin, std::uint64_t end) {
    for (; begin < end; begin += window.size()) {
      window.resize(static_cast<std::size_t>(std::min(kStep, end - begin)));
      file.read(begin, window);
      checksum.update(window);
    }
  };
  std::uint64_t at = 0;
  for (const ByteRange& range : without) {
    add(at, std::min(range.begin, file.size()));
    at = std::max(at, range.end);
  }
  add(at, file.size());
  return checksum.hex();
}

/// Swallows what the executor makes.
class NullSink final : public TensorSink {
 public:
  void append(std::size_t, std::size_t, std::span<const std::byte>) override {}
  void finish() override {}
};

/// The manifest's list of a tensor's chunks, if it has the form that mhub writes.
std::vector<SinkChunk> recorded_chunks(const nlohmann::json& entry, std::vector<std::string>& checksums) {
  std::vector<SinkChunk> chunks;
  for (const nlohmann::json& one : entry.at("chunks")) {
    chunks.push_back({one.at("offset").get<Index>(), one.at("shape").get<Shape>(), 0});
    checksums.push_back(one.at("xxh3_128").get<std::string>());
  }
  return chunks;
}

/// Computes the recorded chunks' checksums anew.
void check_tensors(const nlohmann::json& recorded, const TensorSource& tensors, int jobs,
                   const Callbacks& callbacks, ManifestReport& report) {
  StateMap map;
  std::vector<const StoredTensor*> sources;
  std::vector<SinkTensor> wanted;
  std::vector<std::string> expected;
  for (const auto& [name, entry] : recorded.items()) {
    const StoredTensor* stored = tensors.find(name);
    std::vector<std::string> sums;
    std::vector<SinkChunk> chunks = recorded_chunks(entry, sums);
    if (stored == nullptr) {
      report.problems.push_back({"", name, "is missing"});
      continue;
    }
    const bool same = entry.at("dtype") == std::string(torch_name(stored->dtype)) &&
                      entry.at("shape") == nlohmann::json(stored->shape);
    if (!same || !std::all_of(chunks.begin(), chunks.end(), [&](const SinkChunk& c) {
          return lies_inside(c.offset, c.shape, stored->shape);
        })) {
      report.problems.push_back({"", name, "has another type or shape than when it was written"});
      continue;
    }
    map.source.push_back({name, stored->shape});
    map.destination.push_back({name, stored->shape});
    map.terms.push_back({{sources.size(), run_box(0, 0, numel(stored->shape))}});
    sources.push_back(stored);
    wanted.push_back({name, stored->dtype, stored->shape, std::move(chunks)});
    expected.insert(expected.end(), sums.begin(), sums.end());
  }
  for (const StoredTensor& tensor : tensors.tensors()) {
    if (!recorded.contains(tensor.name))
      report.problems.push_back({"", tensor.name, "was not there when the folder was written"});
  }
  const CopyPlan plan = compile(map, std::move(sources), std::move(wanted));
  const std::string before = fingerprint(plan.sources);
  report.bytes += byte_size(plan);
  NullSink sink;
  Stage stage(callbacks, "checking", report.bytes);
  ExecuteOptions execution;
  execution.jobs = jobs;
  execution.on_bytes = [&](std::uint64_t bytes) { stage.add(bytes); };
  const std::vector<std::string> found = execute(plan, sink, execution).checksums;
  if (fingerprint(plan.sources) != before)
    throw InputError(plan.sources.front()->file() +
                     " or a file beside it changed while it was checked; verify it again");
  for (std::size_t k = 0; k < found.size(); ++k) {
    if (found[k] == expected[k]) continue;
    const ChunkPlan& chunk = plan.chunks[k];
    const SinkTensor& tensor = plan.tensors[chunk.tensor];
    const std::string file = chunk.terms.empty() ? "" : chunk.terms[0].bytes->name();
    report.problems.push_back({file, tensor.name,
                               "differs from what was written, in its part at " +
                                   to_string(tensor.chunks[chunk.chunk].offset) + " of shape " +
                                   to_string(tensor.chunks[chunk.chunk].shape)});
  }
  report.tensors = plan.tensors.size();
}

void check_files(const nlohmann::json& recorded, const fs::path& root, const TensorSource& tensors,
                 ManifestReport& report) {
  const nlohmann::json present = describe_files(root, tensors);
  for (const auto& [name, entry] : recorded.items()) {
    const std::string path = (root / name).string();
    if (!present.contains(name)) {
      report.problems.push_back({path, "", "is missing"});
    } else if (present[name] != entry) {
      report.problems.push_back({path, "", "differs from what was written, outside any tensor"});
    }
  }
  report.files = recorded.size();
}

/// The same of an archive, whose files are inside. One of mhub 0.1 lists none.
void check_kept_files(const nlohmann::json& recorded, const FileSet& files, ManifestReport& report) {
  for (const auto& [name, entry] : recorded.items()) {
    if (!files.has(name)) {
      report.problems.push_back({files.place(name), "", "is missing"});
      continue;
    }
    const std::string text = files.read(name, kLargestCompanion);
    if (kept_file(text.size(), checksum_of(text)) != entry)
      report.problems.push_back({files.place(name), "", "differs from what was written"});
  }
  std::vector<std::string> later = files.others();
  for (const std::string& name : files.names()) {
    if (name != kManifestName && !recorded.contains(name)) later.push_back(name);
  }
  for (const std::string& name : later)
    report.problems.push_back({files.place(name), "", "was not there when the archive was written"});
  report.files = recorded.size();
}

/// The checkpoint's folder, where the manifest beside it lists nothing in there: one that a training saved.
std::string other_folder(const Checkpoint& checkpoint) {
  if (checkpoint.names != StateNames::megatron || checkpoint.manifest_folder.empty()) return {};
  // The two paths may be spelled differently (relative, through a link): what they lead to counts.
  const std::string inside =
      fs::relative(checkpoint.directory, checkpoint.manifest_folder).generic_string() + "/";
  if (inside == "./") return {};
  for (const auto& [name, entry] : checkpoint.manifest.at("files").items()) {
    if (name.starts_with(inside)) return {};
  }
  return checkpoint.directory;
}

}  // namespace

nlohmann::json make_manifest(const Checkpoint& source, const CopyPlan& plan, const nlohmann::json& target,
                             const std::vector<std::string>& checksums) {
  nlohmann::json manifest{
      {"mhub", MHUB_VERSION},
      {"manifest_version", 2},
      {"mapping",
       {{"plugin", source.model->plugin}, {"class", source.model->class_name}, {"abi", kPluginAbi}}},
      {"source", describe_source(source)},
      {"config", source.config->json()},
      {"target", target},
      {"megatron_lm_flags", field_flags(*source.transformer)},
      {"tensors", describe_chunks(plan, checksums)}};
  if (nlohmann::json generation = generation_config(source); !generation.is_null())
    manifest["generation_config"] = std::move(generation);
  manifest.update(source.format->original(source));
  return manifest;
}

nlohmann::json describe_files(const fs::path& root, const TensorSource& tensors) {
  const auto ranges = tensor_ranges(tensors);
  nlohmann::json files = nlohmann::json::object();
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = entry.path().lexically_relative(root).generic_string();
    if (!entry.is_regular_file() || name == kManifestName) continue;
    const InputFile file(entry.path().string());
    const auto found = ranges.find(fs::weakly_canonical(entry.path()).string());
    files[name] = {
        {"size", file.size()},
        {"frame", frame_checksum(file, found == ranges.end() ? std::vector<ByteRange>{} : found->second)}};
  }
  return files;
}

std::string manifest_text(nlohmann::json manifest) {
  manifest["manifest_xxh3_128"] = checksum_of(json_text(manifest));
  return json_text(manifest, 1) + "\n";
}

ManifestReport check_manifest(const Checkpoint& checkpoint, int jobs, const Callbacks& callbacks) {
  const nlohmann::json& manifest = checkpoint.manifest;
  const std::string file = (fs::path(checkpoint.manifest_folder) / kManifestName).string();
  if (!manifest.is_object())
    throw InputError(checkpoint.path + ": has no " + kManifestName +
                     ", so there is nothing to check it against; name a second checkpoint");
  ManifestReport report;
  nlohmann::json rest = manifest;
  rest.erase("manifest_xxh3_128");
  if (manifest.value("manifest_xxh3_128", "") != checksum_of(json_text(rest)))
    report.problems.push_back({file, "", "was changed after it was written"});
  try {
    if (const std::string other = other_folder(checkpoint); !other.empty()) {
      report.problems.push_back({other, "", "was not there when " + file + " was written"});
      return report;
    }
    check_tensors(manifest.at("tensors"), checkpoint.tensors, jobs, callbacks, report);
    if (!checkpoint.manifest_folder.empty()) {
      check_files(manifest.at("files"), fs::path(checkpoint.manifest_folder), checkpoint.tensors, report);
    } else if (manifest.contains("files")) {
      check_kept_files(manifest["files"], *checkpoint.files, report);
    }
  } catch (const nlohmann::json::exception&) {
    throw InputError(file + ": not a manifest of this version of mhub");
  }
  return report;
}

}  // namespace mhub
