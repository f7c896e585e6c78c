// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "mhub/hub/cache.hpp"

namespace mhub {

/// How much of a model somebody asks for.
enum class Wanted {
  files,  ///< what lies beside the weights: config, tokenizer, processor, templates, code, licences
  model,  ///< that and the weights, in the container that is preferred
};

/// Of a hidden file or folder.
bool is_hidden(const std::string& name);

/// The files beside the weights that a loader or a conversion reads (formats/, companions), the index of the
/// weights among them. Left out are other weights, folders that have some, what is larger than any tokenizer,
/// hidden files, and a model card's pictures and papers.
RepoFiles small_files(const RepoFiles& all);

/// What a file that lists shards may have: no index comes near.
inline constexpr std::uint64_t kLargestIndex = 256 << 20;

/// The files with the weights: model.safetensors, the shards that its index lists, or the same of
/// pytorch_model.bin. `index` is the text of the file that weight_index names. Empty where there are none.
/// Throws InputError for an index that lists what the repository lacks.
RepoFiles weight_files_of(const RepoFiles& all, const std::string& index);
/// The name of the index that says which shards there are; empty where there is a single file, or none.
std::string weight_index(const RepoFiles& all);

/// Of a tokenizer these two are asked for first; a repository without both has none that other tools would
/// find.
inline constexpr std::array<const char*, 2> kAskedFor{"tokenizer.json", "tokenizer_config.json"};

/// What a snapshot in the cache lacks.
struct Missing {
  std::vector<std::string> essential;  ///< without these nothing works: config.json, weights
  std::vector<std::string> others;     ///< of these somebody may be in need: the tokenizer
  bool none() const { return essential.empty() && others.empty(); }
};
/// Exactly where the cache has a list of the repository's files. Else a snapshot is complete when
/// config.json, the weights and something of a tokenizer are there, or that it has none is known: mhub
/// fetches weights last, and other tools a tokenizer as a whole. A Megatron checkpoint is complete where the
/// folder that its tracker names is there: mhub fetches all of it before it knows the revision.
Missing missing_files(const RepoCache& cache, const std::string& commit, Wanted wanted);

}  // namespace mhub
