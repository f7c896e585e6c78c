// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/checkpoint.hpp"

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/formats/hf/hf_format.hpp"
#include "mhub/formats/megatron/megatron_format.hpp"
#include "mhub/hub/arriving_model.hpp"
#include "mhub/hub/remote_model.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kConfigLimit = 16 << 20;

/// The iteration that is asked for, in the place of the root that holds it.
std::string chosen_iteration(const std::string& path, const std::string& iteration) {
  if (iteration.empty()) return path;
  const fs::path folder = fs::path(path) / iteration;
  if (fs::is_directory(folder)) return folder.string();
  const std::string there = listed_iterations(path);
  throw UsageError(path + ": has no " + iteration +
                   (there.empty() ? "; it is no root of a Megatron checkpoint" : "; it has " + there));
}

/// Opens a model whose headers came from the Hub. No hash checks them, so what cannot be read is asked for
/// once more before it counts as the model's own.
template <class Model>
Checkpoint open_afar(const Source& source, std::shared_ptr<const FileSet> files, Model& model) {
  const auto opened = [&] {
    Checkpoint checkpoint;
    checkpoint.path = source.path;
    checkpoint.notes = source.notes;
    checkpoint.format = &hf_format();
    checkpoint.arriving = source.arriving;
    open_hf(checkpoint, files, model);
    return checkpoint;
  };
  try {
    return opened();
  } catch (const InputError&) {
    if (!model.renew_headers()) throw;
  }
  return opened();
}

/// A model that stays on the Hub.
Checkpoint open_remote(const Source& source) {
  RemoteModel& remote = *source.remote;
  for (const char* name : {"config.json", "adapter_config.json"}) {
    const bool wanted = std::string_view(name) == "config.json";
    if (remote.has(name) == wanted) continue;
    throw InputError(remote.place(name) + ": " + (wanted ? "missing" : "there") +
                     ", so this is no plain model folder of Hugging Face; mhub download brings it here");
  }
  return open_afar(source, source.remote, remote);
}

/// A model that is still coming into the cache, as it will lie there.
Checkpoint open_arriving(const Source& source) {
  if (const std::string known = format_in_the_way(source.path); !known.empty()) throw InputError(known);
  Checkpoint checkpoint = open_afar(source, folder_files(source.path), *source.arriving);
  source.arriving->begin_reading();
  return checkpoint;
}

Checkpoint opened(const std::string& name, const OpenOptions& options) {
  const Source source = resolve_source(name, options.use, options.callbacks);
  if (source.remote != nullptr) return open_remote(source);
  if (source.arriving != nullptr && options.iteration.empty()) return open_arriving(source);
  if (source.arriving != nullptr) source.arriving->wait();
  const std::string& path = source.path;
  if (const std::string known = format_in_the_way(path); !known.empty()) throw InputError(known);
  Checkpoint checkpoint;
  checkpoint.path = chosen_iteration(path, options.iteration);
  checkpoint.notes = source.notes;
  checkpoint.format = find_format(checkpoint.path);
  if (checkpoint.format == nullptr) {
    if (const std::string known = unsupported_format(path); !known.empty()) throw InputError(known);
    throw InputError(
        path +
        ": neither a Hugging Face folder (config.json) nor a Megatron checkpoint "
        "(latest_checkpointed_iteration.txt, .metadata or mp_rank_* folders) nor an HDF5 archive");
  }
  OpenOptions found = options;
  if (!options.hf_reference.empty()) {
    Source reference = resolve_source(options.hf_reference, SourceUse::files, options.callbacks);
    found.hf_reference = std::move(reference.path);
    checkpoint.notes.insert(checkpoint.notes.end(), reference.notes.begin(), reference.notes.end());
  }
  checkpoint.format->open(checkpoint, found);
  return checkpoint;
}

/// What names the model of a Megatron checkpoint must have one to name.
void require_use(const OpenOptions& options, std::initializer_list<const Checkpoint*> opened) {
  if (options.hf_reference.empty() && options.hf_class.empty()) return;
  std::string paths;
  for (const Checkpoint* one : opened) {
    if (one->names == StateNames::megatron) return;
    paths += (paths.empty() ? "" : ", ") + one->path;
  }
  throw UsageError(paths +
                   ": its own config.json says what it is; --hf-reference and --hf-class are for Megatron "
                   "checkpoints");
}

}  // namespace

Checkpoint open_checkpoint(const std::string& name, const OpenOptions& options) {
  Checkpoint checkpoint = opened(name, options);
  require_use(options, {&checkpoint});
  return checkpoint;
}

std::pair<Checkpoint, Checkpoint> open_both(const std::string& left, const std::string& right,
                                            const OpenOptions& options) {
  Checkpoint a = opened(left, options);
  OpenOptions like = options;
  like.like = &a;
  Checkpoint b = opened(right, like);
  require_use(options, {&a, &b});
  if (a.model == nullptr && b.model != nullptr) {
    like.like = &b;
    a = opened(left, like);
  }
  return {std::move(a), std::move(b)};
}

nlohmann::json generation_config(const Checkpoint& checkpoint) {
  if (checkpoint.manifest.is_object() && checkpoint.manifest.contains("generation_config"))
    return checkpoint.manifest["generation_config"];
  const std::string name = "generation_config.json";
  if (checkpoint.files == nullptr || !checkpoint.files->has(name)) return nullptr;
  return parse_config(checkpoint.files->read(name, kConfigLimit), checkpoint.files->place(name));
}

void load_manifest(Checkpoint& checkpoint, const std::string& folder) {
  const fs::path own = fs::absolute(folder).lexically_normal();
  for (const fs::path& place : {own, (own.has_filename() ? own : own.parent_path()).parent_path()}) {
    const fs::path file = place / kManifestName;
    if (!fs::is_regular_file(file)) continue;
    checkpoint.manifest = parse_json_file(file.string(), 1ULL << 30);
    checkpoint.manifest_folder = place.string();
    return;
  }
}

ConfigReader read_config_json(const FileSet& files) {
  const std::string name = "config.json";
  return {parse_config(files.read(name, kConfigLimit), files.place(name)), files.place(name)};
}

}  // namespace mhub
