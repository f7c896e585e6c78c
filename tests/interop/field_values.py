# SPDX-License-Identifier: Apache-2.0
"""Which fields of a model's description Megatron reads, and the values that fields_sweep.py tries."""

import dataclasses
import enum
import inspect
import re

import torch
from megatron.core.transformer.heterogeneous.heterogeneous_config import HeterogeneousTransformerConfig
from megatron.core.transformer.transformer_config import MLATransformerConfig, TransformerConfig
from megatron.training import argument_utils
from megatron.training.models.gpt import GPTModelConfig

CONFIGS = (TransformerConfig, MLATransformerConfig, HeterogeneousTransformerConfig, GPTModelConfig)
READERS = ("core_transformer_config_from_args", "_apply_yarn_config_from_args", "gpt_config_from_args")


def fields(dialect):
    """Names of the fields that the model is built from, each with its type as text: of `args` those too that
    megatron/training/argument_utils.py reads by name."""
    found = {}
    for config in CONFIGS:
        for field in dataclasses.fields(config):
            found.setdefault(field.name, str(field.type))
    if dialect == "args":
        source = "".join(inspect.getsource(getattr(argument_utils, reader)) for reader in READERS)
        for name in re.findall(r"\bargs\.([a-z_0-9]+)", source) + re.findall(r"args, ['\"]([a-z_0-9]+)", source):
            found.setdefault(name, "")
    return dict(sorted(found.items()))


# Values that a field's type does not tell.
VALUES = {
    "position_embedding_type": ["learned_absolute", "rope", "mrope", "yarn", "none", "relative"],
    "window_size": [(4, 0)], "window_attn_skip_freq": [2, [1, 0, 1, 0]], "no_rope_freq": [2, [1, 0, 1, 0]], "mrope_section": [[1, 1, 2]],
    "normalization": ["LayerNorm", "RMSNorm"], "rope_type": ["rope", "yarn", None], "rotary_percent": [0.5], "rotary_base": [500000, 12345],
    "moe_layer_freq": [2, [1, 0, 1, 0], [1, 1, 1, 1]], "linear_attention_freq": [2, [1, 0, 1, 0]], "experimental_attention_variant": ["gated_delta_net", "dsa", None],
    "softmax_scale": [0.5], "activation_func_clamp_value": [0.3], "glu_linear_offset": [1.0], "moe_router_score_function": ["softmax", "sigmoid", "sqrtsoftplus"],
    "moe_router_load_balancing_type": ["aux_loss", "sinkhorn", ["aux_loss", "seq_aux_loss"], "quantile"], "moe_router_dtype": ["fp32", "fp64"],
    "moe_router_topk_scaling_factor": [2.5, 1.5, None], "moe_latent_size": [16], "moe_router_topk": [1, 3], "moe_shared_expert_intermediate_size": [48],
    "mtp_num_layers": [1], "q_lora_rank": [None], "num_query_groups": [4, 8], "kv_channels": [16], "ffn_hidden_size": [96], "moe_ffn_hidden_size": [48, None], "num_layers": [2],
    "hidden_size": [32], "num_attention_heads": [4], "spec": [["megatron.core.models.gpt.gpt_layer_specs", "get_gpt_layer_local_spec"]],
    "heterogeneous_layers_config_path": ["/nonexistent.json"], "heterogeneous_block_specs": [True], "heterogeneous_layers_config_encoded_json": ["{}"], "per_block_parameters": [[1]], "hybrid_layer_pattern": ["*-*-*-*-"],
    "rope_scaling_factor": [32.0], "rotary_seq_len_interpolation_factor": [4, 4.0], "seq_len_interpolation_factor": [4.0], "layernorm_epsilon": [1e-2], "norm_epsilon": [1e-2],
    "max_position_embeddings": [48], "seq_length": [48], "fp8": ["e4m3"], "fp4": ["e2m1"], "te_precision_config_file": ["/x.yaml"], "kitchen_config_file": ["/x.yaml"],
    "moe_expert_capacity_factor": [0.5], "moe_input_jitter_eps": [0.1], "moe_router_force_biased": [0.5], "num_experts": [2], "num_moe_experts": [2],
    "rotary_scaling_factor": [4.0], "mscale": [0.7], "mscale_all_dim": [0.5, 0.0], "mup_base_hidden_size": [32], "mup_width_mult": [2.0],
    "transformer_impl": ["transformer_engine"], "params_dtype": [torch.bfloat16], "moe_router_num_groups": [None, 2], "moe_router_group_topk": [1, None],
    "dsa_indexer_topk": [4], "dsa_indexer_k_norm_epsilon": [10.0], "dsa_indexer_head_dim": [12], "vocab_size": [128], "padded_vocab_size": [128], "yaml_cfg": ["/x.yaml"],
}
LITERAL = re.compile(r"'([^']*)'")


def values(name, kind, present):
    """Values other than the present one."""
    if name in VALUES:
        chosen = VALUES[name]
    elif isinstance(present, bool) or (present is None and "bool" in kind):
        chosen = [not present]
    elif "Literal" in kind:
        chosen = LITERAL.findall(kind)[:3]
    elif isinstance(present, enum.Enum):
        chosen = list(type(present))
    elif isinstance(present, int):
        chosen = [present * 2 if present else 1]
    elif isinstance(present, float):
        chosen = [present * 2 if present else 0.5]
    elif present is None:
        chosen = [one for word, one in (("float", 0.5), ("int", 2)) if word in kind][:1]
    else:
        chosen = []
    return [one for one in chosen if one != present or type(one) is not type(present)]

# What mhub reacts to: in this base it exports another model for at least one of the values tried, or refuses and names the field.
REACTS = {
    "args": {
        "llama": """
            activation_func_clamp_value add_bias_linear add_qkv_bias attention_dropout attention_output_gate experimental_attention_variant ffn_hidden_size glu_linear_offset
            group_query_attention heterogeneous_block_specs heterogeneous_layers_config_encoded_json heterogeneous_layers_config_path hidden_size init_method_std
            kv_channels layernorm_epsilon layernorm_zero_centered_gamma linear_attention_freq max_position_embeddings mtp_num_layers mtp_use_repeated_layer
            multi_latent_attention mup_attn_scale_power mup_base_head_dim mup_base_hidden_size mup_embedding_mult mup_output_mult no_rope_freq normalization
            num_attention_heads num_experts num_layers num_query_groups padded_vocab_size position_embedding_type qk_l2_norm qk_layernorm quick_geglu rope_scaling_factor
            rotary_base rotary_interleaved rotary_percent rotary_seq_len_interpolation_factor softmax_scale softmax_type squared_relu swiglu
            untie_embeddings_and_output_weights use_mup use_rope_scaling window_attn_skip_freq window_size yaml_cfg yarn_beta_fast yarn_beta_slow
            yarn_correction_range_round_to_int yarn_original_max_position_embeddings""",
        "gpt": "bias_gelu_fusion squared_relu",
        "experts": """
            hybrid_layer_pattern moe_apply_probs_on_input moe_aux_loss_coeff moe_expert_capacity_factor moe_ffn_hidden_size moe_latent_size moe_layer_freq moe_mlp_glu_interleave_size
            moe_router_enable_expert_bias moe_router_force_biased moe_router_force_load_balancing moe_router_group_topk moe_router_load_balancing_type
            moe_router_pre_softmax moe_router_score_function moe_router_topk moe_router_topk_scaling_factor moe_shared_expert_intermediate_size num_experts""",
        "shared": "moe_shared_expert_gate moe_shared_expert_glu_interleave_size moe_shared_expert_intermediate_size",
        "latent": """
            beta_fast beta_slow kv_lora_rank moe_router_group_topk moe_router_num_groups mscale mscale_all_dim original_max_position_embeddings q_lora_rank qk_head_dim
            qk_pos_emb_head_dim rope_type rotary_scaling_factor v_head_dim""",
        "sparse": """
            dsa_indexer_head_dim dsa_indexer_k_norm_epsilon dsa_indexer_n_heads dsa_indexer_rope_interleaved dsa_indexer_scoring_relu dsa_indexer_topk dsa_indexer_topk_freq
            experimental_attention_variant""",
    },
    "run_config": {
        "llama": """
            activation_func_clamp_value add_bias_linear attention_output_gate experimental_attention_variant gated_linear_unit heterogeneous_block_specs kv_channels
            layernorm_epsilon layernorm_zero_centered_gamma multi_latent_attention normalization num_moe_experts position_embedding_type qk_layernorm rope_scaling
            rope_scaling_factor rotary_base rotary_percent seq_len_interpolation_factor seq_length share_embeddings_and_output_weights softmax_scale softmax_type vocab_size
            window_attn_skip_freq window_size""",
        "gpt": "bias_activation_fusion",
        "experts": "moe_expert_capacity_factor moe_latent_size moe_layer_freq moe_router_load_balancing_type moe_router_pre_softmax num_moe_experts",
        "latent": "kv_lora_rank moe_router_num_groups rope_type rotary_scaling_factor",
    },
}

# What leaves the model as it is, whatever it says. The sweep sees to it that the real model's logits are the same, where it runs on a
# CPU, and that mhub does not refuse it.
INERT = {
    "of training alone": """
        calculate_per_token_loss cross_entropy_fusion_impl cross_entropy_loss_fusion defer_embedding_wgrad_compute delay_wgrad_compute dsa_indexer_loss_coeff
        dsa_indexer_use_sparse_loss embedding_init_method embedding_init_method_std experimental_attention_variant_loss_scale_func finalize_model_grads_func
        fp16_lm_cross_entropy hidden_dropout grad_scale_func grad_sync_func gradient_accumulation_fusion init_method init_method_xavier_uniform init_model_with_meta_device
        log_max_attention_logit moe_enable_routing_replay moe_grad_scale_func moe_per_layer_logging moe_router_bias_update_rate moe_router_quantile_balancing_ema
        moe_z_loss_coeff mtp_detach_heads mtp_grad_scale_func mtp_loss_scaling_factor no_sync_func output_layer_init_method param_sync_func perform_initialization
        qk_clip qk_clip_alpha qk_clip_threshold seed wgrad_deferral_limit""",
    # megatron-core scales the router's input by random numbers outside of training, too (moe/router.py, apply_input_jitter).
    "noise of training": "moe_input_jitter_eps",
    "of memory": """
        _cpu_offloading_context activation_offload_fraction cpu_offloading cpu_offloading_activations cpu_offloading_double_buffering cpu_offloading_num_layers
        cpu_offloading_retain_pinned_cpu_buffers cpu_offloading_weights deallocate_pipeline_outputs delay_offload_until_cuda_graph delta_offload_bytes_across_pp_ranks
        disable_parameter_transpose_cache distribute_saved_activations ep_overlap_early_attn_memory_release fine_grained_activation_offloading
        fine_grained_offloading_max_inflight_offloads min_offloaded_tensor_size mlp_chunks_for_prefill mlp_chunks_for_training moe_layer_recompute moe_paged_stash
        moe_paged_stash_buffer_size_factor_cpu moe_paged_stash_buffer_size_factor_cuda moe_paged_stash_page_size
        num_microbatches_with_partial_activation_checkpoints offload_modules recompute_granularity recompute_method recompute_modules recompute_num_layers""",
    "how ranks share the work": """
        account_for_embedding_in_pipeline_split account_for_loss_in_pipeline_split barrier_with_L1_time batch_p2p_comm batch_p2p_sync context_parallel_size cp_comm_type
        decoder_first_pipeline_num_layers decoder_last_pipeline_num_layers expert_gtp_weight_remat_size expert_model_parallel_size expert_tensor_parallel_num_weight_shards
        expert_tensor_parallel_size gtp_weight_remat_size hierarchical_context_parallel_sizes high_priority_a2a_comm_stream hybrid_context_parallel max_seqlen_per_dp_cp_rank
        microbatch_group_size_per_vp_stage moe_deepep_num_sms moe_enable_deepep moe_expert_rank_capacity_factor moe_flex_dispatcher_backend moe_flex_dispatcher_num_sms
        moe_hybridep_num_blocks_permute moe_hybridep_num_blocks_unpermute moe_hybridep_num_sms moe_hybridep_num_sms_preprocessing moe_hybridep_pad_uneven_dispatch_inputs
        moe_ncclep_static_shape moe_ncclep_zero_copy moe_router_topk_limited_devices moe_shared_expert_overlap moe_token_dispatcher_type mtp_standalone
        num_layers_in_first_pipeline_stage num_layers_in_last_pipeline_stage overlap_dispatch_backward_with_experts_wgrad overlap_moe_expert_parallel_comm overlap_p2p_comm
        overlap_p2p_comm_warmup_flush parallel_output pipeline_model_parallel_comm_backend pipeline_model_parallel_layout pipeline_model_parallel_size
        scatter_embedding_sequence_parallel sequence_parallel symmetric_ar_type tensor_model_parallel_size tensor_parallel_num_weight_shards tp_comm_atomic_ag
        tp_comm_atomic_rs tp_comm_bootstrap_backend tp_comm_bulk_dgrad tp_comm_bulk_wgrad tp_comm_overlap tp_comm_overlap_ag tp_comm_overlap_cfg
        tp_comm_overlap_disable_fc1 tp_comm_overlap_disable_qkv tp_comm_overlap_rs tp_comm_overlap_rs_dgrad tp_comm_split_ag tp_comm_split_rs tp_only_amax_red
        use_ring_exchange_p2p variable_seq_lengths virtual_pipeline_model_parallel_size""",
    "which kernel computes the same": """
        apply_rope_fusion attention_backend bias_dropout_fusion bias_swiglu_fusion cuda_graph_impl cuda_graph_modules cuda_graph_retain_backward_graph cuda_graph_scope
        cuda_graph_use_single_mempool cuda_graph_warmup_steps dsa_kernel_backend enable_cuda_graph external_cuda_graph flash_attention_version flash_decode
        fused_residual_rmsnorm fused_single_qkv_rope inference_cuda_graph_scope inference_disable_triton_nvls_kernels inference_fuse_tp_communication
        inference_grouped_gemm_backend inference_moe_disable_fused_quant_kernels inference_moe_token_dispatcher_type masked_softmax_fusion memory_efficient_layer_norm
        mla_down_proj_fusion moe_grouped_gemm moe_permute_fusion moe_permute_fusion_into_hybridep moe_router_fusion moe_single_grouped_bias moe_single_grouped_weight
        nccl_all_reduce_for_prefill no_persist_layer_norm persist_layer_norm transformer_impl use_fused_weighted_squared_relu use_grouped_gemm_for_dense_mlp
        use_grouped_gemm_for_shared_expert use_inference_optimized_layers use_mamba_mem_eff_path use_te_activation_func use_transformer_engine_op_fuser""",
    "precision and quantization of the job": """
        activation_func_fp8_input_store attention_softmax_in_fp32 autocast_dtype batch_invariant_mode bf16 deterministic_mode disable_bf16_reduced_precision_matmul
        enable_autocast first_last_layers_bf16 fp16 fp32_residual_connection fp4 fp4_param fp4_param_gather fp4_quantizer_factory fp4_recipe fp8 fp8_amax_compute_algo
        fp8_amax_history_len fp8_dot_product_attention fp8_interval fp8_margin fp8_multi_head_attention fp8_output_proj fp8_param fp8_param_gather fp8_quantizer_factory
        fp8_recipe fp8_wgrad kitchen_attention_backend kitchen_config_file kitchen_recipe_number mamba_training_ssm_states_dtype moe_router_dtype
        moe_router_padding_for_fp8 moe_router_padding_for_quantization num_layers_at_end_in_bf16 num_layers_at_start_in_bf16 params_dtype pipeline_dtype quant_recipe
        te_precision_config_file use_kitchen use_kitchen_attention""",
    "of the job": """
        cache_mla_latents clone_scatter_output_in_embedding config_logger_dir extra_checkpoint_metadata hetereogenous_dist_checkpoint inference_rng_tracker
        inference_sampling_seed make_vocab_size_divisible_by moe_pad_experts_for_cuda_graph_inference post_wrap_hooks pre_wrap_hooks restore_modelopt_state should_pad_vocab
        test_mode timers use_cpu_initialization use_te_rng_tracker""",
    "the same function in exact numbers": "apply_query_key_layer_scaling",
    "means something only beside a setting that is refused": """
        moe_pad_expert_input_to_capacity moe_token_drop_policy mrope_section
        per_block_parameters""",
    # Models with these parts are judged in architectures.py; heads and states of other sizes have other tensors.
    "means something only in a model with such layers": """
        dsa_indexer_head_dim dsa_indexer_k_norm_epsilon dsa_indexer_k_norm_fp32 dsa_indexer_n_heads dsa_indexer_rope_interleaved dsa_indexer_rotate_activation
        dsa_indexer_scoring_relu dsa_indexer_skip_topk_offset dsa_indexer_topk dsa_indexer_topk_freq is_hybrid_model linear_conv_kernel_dim linear_key_head_dim
        linear_num_key_heads linear_num_value_heads linear_value_head_dim mamba_head_dim mamba_num_groups mamba_num_heads mamba_state_dim mtp_hybrid_override_pattern""",
    "read by nothing": "apply_residual_connection_post_layernorm moe_token_dropping mup_width_mult use_arbitrary_attention_mask",
    # Tensors that its layers have not, or have beside the model's, are refused; mhub cannot see into a Python function.
    "how the layers are built": "spec transformer transformer_layer_spec",
    "the same as another field, which Megatron-LM's builder reads": """
        activation_func bias_activation_fusion gated_linear_unit num_moe_experts rope_scaling seq_len_interpolation_factor seq_length share_embeddings_and_output_weights
        vocab_size""",
    "no field of a GPT model": "language_model pop",
}
# Read in layers over TransformerEngine, which a CPU cannot build, or in a config of another class: here the real model is the same.
READ_ELSEWHERE = {
    "experimental_attention_variant", "heterogeneous_block_specs", "heterogeneous_layers_config_encoded_json", "heterogeneous_layers_config_path", "moe_mlp_glu_interleave_size",
    "moe_shared_expert_glu_interleave_size",
}
# What a base's model does not read, and mhub refuses for a value that it does not know.
UNREAD = {"sparse": {"softmax_type"}}
# Other tensors, or another class, than the files have.
CONTRADICTS_FILES = {"hybrid_layer_pattern", "vocab_size", "expert_tensor_parallel_size", "pipeline_model_parallel_size"}

YARN = dict(position_embedding_type="yarn", rotary_scaling_factor=4.0, yarn_original_max_position_embeddings=16)
LATENT_YARN = dict(rope_type="yarn", rotary_scaling_factor=4.0, original_max_position_embeddings=16)
MUP = dict(use_mup=True, mup_base_hidden_size=32)
QUICK = dict(swiglu=False, quick_geglu=True, glu_linear_offset=1.0, activation_func_clamp_value=7.0)
# Fields that mean nothing alone, or another thing.
STATED_COMBINATIONS = {  # in run_config.yaml
    "llama": [dict(window_size=(4, 0), window_attn_skip_freq=2), dict(rope_scaling=True, rope_scaling_factor=32.0)],
    "latent": [dict(rope_type=kind, rotary_scaling_factor=4.0, original_max_position_embeddings=16, mscale=0.7, mscale_all_dim=0.7) for kind in ("yarn", "rope")],
}
COMBINATIONS = {
    "llama": [
        dict(window_size=(4, 0), window_attn_skip_freq=2), dict(window_size=(4, 0), window_attn_skip_freq=[1, 0, 1, 0]), YARN, {**YARN, "mscale": 0.7},
        {**YARN, "yarn_correction_range_round_to_int": False}, {**YARN, "yarn_beta_fast": 4.0, "yarn_beta_slow": 2.0}, {**YARN, "mscale": 0.7, "mscale_all_dim": 0.5},
        dict(use_rope_scaling=True, rope_scaling_factor=32.0), MUP, {**MUP, "mup_base_head_dim": 4}, {**MUP, "mup_output_mult": 3.0}, {**MUP, "softmax_scale": 0.5},
        dict(use_mup=True, mup_embedding_mult=3.0), dict(use_mup=True, mup_output_mult=3.0), dict(use_mup=True, mup_attn_scale_power=0.25), QUICK,
        dict(swiglu=False, squared_relu=True), dict(swiglu=False, quick_geglu=True), dict(qk_layernorm=True, normalization="LayerNorm"),
        dict(rotary_percent=0.5, rotary_interleaved=True), dict(normalization="LayerNorm", layernorm_zero_centered_gamma=True),
        dict(mtp_num_layers=2, mtp_use_repeated_layer=True),
        dict(linear_attention_freq=2, experimental_attention_variant="gated_delta_net"),
    ],
    "gpt": [
        dict(openai_gelu=False), dict(openai_gelu=False, bias_gelu_fusion=True), dict(openai_gelu=True, bias_gelu_fusion=True), dict(swiglu=True),
        dict(layernorm_zero_centered_gamma=True), dict(position_embedding_type="none"),
    ],
    "experts": [
        dict(moe_router_score_function="sigmoid", moe_router_enable_expert_bias=True), dict(moe_router_pre_softmax=True, moe_router_topk_scaling_factor=2.0),
        dict(moe_router_num_groups=2, moe_router_group_topk=1), dict(moe_router_topk=1, moe_router_pre_softmax=True), dict(moe_router_topk=1, moe_apply_probs_on_input=True),
        dict(moe_shared_expert_intermediate_size=40, moe_shared_expert_gate=True), dict(moe_expert_capacity_factor=0.5, moe_token_drop_policy="position"),
        dict(moe_router_load_balancing_type="sinkhorn", moe_router_topk=1), QUICK, dict(add_bias_linear=True),
    ],
    "latent": [
        LATENT_YARN, {**LATENT_YARN, "rope_type": None}, {**LATENT_YARN, "mscale": 0.7}, {**LATENT_YARN, "beta_fast": 4.0}, {**LATENT_YARN, "beta_slow": 2.0},
        {**LATENT_YARN, "mscale": 0.7, "mscale_all_dim": 0.7}, {**LATENT_YARN, "mscale": 0.0, "mscale_all_dim": 0.0}, {**LATENT_YARN, "mscale": 0.0, "mscale_all_dim": 0.5},
        {**LATENT_YARN, "mscale_all_dim": 0.0}, dict(rope_type=None, rotary_scaling_factor=40.0), dict(rope_type="rope", rotary_scaling_factor=40.0, mscale_all_dim=0.0),
        dict(rope_type="yarn", rotary_percent=0.5), dict(rope_type="yarn", rotary_scaling_factor=1.0, mscale_all_dim=0.0), dict(qk_layernorm=False),
        dict(q_lora_rank=None, qk_layernorm=True), dict(mtp_num_layers=1), dict(num_query_groups=2, group_query_attention=True),
        dict(moe_router_num_groups=2, moe_router_group_topk=1), dict(softmax_type="off-by-one"),
    ],
    "sparse": [
        dict(dsa_indexer_topk_freq=2, dsa_indexer_skip_topk_offset=2), dict(dsa_indexer_topk_freq=3), dict(dsa_indexer_topk_freq=2, dsa_indexer_skip_topk_offset=1),
        dict(dsa_indexer_rope_interleaved=False, dsa_indexer_topk_freq=2), LATENT_YARN, {**LATENT_YARN, "mscale": 0.7, "mscale_all_dim": 0.7},
    ],
}
