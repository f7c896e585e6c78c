// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/manifest.hpp"

#include <filesystem>
#include <set>

#include "mhub/config/fields.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/plugin/plugin.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

/// The commit of a hub cache folder: .../models--ORG--NAME/snapshots/<commit>.
std::string hub_revision(const fs::path& path) {
  return path.parent_path().filename() == "snapshots" ? path.filename().string() : "";
}

nlohmann::json describe_source(const Checkpoint& source) {
  const fs::path path = fs::absolute(source.path).lexically_normal();
  nlohmann::json json{
      {"name", path.has_filename() ? path.filename().string() : path.parent_path().filename().string()},
      {"kind", source.format->name()}};
  if (const std::string revision = hub_revision(path); !revision.empty()) json["revision"] = revision;
  // A conversion of a conversion keeps what the first one knew.
  if (source.manifest.is_object()) json["made_from"] = source.manifest.value("source", nlohmann::json());
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
    std::set<std::string> sources;
    for (const CopyTerm& term : chunk.terms) {
      if (!term.zero()) sources.insert(plan.sources[term.source]->name);
    }
    entry["chunks"].push_back(
        {{"offset", place.offset}, {"shape", place.shape}, {"xxh3_128", checksums[k]}, {"from", sources}});
  }
  return tensors;
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

}  // namespace mhub
