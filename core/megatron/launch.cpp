// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/launch.hpp"

#include <algorithm>
#include <filesystem>

#include <boost/dll/runtime_symbol_info.hpp>

#include "mhub/base/json.hpp"
#include "mhub/config/layer_specs.hpp"

namespace mhub {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// A job is started on machines with so many GPUs.
constexpr int kGpusOfNode = 8;
/// Longer sequences cost what only some jobs have.
constexpr std::int64_t kUsualSequence = 4096;

std::string quoted(const std::string& word) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_@%+=:,./-").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// Where examples/megatron/ lies: beside an installed library, or in the source tree that it was built in.
std::string specs_folder() {
  fs::path at = boost::dll::this_line_location().parent_path().string();
  for (; at.has_relative_path(); at = at.parent_path()) {
    for (const char* place : {"share/mhub/megatron", "examples/megatron"}) {
      if (fs::exists(at / place / "decoder_layers.py")) return (at / place).string();
    }
  }
  return "examples/megatron";
}

/// The ranks of the smallest job.
int ranks_of(const ParallelSizes& sizes) {
  return sizes.pipeline * static_cast<int>(stage_ranks(sizes).size());
}

class MegatronLm {
 public:
  MegatronLm(const TransformerConfig& config, const MegatronTarget& target, const LaunchSite& site)
      : config_(config), target_(target), site_(site) {}

  std::string command() {
    add_start();
    add({"--use-checkpoint-args", "--load", quoted(site_.output), "--ckpt-format", target_.format});
    // There is no optimizer; of a release Megatron-LM asks for none.
    if (site_.folder != "release") add({"--no-load-optim", "--no-load-rng"});
    add_sizes();
    for (const std::string& flag : field_flags(config_)) add({flag});
    if (target_.spec) add({"--spec", *target_.spec, kLayerSpecAttribute});
    if (hybrid() && !target_.spec)
      add({"--spec", "megatron.core.models.hybrid.hybrid_layer_specs", "hybrid_stack_spec"});
    if (target_.impl == TransformerImpl::local) add({"--transformer-impl", "local"});
    if (target_.dtype == DType::bf16) add({"--bf16"});
    if (target_.dtype == DType::f16) add({"--fp16"});
    add_tokenizer();
    const std::int64_t longest = config_.max_position_embeddings;
    add({"--seq-length", std::to_string(std::min(kUsualSequence, longest))});
    add({"--micro-batch-size 1 --train-iters 1000 --lr 1e-5 --mock-data"});
    return text_;
  }

 private:
  bool hybrid() const { return !config_.hybrid_layer_pattern.empty(); }

  void add(std::initializer_list<std::string> words) {
    for (const std::string& word : words) text_ += (text_.empty() ? "" : " ") + word;
  }
  void add_size(const char* option, int size) {
    if (size > 1) add({option, std::to_string(size)});
  }

  void add_start() {
    if (target_.spec) add({"PYTHONPATH=" + quoted(specs_folder()) + ":$PYTHONPATH"});
    // Asked for with more than one tensor-parallel rank before Blackwell (validate_args).
    if (target_.sizes.tensor > 1) add({"CUDA_DEVICE_MAX_CONNECTIONS=1"});
    const int ranks = ranks_of(target_.sizes), nodes = (ranks + kGpusOfNode - 1) / kGpusOfNode;
    add({"torchrun"});
    if (nodes > 1) {
      add({"--nnodes", std::to_string(nodes), "--node-rank $NODE_RANK --master-addr $MASTER_ADDR"});
    }
    add({"--nproc-per-node", std::to_string((ranks + nodes - 1) / nodes)});
    add({hybrid() ? "pretrain_hybrid.py" : "pretrain_gpt.py"});
  }

  void add_sizes() {
    const ParallelSizes& sizes = target_.sizes;
    add_size("--tensor-model-parallel-size", sizes.tensor);
    add_size("--pipeline-model-parallel-size", sizes.pipeline);
    if (!hybrid()) add_pipeline();  // a pattern says what lies on which stage and in which chunk
    add_size("--expert-model-parallel-size", sizes.expert);
    if (sizes.expert_tensor != sizes.tensor)
      add({"--expert-tensor-parallel-size", std::to_string(sizes.expert_tensor)});
    // Experts with tensor parallelism train with it only (moe_layer.py); torch's norms of the local layers
    // cannot (torch_norm.py).
    if (sizes.tensor > 1 && target_.impl != TransformerImpl::local) add({"--sequence-parallel"});
    if (sizes.expert > 1) add({"--moe-token-dispatcher-type", "alltoall"});
    if (target_.vocab_divisible_by != kVocabDivisor)
      add({"--make-vocab-size-divisible-by", std::to_string(target_.vocab_divisible_by)});
  }

  void add_pipeline() {
    const PipelineOptions& split = target_.pipeline;
    if (!split.layout.empty()) return add({"--pipeline-model-parallel-layout", quoted(split.layout)});
    add_size("--num-virtual-stages-per-pipeline-rank", target_.sizes.virtual_pipeline);
    if (split.first_stage_layers)
      add({"--decoder-first-pipeline-num-layers", std::to_string(*split.first_stage_layers)});
    if (split.last_stage_layers)
      add({"--decoder-last-pipeline-num-layers", std::to_string(*split.last_stage_layers)});
    if (split.account_for_embedding) add({"--account-for-embedding-in-pipeline-split"});
    if (split.account_for_loss) add({"--account-for-loss-in-pipeline-split"});
  }

  /// The path is not in the checkpoint's args: --use-checkpoint-args would put it over what the job says,
  /// also when the folder has moved (use_tokenizer_model_from_checkpoint_args is on by default).
  void add_tokenizer() {
    if (site_.has_tokenizer) {
      const std::string folder = (fs::path(site_.output) / site_.folder / "tokenizer").string();
      return add({"--tokenizer-type", "HuggingFaceTokenizer", "--tokenizer-model", quoted(folder)});
    }
    // It counts one token more, for the end of a document.
    add({"--tokenizer-type", "NullTokenizer", "--vocab-size", std::to_string(config_.vocab_size - 1)});
  }

  const TransformerConfig& config_;
  const MegatronTarget& target_;
  const LaunchSite& site_;
  std::string text_;
};

/// The sizes that are not 1, and how layers are spread, by the names of Megatron-Core's config.
Json parallel_settings(const MegatronTarget& target) {
  const ParallelSizes& s = target.sizes;
  Json settings{{"tensor_model_parallel_size", s.tensor}, {"pipeline_model_parallel_size", s.pipeline}};
  if (s.expert > 1) settings["expert_model_parallel_size"] = s.expert;
  if (s.expert_tensor != s.tensor) settings["expert_tensor_parallel_size"] = s.expert_tensor;
  if (target.pipeline.first_stage_layers)
    settings["num_layers_in_first_pipeline_stage"] = *target.pipeline.first_stage_layers;
  if (target.pipeline.last_stage_layers)
    settings["num_layers_in_last_pipeline_stage"] = *target.pipeline.last_stage_layers;
  return settings;
}

std::string bridge_line(const MegatronTarget& target, const LaunchSite& site) {
  Json settings = parallel_settings(target);
  if (target.sizes.virtual_pipeline > 1)
    settings["virtual_pipeline_model_parallel_size"] = target.sizes.virtual_pipeline;
  if (target.sizes.tensor > 1) settings["sequence_parallel"] = true;
  std::string overrides;
  for (const auto& one : settings.items())
    overrides += (overrides.empty() ? "" : ", ") + one.key() + "=" +
                 (one.value().is_boolean() ? "True" : json_text(one.value()));
  return "from megatron.bridge.training.model_load_save import load_megatron_model; model = "
         "load_megatron_model(" +
         json_text((fs::path(site.output) / site.folder).string()) + ", mp_overrides=dict(" + overrides +
         "))";
}

/// Settings in Hydra's form; sizes under `prefix`.
void add_settings(std::string& text, const std::string& prefix, const Json& settings) {
  for (const auto& one : settings.items()) {
    const Json& value = one.value();
    text += (text.empty() ? "" : " ") + quoted(prefix + one.key() + "=" + shown(value));
  }
}

std::string verl_line(const MegatronTarget& target, const LaunchSite& site) {
  std::string text;
  add_settings(text, "actor_rollout_ref.model.",
               {{"path", site.hugging_face.empty() ? "MODEL" : site.hugging_face}});
  for (const char* role : {"actor", "ref"}) {
    Json own = parallel_settings(target);
    const std::string prefix = "actor_rollout_ref." + std::string(role) + ".megatron.";
    for (const char* key : {"num_layers_in_first_pipeline_stage", "num_layers_in_last_pipeline_stage"}) {
      if (own.contains(key))
        add_settings(text, "+" + prefix + "override_transformer_config.", {{key, own[key]}});
      own.erase(key);
    }
    if (target.sizes.virtual_pipeline > 1)
      own["virtual_pipeline_model_parallel_size"] = target.sizes.virtual_pipeline;
    own["use_dist_checkpointing"] = "True";
    own["dist_checkpointing_path"] = (fs::path(site.output) / site.folder).string();
    add_settings(text, prefix, own);
  }
  return text;
}

std::string nemo_rl_line(const MegatronTarget& target, const LaunchSite& site) {
  std::string text;
  add_settings(text, "policy.", {{"model_name", site.hugging_face.empty() ? "MODEL" : site.hugging_face}});
  add_settings(text, "+policy.pretrained_checkpoint.",
               {{"format", site.has_run_config ? "megatron_bridge" : "megatron_lm"}, {"path", site.output}});
  Json own = parallel_settings(target);
  own["enabled"] = "true";
  add_settings(text, "policy.megatron_cfg.", own);
  return text;
}

}  // namespace

Json launch_lines(const TransformerConfig& config, const MegatronTarget& target, const LaunchSite& site) {
  Json lines = Json::object();
  // Megatron-Core's vision models are built by programs of one's own.
  if (config.image || config.vision) return lines;
  const bool whole = !target.whole.is_null();
  if (!whole) lines["megatron_lm"] = MegatronLm(config, target, site).command();
  const bool even = target.pipeline.layout.empty() && !target.pipeline.account_for_embedding &&
                    !target.pipeline.account_for_loss;
  if (!target.distributed || !even) return lines;
  if (site.has_run_config) lines["megatron_bridge"] = bridge_line(target, site);
  if (!whole && config.hybrid_layer_pattern.empty()) lines["verl"] = verl_line(target, site);
  if (target.sizes.virtual_pipeline == 1) lines["nemo_rl"] = nemo_rl_line(target, site);
  return lines;
}

}  // namespace mhub
