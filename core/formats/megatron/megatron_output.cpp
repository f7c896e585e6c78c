// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/error.hpp"
#include "mhub/config/fields.hpp"
#include "mhub/config/layer_specs.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/formats/megatron/megatron_format.hpp"
#include "mhub/megatron/hybrid.hpp"
#include "mhub/megatron/launch.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/megatron/megatron_args.hpp"
#include "mhub/megatron/whole_state.hpp"

namespace mhub {
namespace {

constexpr const char* kWholeType = "vlm";

/// The model as the target's Megatron class sees it: its config and its tensors' names.
struct NamedModel {
  TransformerConfig config;
  std::shared_ptr<const std::vector<CanonicalTensor>> tensors;
  std::optional<WholeModel> whole = {};
  StateMap map = {};  ///< of a whole: WholeState::map
};

std::shared_ptr<const std::vector<CanonicalTensor>> owned(std::vector<CanonicalTensor> tensors) {
  return std::make_shared<const std::vector<CanonicalTensor>>(std::move(tensors));
}

NamedModel named_whole(const Checkpoint& source) {
  NamedModel model{*source.transformer, nullptr, whole_model(*source.model, *source.config)};
  model.config.bridge_provider =
      model.whole->bridge_provider.empty() ? source.model->bridge_provider : model.whole->bridge_provider;
  WholeState state = whole_state(*model.whole, source.state.tensors, source.path);
  model.tensors = owned(std::move(state.tensors));
  model.map = std::move(state.map);
  return model;
}

/// Megatron's class for a text model of which nobody says more. megatron-core 0.19 calls GPTModel deprecated
/// (gpt_model.py), yet pretrain_gpt.py, Bridge 0.6 and verl build it, and a HybridModel run of 0.19 loads a
/// GPTModel's folder by itself (training/checkpointing.py, _maybe_setup_gpt_to_hybrid_load), while no
/// GPTModel run loads a HybridModel's. "hybrid" here makes the other the default; what HybridModel cannot
/// hold then says that it wants gpt.
constexpr const char* kPlainType = "gpt";

NamedModel named_model(const WriteOptions& options, const Checkpoint& source) {
  const TransformerConfig& gpt = *source.transformer;
  if (source.model->tower)
    throw InputError(source.path + ": Megatron-Core has no module for a " + source.model->class_name +
                     "; it converts as a part of a whole model");
  const bool whole = static_cast<bool>(source.model->whole);
  const std::string type = !options.model_type.empty() ? options.model_type : whole ? kWholeType : kPlainType;
  if (type == kWholeType && !whole)
    throw UsageError("--model-type vlm: Megatron-Bridge has no such model of a " + source.model->class_name +
                     (gpt.vision ? "; Megatron-Core's LLaVAModel is what it gets without" : ""));
  if (type == kWholeType) return named_whole(source);
  if (type == "hybrid" && (gpt.image || gpt.vision))
    throw UsageError("--model-type hybrid: a model with a vision part has no HybridModel");
  if (type == "hybrid" && gpt.heterogeneous)
    throw UsageError(
        "--model-type hybrid: the layers of a HybridModel are of one size, this model's are not");
  if (type != "hybrid" || !gpt.hybrid_layer_pattern.empty())
    return {gpt, {std::shared_ptr<const void>(), &source.state.tensors}};  // which outlives the output
  return {hybrid_config(gpt, hybrid_pattern(source.state.tensors)),
          owned(hybrid_tensors(source.state.tensors))};
}

/// What args say of a whole.
nlohmann::json outer_words(const Checkpoint& source) {
  return {{"class", source.model->class_name}, {"config", source.config->json()}};
}

LayoutRequest make_request(const WriteOptions& options, const NamedModel& model, const Checkpoint& source,
                           std::int64_t divisible_by) {
  const TransformerConfig& config = model.config;
  if (!config.moe && (options.ep > 1 || options.etp))
    throw UsageError("--ep and --etp lay out experts, and the model has none");
  ParallelSizes sizes{options.tp, options.pp, options.vpp, options.ep, options.etp.value_or(options.tp)};
  // A layout string says how many chunks there are.
  PipelineSplit split(config.num_layers, sizes, options.pipeline, config.mtp_num_layers);
  sizes.virtual_pipeline = split.chunks();
  if (split.stages() == 1 && split.chunks() > 1)  // arguments.py, validate_args
    throw UsageError("model chunks (--vpp, or more parts of --pp-layout than stages) need --pp 2 or more");
  if (split.stages() == 1 && (options.pipeline.account_for_embedding || options.pipeline.account_for_loss))
    throw UsageError(
        "--account-for-embedding and --account-for-loss cut stages, and there is one: they need --pp 2 or "
        "more");
  if (config.image && split.stages() * split.chunks() > 1)
    throw UsageError("Megatron-Core's CLIPViTModel has one pipeline stage: --pp and --vpp must be 1");
  if (config.moe && config.add_bias_linear && sizes.expert_tensor > 1)
    throw UsageError(
        "experts with biases: megatron-core builds them with ETP 1 only (transformer_config.py); add --etp "
        "1");
  LayoutRequest request(sizes, std::move(split));
  static_cast<Naming&>(request) = naming_of(config);
  request.padded_vocab_size = padded_vocabulary(config.vocab_size, divisible_by, sizes.tensor);
  request.tied_embedding = config.share_embeddings_and_output_weights;
  request.has_mtp = config.mtp_num_layers > 0;
  request.impl = config.local_spec_only ? TransformerImpl::local : options.impl;
  request.experts = request.impl == TransformerImpl::local ? ExpertNames::sequential : ExpertNames::grouped;
  const bool listed = (config.moe && !config.moe->layer_freq.empty()) || config.linear_attention ||
                      config.heterogeneous;  // transformer_block.py, sharded_state_dict
  request.keys.stack_layers = !listed && config.hybrid_layer_pattern.empty() &&
                              layers_are_alike(model.whole ? source.state.tensors : *model.tensors, request);
  // The layers of a whole's encoder have a config of their own.
  request.keys.stack_encoders = model.whole || request.keys.stack_layers;
  return request;
}

MegatronModel make_model(const MegatronDialect& dialect, const WriteOptions& options,
                         const Checkpoint& source, NamedModel named) {
  const std::int64_t divisor = options.vocab_divisible_by.value_or(dialect.vocab_divisible_by);
  LayoutRequest request = make_request(options, named, source, divisor);
  MegatronTarget target{.format = std::string(dialect.name),
                        .distributed = dialect.distributed,
                        .sizes = request.sizes,
                        .impl = request.impl,
                        .dtype = DType::f32,
                        .padded_vocab_size = request.padded_vocab_size,
                        .vocab_divisible_by = divisor,
                        .iteration = options.iteration.value_or(0),
                        .pipeline = options.pipeline};
  // The specs' norms are modules of their own, for which files of `torch` with fused names have no place.
  // Those of a HybridModel's are TransformerEngine's.
  const bool named_for_spec = dialect.distributed || request.impl == TransformerImpl::local ||
                              !named.config.hybrid_layer_pattern.empty();
  const bool text = !named.whole && !named.config.vision;
  if (const auto spec = layer_spec(named.config); spec && spec->differences.empty() && named_for_spec && text)
    target.spec = spec->module;
  if (named.whole) {
    target.whole = outer_words(source);
    target.provider = std::move(named.whole->provider);
  }
  return {std::move(named.config), std::move(named.tensors), std::move(request), std::move(target)};
}

class MegatronOutput final : public OutputFormat {
 public:
  MegatronOutput(const MegatronDialect& dialect, const WriteOptions& options, const Checkpoint& source,
                 NamedModel named)
      : source_(source),
        dialect_(dialect),
        whole_(std::move(named.map)),
        model_(make_model(dialect, options, source, std::move(named))),
        layout_(dialect.layout(*model_.tensors, model_.request)),
        iteration_(options.iteration),
        folder_(iteration_folder(iteration_)) {
    if (is_whole()) layout_.map = compose(whole_, std::move(layout_.map), source.path);
    if (!model_.config.hybrid_layer_pattern.empty() && model_.request.split.stages() > 1)
      model_.config.hybrid_layer_pattern =
          with_stages(model_.config.hybrid_layer_pattern, model_.request.split);
  }

  Layout take_layout() override { return std::move(layout_); }

  void set_dtypes(const std::vector<SinkTensor>& tensors) override {
    model_.target.dtype = tensors.front().dtype;
  }

  std::unique_ptr<TensorSink> sink(const fs::path& root, const CopyPlan& plan,
                                   OutputMode mode) const override {
    fs::create_directory(root / folder_);
    return dialect_.sink(model_, (root / folder_).string(), plan, mode);
  }

  void add_files(const fs::path& root, const CopyPlan&) const override {
    if (!model_.config.bridge_provider.empty())
      replace_file((root / folder_ / "run_config.yaml").string(),
                   bridge_run_config(model_.config, model_.target));
    write_companions(*source_.files, root / folder_ / "tokenizer");
    replace_file((root / kTracker).string(), iteration_ ? std::to_string(*iteration_) : folder_);
  }

  nlohmann::json describe() const override {
    nlohmann::json json = described(model_.target.sizes);
    json.update({{"format", model_.target.format},
                 {"folder", folder_},
                 {"model_type", is_whole()                                   ? kWholeType
                                : model_.config.hybrid_layer_pattern.empty() ? "gpt"
                                                                             : "hybrid"},
                 {"transformer_impl", model_.target.impl == TransformerImpl::local ? "local" : "te"},
                 {"padded_vocab_size", model_.target.padded_vocab_size}});
    return json;
  }

  nlohmann::json advice(const std::string& output) const override {
    nlohmann::json said = is_whole() ? advice_of_whole() : advice_of_text_model();
    said["launch"] = launch_lines(model_.config, model_.target, site(output));
    return said;
  }

 private:
  bool is_whole() const { return !whole_.destination.empty(); }

  LaunchSite site(const std::string& output) const {
    const std::vector<std::string> beside = companions(*source_.files);
    return {.output = output,
            .folder = folder_,
            .hugging_face = source_.names == StateNames::hugging_face ? source_.path : "",
            .has_tokenizer = std::any_of(beside.begin(), beside.end(),
                                         [](const std::string& name) {
                                           return name.starts_with("tokenizer") || name.ends_with(".model");
                                         }),
            .has_run_config = !model_.config.bridge_provider.empty()};
  }

  nlohmann::json advice_of_text_model() const {
    std::vector<std::string> limits = field_limits(model_.config);
    for (std::string& limit : layout_limits(model_.config, model_.request))
      limits.push_back(std::move(limit));
    if (const auto limit = spec_names_limit(limits)) limits.push_back(*limit);
    return {{"megatron_lm_flags", field_flags(model_.config)}, {"limits", limits}};
  }

  nlohmann::json advice_of_whole() const {
    std::vector<std::string> limits = layout_limits(model_.config, model_.request);
    const std::string& provider = model_.config.bridge_provider;
    limits.push_back("a model of Megatron-Bridge's (" + provider.substr(provider.rfind('.') + 1) +
                     "), tower and all; for Megatron-LM, --model-type gpt writes the decoder as a GPTModel");
    return {{"megatron_lm_flags", nlohmann::json::array()}, {"limits", limits}};
  }

  /// Files of `torch` have the names of modules, and a distributed checkpoint has keys that both spellings
  /// are mapped to (sharded_state_dict_keys_map).
  std::optional<std::string> spec_names_limit(const std::vector<std::string>& limits) const {
    const bool fused = !dialect_.distributed && model_.target.impl != TransformerImpl::local &&
                       model_.config.hybrid_layer_pattern.empty();
    const auto has_spec = [](const std::string& limit) { return limit.find(kLayerSpec) != limit.npos; };
    if (!fused || std::none_of(limits.begin(), limits.end(), has_spec)) return std::nullopt;
    return "these files have the names of TransformerEngine's fused layers, and the specs of "
           "examples/megatron/decoder_layers.py keep norms in modules of their own; for one of those, "
           "convert "
           "with --transformer-impl local or to torch_dist";
  }

  const Checkpoint& source_;
  MegatronDialect dialect_;
  StateMap whole_;  ///< NamedModel::map
  MegatronModel model_;
  Layout layout_;
  std::optional<std::int64_t> iteration_;
  std::string folder_;
};

}  // namespace

std::unique_ptr<OutputFormat> MegatronFormat::output(const WriteOptions& options,
                                                     const Checkpoint& source) const {
  refuse_shard_size(options, name());
  return std::make_unique<MegatronOutput>(dialect_, options, source, named_model(options, source));
}

}  // namespace mhub
