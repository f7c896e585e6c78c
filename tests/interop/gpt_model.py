# SPDX-License-Identifier: Apache-2.0
"""Builds Megatron-Core's real GPTModel from a checkpoint's own `args`, runs it, and compares logits."""

import functools
import os

import numpy as np
import torch

import shim  # noqa: F401  (first: patches CUDA away)

from megatron.core import parallel_state
from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec
from megatron.core.models.gpt.gpt_model import GPTModel
from megatron.core.transformer.transformer_config import TransformerConfig

TOLERANCE = 2e-3  # of the largest logit


def iteration_folder(root):
    tracker = open(os.path.join(root, "latest_checkpointed_iteration.txt")).read().strip()
    return os.path.join(root, "release" if tracker == "release" else f"iter_{int(tracker):07d}")


def activation(args):
    """The function that Megatron-LM's flags select, or where it has no flag the one that the checkpoint names."""
    if args.swiglu or args.hf_activation == "xielu":  # whose layer spec has a module for it
        return torch.nn.functional.silu
    if args.squared_relu:
        return lambda x: torch.nn.functional.relu(x).square()
    if args.openai_gelu or args.hf_activation in ("gelu_new", "gelu_fast", "gelu_pytorch_tanh"):
        return functools.partial(torch.nn.functional.gelu, approximate="tanh")
    if args.hf_activation == "quick_gelu":
        return lambda x: x * torch.sigmoid(1.702 * x)
    assert args.hf_activation == "gelu", args.hf_activation
    return torch.nn.functional.gelu


def rare_settings(args):
    """Fields of TransformerConfig that older cores do not have, only where the checkpoint uses them."""
    names = ("use_mup", "mup_embedding_mult", "mup_output_mult", "mup_base_head_dim", "mup_attn_scale_power", "window_attn_skip_freq", "no_rope_freq", "mtp_num_layers")
    return {name: value for name in names if (value := getattr(args, name, None)) is not None}


def sizes_of_layers(args):
    """What says that layers are of several sizes (Megatron-LM's argument_utils.py, core_transformer_config_from_args)."""
    if getattr(args, "heterogeneous_layers_config_path", None) is None:
        return {}
    return {name: getattr(args, name) for name in ("heterogeneous_layers_config_path", "heterogeneous_layers_config_encoded_json")}


def kind_of(args):
    if not sizes_of_layers(args):
        return TransformerConfig
    from megatron.core.transformer.heterogeneous.heterogeneous_config import HeterogeneousTransformerConfig

    return HeterogeneousTransformerConfig


def plain_spec(args, config):
    """The layers that the arguments alone give, of local modules."""
    if sizes_of_layers(args):
        from megatron.core.models.gpt.heterogeneous.heterogeneous_layer_specs import get_gpt_heterogeneous_layer_spec

        return get_gpt_heterogeneous_layer_spec(config)
    return get_gpt_layer_local_spec(qk_layernorm=args.qk_layernorm, normalization=args.normalization)


def config_of(args, tp, pp):
    """Megatron-Core's config, in float32, with nothing but what `args` says."""
    config = kind_of(args)(
        num_layers=args.num_layers,
        hidden_size=args.hidden_size,
        ffn_hidden_size=args.ffn_hidden_size,
        num_attention_heads=args.num_attention_heads,
        num_query_groups=args.num_query_groups if args.group_query_attention else None,
        kv_channels=args.kv_channels,
        normalization=args.normalization,
        layernorm_epsilon=args.norm_epsilon,
        layernorm_zero_centered_gamma=args.apply_layernorm_1p,
        gated_linear_unit=args.hf_gated_linear_unit,
        activation_func=activation(args),
        add_bias_linear=args.add_bias_linear,
        add_qkv_bias=args.add_qkv_bias,
        rotary_interleaved=args.rotary_interleaved,
        qk_layernorm=args.qk_layernorm,
        window_size=args.window_size,
        attention_dropout=0.0,
        hidden_dropout=0.0,
        tensor_model_parallel_size=tp,
        pipeline_model_parallel_size=pp,
        pipeline_dtype=torch.float32,
        params_dtype=torch.float32,
        attention_softmax_in_fp32=True,
        use_cpu_initialization=True,
        apply_rope_fusion=False,
        gradient_accumulation_fusion=False,
        bias_activation_fusion=False,
        masked_softmax_fusion=False,
        bias_dropout_fusion=False,
        persist_layer_norm=False,
        **rare_settings(args),
        **sizes_of_layers(args),
    )
    if args.position_embedding_type == "yarn":  # as Megatron-LM's argument_utils.py sets them
        config.yarn_rotary_scaling_factor = args.rotary_scaling_factor
        config.yarn_original_max_position_embeddings = args.yarn_original_max_position_embeddings
        config.yarn_beta_fast, config.yarn_beta_slow = args.yarn_beta_fast, args.yarn_beta_slow
        config.yarn_mscale, config.yarn_mscale_all_dim = args.mscale, args.mscale_all_dim
        config.yarn_correction_range_round_to_int = args.yarn_correction_range_round_to_int
    return config


def prediction(args, config, spec):
    """Prediction blocks are layers like the decoder's, as Megatron-Bridge's exaone45_provider.py has them."""
    if not getattr(args, "mtp_num_layers", None):
        return {}
    from megatron.core.models.gpt.gpt_layer_specs import get_gpt_mtp_block_spec
    from megatron.core.transformer.transformer_block import TransformerBlockSubmodules

    return {"mtp_block_spec": get_gpt_mtp_block_spec(config, TransformerBlockSubmodules(layer_specs=[spec]), use_transformer_engine=False)}


def build(args, tp, pp, spec=None):
    """The model of this rank; `spec`: its layers, where they are not what the arguments alone give."""
    config = config_of(args, tp, pp)
    spec = spec or plain_spec(args, config)
    model = GPTModel(
        config,
        spec,
        vocab_size=args.padded_vocab_size,
        max_sequence_length=args.max_position_embeddings,
        pre_process=parallel_state.is_pipeline_first_stage(),
        post_process=parallel_state.is_pipeline_last_stage(),
        parallel_output=False,
        share_embeddings_and_output_weights=not args.untie_embeddings_and_output_weights,
        position_embedding_type=args.position_embedding_type,
        rotary_percent=args.rotary_percent,
        rotary_base=args.rotary_base,
        rope_scaling=args.use_rope_scaling,
        rope_scaling_factor=args.rope_scaling_factor,
        seq_len_interpolation_factor=args.rotary_seq_len_interpolation_factor,
        **prediction(args, config, spec),
    )
    return model.float().eval()


def attention_mask(length):
    """True where attention is masked: the future. Megatron-Core adds the window itself."""
    return torch.triu(torch.ones(length, length, dtype=torch.bool), 1)[None, None]


def logits(model, args, ids):
    """[batch, length, padded vocabulary] on the last stage, None elsewhere."""
    batch, length = ids.shape
    if not parallel_state.is_pipeline_first_stage():
        hidden = torch.empty(length, batch, args.hidden_size)
        torch.distributed.recv(hidden, parallel_state.get_pipeline_model_parallel_prev_rank())
        model.set_input_tensor(hidden)
    with torch.no_grad():
        out = model(ids, torch.arange(length)[None].expand(batch, length), attention_mask(length))
    if parallel_state.is_pipeline_last_stage():
        return out
    torch.distributed.send(out.contiguous(), parallel_state.get_pipeline_model_parallel_next_rank())
    return None


def difference(out, golden):
    """Largest deviation over the true vocabulary, as a share of the largest logit; padding must not be NaN."""
    assert torch.isfinite(out).all()
    wanted = golden["logits"]
    got = out.float().numpy()[..., : wanted.shape[-1]]
    return float(np.abs(got - wanted).max() / np.abs(wanted).max())
