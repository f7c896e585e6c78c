#include "manifest.hpp"

#include <filesystem>
#include <set>

#include "mhub/model/plugin.hpp"

namespace fs = std::filesystem;

namespace mhub::converters {
namespace {

/// The commit of a hub cache folder: .../models--ORG--NAME/snapshots/<commit>.
std::string hub_revision(const fs::path& path) {
  return path.parent_path().filename() == "snapshots" ? path.filename().string() : "";
}

nlohmann::json describe_source(const Checkpoint& source) {
  const fs::path path = fs::absolute(source.path).lexically_normal();
  nlohmann::json json{
      {"name", path.has_filename() ? path.filename().string() : path.parent_path().filename().string()},
      {"kind", source.kind()}};
  if (const std::string revision = hub_revision(path); !revision.empty()) json["revision"] = revision;
  nlohmann::json tensors = nlohmann::json::object();
  for (const StoredTensor& tensor : source.tensors().tensors()) {
    tensors[tensor.name] =
        tensor.chunks.empty() ? "" : fs::path(tensor.chunks[0].bytes->name()).filename().string();
  }
  json["tensors"] = std::move(tensors);
  return json;
}

}  // namespace

nlohmann::json make_manifest(const Conversion& conversion, const std::vector<std::string>& checksums) {
  nlohmann::json tensors = nlohmann::json::object();
  for (std::size_t k = 0; k < conversion.plan.chunks.size(); ++k) {
    const ChunkPlan& chunk = conversion.plan.chunks[k];
    const SinkTensor& tensor = conversion.plan.tensors[chunk.tensor];
    const SinkChunk& place = tensor.chunks[chunk.chunk];
    nlohmann::json& entry = tensors[tensor.name];
    if (entry.is_null())
      entry = {
          {"dtype", torch_name(tensor.dtype)}, {"shape", tensor.shape}, {"chunks", nlohmann::json::array()}};
    std::set<std::string> sources;
    for (const CopyTerm& term : chunk.terms) {
      if (term.bytes != nullptr) sources.insert(conversion.plan.sources[term.source]->name);
    }
    entry["chunks"].push_back({{"offset", place.offset},
                               {"shape", place.shape},
                               {"rank", place.rank},
                               {"xxh3_128", checksums[k]},
                               {"from", sources}});
  }
  const Checkpoint& source = conversion.source;
  return {{"mhub", MHUB_VERSION},
          {"manifest_version", 1},
          {"mapping",
           {{"plugin", source.model->plugin}, {"class", source.model->class_name}, {"abi", kPluginAbi}}},
          {"source", describe_source(source)},
          {"config", source.config->json()},
          {"target",
           {{"format", conversion.target.format},
            {"folder", conversion.folder},
            {"tp", conversion.target.sizes.tensor},
            {"pp", conversion.target.sizes.pipeline},
            {"padded_vocab_size", conversion.target.padded_vocab_size}}},
          {"megatron_lm_flags", megatron_flags(*source.transformer)},
          {"tensors", tensors}};
}

}  // namespace mhub::converters
