#include "output_format.hpp"

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"

namespace fs = std::filesystem;

namespace mhub::converters {
namespace {

constexpr std::uint64_t kLargestText = 1ULL << 30;

}  // namespace

std::unique_ptr<OutputFormat> make_output_format(const ConvertOptions& options, const Checkpoint& source) {
  if (options.to == "torch_dist" || options.to == "torch") return make_megatron_output(options, source);
  if (options.to == "hf") return make_hf_output(options, source);
  if (options.to == "hdf5") return make_hdf5_output(options, source);
  throw UsageError("--to " + options.to + ": expected torch_dist, torch, hf or hdf5");
}

void copy_tokenizer(const Checkpoint& source, const fs::path& folder) {
  const std::vector<std::string> names = tokenizer_files(*source.files);
  if (names.empty()) return;
  fs::create_directories(folder);
  for (const std::string& name : names)
    replace_file((folder / name).string(), source.files->read(name, kLargestText));
}

}  // namespace mhub::converters
