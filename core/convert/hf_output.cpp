// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/hf_folder.hpp"
#include "mhub/convert/output_format.hpp"

namespace fs = std::filesystem;

namespace mhub::converters {
namespace {

class HfOutput final : public OutputFormat {
 public:
  HfOutput(const ConvertOptions& options, const Checkpoint& source)
      : source_(source), max_shard_bytes_(options.max_shard_bytes), folder_(source, max_shard_bytes_) {}

  const Layout& layout() const override { return folder_.layout(); }

  std::unique_ptr<TensorSink> sink(const fs::path& root, const CopyPlan& plan,
                                   OutputMode mode) const override {
    return folder_.sink(root, plan, mode);
  }

  void add_files(const fs::path& root, const CopyPlan& plan) const override { folder_.add_files(root, plan); }

  nlohmann::json describe() const override {
    nlohmann::json json{{"format", "hf"}};
    if (max_shard_bytes_) json["max_shard_bytes"] = *max_shard_bytes_;
    return json;
  }

  nlohmann::json advice() const override {
    return {{"megatron_lm_flags", nlohmann::json::array()}, {"limits", source_.notes}};
  }

 private:
  const Checkpoint& source_;
  std::optional<std::uint64_t> max_shard_bytes_;
  HfFolder folder_;
};

}  // namespace

std::unique_ptr<OutputFormat> make_hf_output(const ConvertOptions& options, const Checkpoint& source) {
  return std::make_unique<HfOutput>(options, source);
}

}  // namespace mhub::converters
