// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>

#include "mhub/base/error.hpp"
#include "mhub/convert/hf_folder.hpp"
#include "mhub/convert/output_format.hpp"
#include "mhub/megatron/hybrid_config.hpp"
#include "mhub/megatron/hybrid_names.hpp"
#include "mhub/megatron/run_config.hpp"
#include "mhub/megatron/stored_layout.hpp"
#include "mhub/store/torch/torch_ranks.hpp"
#include "mhub/store/torch_dist/torch_dist_sink.hpp"
#include "mhub/store/torch_zip/torch_save.hpp"

namespace fs = std::filesystem;

namespace mhub::converters {
namespace {

std::string iteration_folder(const std::optional<std::int64_t>& iteration) {
  if (!iteration) return "release";
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "iter_%07lld", static_cast<long long>(*iteration));
  return name.data();
}

/// The model as the target's Megatron class sees it: its config and its tensors' names.
struct NamedModel {
  TransformerConfig config;
  std::vector<CanonicalTensor> tensors;
};

NamedModel named_model(const ConvertOptions& options, const Checkpoint& source) {
  const TransformerConfig& gpt = *source.transformer;
  if (options.model_type != "gpt" && (gpt.image || gpt.vision))
    throw UsageError("--model-type " + options.model_type +
                     ": a model with a vision part has no HybridModel");
  if (options.model_type == "gpt" || !gpt.hybrid_layer_pattern.empty()) return {gpt, source.state.tensors};
  return {hybrid_config(gpt, hybrid_pattern(source.state.tensors)), hybrid_tensors(source.state.tensors)};
}

LayoutRequest make_request(const ConvertOptions& options, const NamedModel& model,
                           std::int64_t divisible_by) {
  const TransformerConfig& config = model.config;
  ParallelSizes sizes = options.sizes;
  sizes.expert_tensor = options.expert_tensor.value_or(sizes.tensor);
  // A layout string says how many chunks there are.
  PipelineSplit split(config.num_layers, sizes, options.pipeline, config.mtp_num_layers);
  sizes.virtual_pipeline = split.chunks();
  if (config.image && split.stages() * split.chunks() > 1)
    throw UsageError("Megatron-Core's CLIPViTModel has one pipeline stage: --pp and --vpp must be 1");
  LayoutRequest request(sizes, std::move(split));
  request.padded_vocab_size = padded_vocabulary(config.vocab_size, divisible_by, sizes.tensor);
  request.tied_embedding = config.share_embeddings_and_output_weights;
  request.has_mtp = config.mtp_num_layers > 0;
  request.impl = options.impl;
  request.local_norm_keys = has_local_norm_keys(config);
  request.experts = options.impl == TransformerImpl::local ? ExpertNames::sequential : ExpertNames::grouped;
  const bool listed = (config.moe && !config.moe->layer_freq.empty()) || config.linear_attention;
  request.keys.stack_layers =
      !listed && config.hybrid_layer_pattern.empty() && layers_are_alike(model.tensors);
  return request;
}

class MegatronOutput final : public OutputFormat {
 public:
  MegatronOutput(const ConvertOptions& options, const Checkpoint& source)
      : source_(source),
        divisible_by_(options.vocab_divisible_by.value_or(options.to == "torch" ? 128 : 1)),
        model_(named_model(options, source)),
        request_(make_request(options, model_, divisible_by_)),
        layout_(options.to == "torch" ? torch_layout(model_.tensors, request_)
                                      : torch_dist_layout(model_.tensors, request_)),
        iteration_(options.iteration),
        target_{options.to,
                request_.sizes,
                options.impl,
                DType::f32,
                request_.padded_vocab_size,
                divisible_by_,
                options.iteration.value_or(0),
                options.pipeline} {
    if (!model_.config.hybrid_layer_pattern.empty() && request_.split.stages() > 1)
      model_.config.hybrid_layer_pattern = with_stages(model_.config.hybrid_layer_pattern, request_.split);
  }

  const Layout& layout() const override { return layout_; }

  void set_dtypes(const std::vector<SinkTensor>& tensors) override { target_.dtype = tensors.front().dtype; }

  std::unique_ptr<TensorSink> sink(const fs::path& root, const CopyPlan& plan,
                                   OutputMode mode) const override {
    const fs::path folder = root / iteration_folder(iteration_);
    fs::create_directory(folder);
    const TransformerConfig& config = model_.config;
    if (target_.format == "torch") {
      return make_torch_ranks_sink(
          folder.string(), plan.tensors,
          [this, &config](PickleArena& arena, PickleNode* top) {
            add_common_state(arena, top, config, target_);
          },
          [impl = target_.impl](const std::vector<std::string>& names) {
            return extra_state_names(names, impl);
          },
          mode);
    }
    PickleArena arena;
    PickleNode* common = arena.dict();
    add_common_state(arena, common, config, target_);
    const std::string empty = torch_save_bytes(*arena.list({arena.none()}));
    std::vector<TorchDistObject> objects;
    for (std::string& key : extra_state_keys(model_.tensors, request_))
      objects.push_back({std::move(key), empty});
    return make_torch_dist_sink(folder.string(), plan.tensors, std::move(objects), *common, mode);
  }

  void add_files(const fs::path& root, const CopyPlan&) const override {
    const fs::path folder = root / iteration_folder(iteration_);
    if (!model_.config.bridge_provider.empty())
      replace_file((folder / "run_config.yaml").string(), bridge_run_config(model_.config, target_));
    copy_tokenizer(source_, folder / "tokenizer");
    replace_file((root / "latest_checkpointed_iteration.txt").string(),
                 iteration_ ? std::to_string(*iteration_) : std::string("release"));
  }

  nlohmann::json describe() const override {
    return {{"format", target_.format},
            {"folder", iteration_folder(iteration_)},
            {"model_type", model_.config.hybrid_layer_pattern.empty() ? "gpt" : "hybrid"},
            {"tp", target_.sizes.tensor},
            {"pp", target_.sizes.pipeline},
            {"vpp", target_.sizes.virtual_pipeline},
            {"ep", target_.sizes.expert},
            {"etp", target_.sizes.expert_tensor},
            {"transformer_impl", target_.impl == TransformerImpl::local ? "local" : "te"},
            {"padded_vocab_size", target_.padded_vocab_size}};
  }

  nlohmann::json advice() const override {
    return {{"megatron_lm_flags", megatron_flags(model_.config)}, {"limits", megatron_limits(model_.config)}};
  }

 private:
  const Checkpoint& source_;
  std::int64_t divisible_by_;
  NamedModel model_;
  LayoutRequest request_;
  Layout layout_;
  std::optional<std::int64_t> iteration_;
  MegatronTarget target_;
};

}  // namespace

std::unique_ptr<OutputFormat> make_megatron_output(const ConvertOptions& options, const Checkpoint& source) {
  return std::make_unique<MegatronOutput>(options, source);
}

}  // namespace mhub::converters
