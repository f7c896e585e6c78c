// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/error.hpp"
#include "mhub/formats/megatron/megatron_format.hpp"

namespace mhub {
namespace {

/// A size of a job that a description may have; 1 where it has not, or has something else there.
int size_of(const nlohmann::json& description, const char* key) {
  const auto found = description.find(key);
  constexpr std::int64_t kMost = 1 << 20;
  if (found == description.end() || !found->is_number_integer()) return 1;
  const auto size = found->get<std::int64_t>();
  return size >= 1 && size <= kMost ? static_cast<int>(size) : 1;
}

std::optional<ParallelSizes> sizes_of(const nlohmann::json& description) {
  if (!description.contains("tensor_model_parallel_size")) return std::nullopt;
  ParallelSizes sizes;
  sizes.tensor = size_of(description, "tensor_model_parallel_size");
  sizes.pipeline = size_of(description, "pipeline_model_parallel_size");
  sizes.virtual_pipeline = size_of(description, "virtual_pipeline_model_parallel_size");
  sizes.expert = size_of(description, "expert_model_parallel_size");
  const auto stated = description.find("expert_tensor_parallel_size");
  const bool has = stated != description.end() && stated->is_number_integer();
  sizes.expert_tensor = has ? size_of(description, "expert_tensor_parallel_size") : sizes.tensor;
  return sizes;
}

/// Of Megatron-Bridge's file; an unreadable one is told of elsewhere.
nlohmann::json run_config_of(const MegatronFacts& facts) {
  constexpr std::uint64_t kLargest = 16 << 20;
  try {
    if (!facts.run_config.empty())
      return run_config_fields(read_file(facts.run_config, kLargest), facts.run_config);
  } catch (const InputError&) {
  }
  return nlohmann::json::object();
}

std::string iteration_of(const std::string& directory) {
  const std::string name = fs::path(directory).filename().string();
  if (name == "release") return name;
  if (!name.starts_with("iter_")) return {};
  const std::size_t digit = name.find_first_not_of('0', 5);
  return digit == std::string::npos ? "0" : name.substr(digit);
}

/// Text in a manifest; empty where there is none.
std::string said_in(const nlohmann::json& manifest, const char* pointer) {
  const nlohmann::json::json_pointer place(pointer);
  const bool said = manifest.is_object() && manifest.contains(place) && manifest.at(place).is_string();
  return said ? manifest.at(place).get<std::string>() : "";
}

/// Whoever saved it last: Megatron keeps no manifest, and drops names in args that it does not know. That of
/// a root speaks of the iteration that mhub wrote, not of those that came later.
std::string writer_of(const Checkpoint& checkpoint, const MegatronFacts& facts) {
  const std::string folder = fs::path(checkpoint.directory).filename().string();
  if (said_in(checkpoint.manifest, "/target/folder") == folder) {
    const std::string version = said_in(checkpoint.manifest, "/mhub");
    return version.empty() ? "mhub" : "mhub " + version;
  }
  if (facts.args.contains("hf_activation")) return "mhub";
  if (!facts.run_config.empty()) return "Megatron-Bridge";
  return facts.args.empty() ? "" : "Megatron-LM";
}

}  // namespace

void take_origin(Checkpoint& checkpoint, const MegatronFacts& facts) {
  MegatronOrigin& origin = *checkpoint.origin;
  origin.writer = writer_of(checkpoint, facts);
  origin.iteration = iteration_of(checkpoint.directory);
  origin.args = !facts.args.empty();
  origin.run_config = !facts.run_config.empty();
  origin.sizes = sizes_of(facts.args);
  if (!origin.sizes) origin.sizes = sizes_of(run_config_of(facts));
}

}  // namespace mhub
