#include "output_format.hpp"

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"

namespace fs = std::filesystem;

namespace mhub::converters {
namespace {

constexpr std::uint64_t kLargestText = 1ULL << 30;

/// Where a source keeps its tokenizer.
fs::path tokenizer_folder(const Checkpoint& source) {
  if (source.hf) return source.hf->directory;
  const fs::path own = fs::path(source.megatron->directory) / "tokenizer";
  return fs::is_directory(own) || source.hf_reference.empty() ? own : fs::path(source.hf_reference);
}

}  // namespace

std::unique_ptr<OutputFormat> make_output_format(const ConvertOptions& options, const Checkpoint& source) {
  if (options.to == "torch_dist" || options.to == "torch") return make_megatron_output(options, source);
  if (options.to == "hf") return make_hf_output(options, source);
  throw UsageError("--to " + options.to + ": expected torch_dist, torch or hf");
}

void copy_tokenizer(const Checkpoint& source, const fs::path& folder) {
  const fs::path from = tokenizer_folder(source);
  const std::vector<std::string> names = tokenizer_files(from.string());
  if (names.empty()) return;
  fs::create_directories(folder);
  for (const std::string& name : names)
    replace_file((folder / name).string(), read_file((from / name).string(), kLargestText));
}

nlohmann::json generation_config(const Checkpoint& source) {
  if (source.manifest.is_object() && source.manifest.contains("generation_config"))
    return source.manifest["generation_config"];
  const fs::path folder = source.hf ? fs::path(source.hf->directory) : fs::path(source.hf_reference);
  const fs::path file = folder / "generation_config.json";
  if (folder.empty() || !fs::is_regular_file(file)) return nullptr;
  return parse_json_file(file.string(), 16 << 20);
}

}  // namespace mhub::converters
