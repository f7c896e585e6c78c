// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/stale_weights.hpp"

#include <set>

namespace mhub {
namespace {

/// The kind of weights that a file is of: which files are read together. Empty for what has none. The names
/// are those of transformers (modeling_utils.py) and of Megatron-Core's checkpoints.
std::string family_of(std::string_view file) {
  const auto is = [&](std::string_view begin, std::string_view end) {
    return file.starts_with(begin) &&
           (file.ends_with(end) || file.ends_with(std::string(end) + ".index.json"));
  };
  if (is("model", ".safetensors")) return "safetensors";
  if (is("pytorch_model", ".bin")) return "bin";
  if (file.ends_with(".distcp")) return "distcp";
  if (file.ends_with(".pt")) return "pt";
  return {};
}

/// The kind and the folder; the ranks of a Megatron checkpoint (mp_rank_00, mp_rank_01_003) are one.
std::string kind_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  const std::string family = family_of(slash == name.npos ? name : name.substr(slash + 1));
  if (family.empty()) return {};
  std::string folder = slash == name.npos ? "" : name.substr(0, slash);
  const std::size_t last = folder.rfind('/') + 1;  // npos + 1 is 0
  if (std::string_view(folder).substr(last).starts_with("mp_rank_")) folder.resize(last);
  return folder + ":" + family;
}

}  // namespace

std::vector<std::string> stale_weights(const RepoFiles& there, const LocalFiles& folder) {
  std::set<std::string> names, kinds;
  for (const LocalFile& file : folder) {
    names.insert(file.name);
    kinds.insert(kind_of(file.name));
  }
  kinds.erase("");
  std::vector<std::string> stale;
  for (const RepoFile& file : there) {
    if (!names.contains(file.name) && kinds.contains(kind_of(file.name))) stale.push_back(file.name);
  }
  return stale;
}

}  // namespace mhub
