# SPDX-License-Identifier: Apache-2.0
"""Builds Megatron-Core's real GPTModel with experts, latent attention or multi-token prediction from a checkpoint's own
`args`, on a CPU with the local spec."""

import copy
import dataclasses

import torch

import shim  # noqa: F401  (first: patches CUDA away)

from gpt_model import activation
from megatron.core.activations import quick_gelu
from megatron.core.models.gpt import gpt_layer_specs
from megatron.core.models.gpt.gpt_model import GPTModel
from megatron.core.transformer.dot_product_attention import DotProductAttention
from megatron.core.transformer.identity_op import IdentityOp
from megatron.core.transformer.module import MegatronModule
from megatron.core.transformer.moe import moe_layer, token_dispatcher
from megatron.core.transformer.transformer_config import MLATransformerConfig, TransformerConfig


class WholeLinear(MegatronModule):
    """TELinear with parallel_mode "duplicated": one that every rank has whole, which Megatron-Core's own modules have not."""

    def __init__(self, input_size, output_size, *, config, bias, parallel_mode, **_):
        super().__init__(config)
        assert parallel_mode == "duplicated" and not bias
        self.weight = torch.nn.Parameter(torch.empty(output_size, input_size))

    def forward(self, x):
        return torch.nn.functional.linear(x, self.weight), None


if not moe_layer.HAVE_TE:  # the projections of latent experts
    moe_layer.HAVE_TE, moe_layer.TELinear = True, WholeLinear

# What a CPU has none of, and the job's own settings.
OFF = ("apply_rope_fusion", "gradient_accumulation_fusion", "bias_activation_fusion", "masked_softmax_fusion", "bias_dropout_fusion",
       "persist_layer_norm", "moe_permute_fusion", "moe_router_fusion", "moe_grouped_gemm", "attention_dropout", "hidden_dropout")

# TransformerEngine's attention allows values of another size than keys; Megatron-Core's own needs to be told.
_plain_attention = DotProductAttention.__init__


def _attention(self, config, *args, k_channels=None, v_channels=None, **kwargs):
    _plain_attention(self, config, *args, **kwargs)
    if v_channels:
        self.hidden_size_per_partition = v_channels * self.num_attention_heads_per_partition


DotProductAttention.__init__ = _attention


# Without q_lora_rank megatron-core 0.19 puts one more norm before linear_q_proj, which DeepSeek's models have not and which
# its local spec cannot build (mla_qk_norm_config.py). Earlier cores have none.
try:
    from megatron.core.transformer.mla_qk_norm_config import QKNormConfigResolver

    _fused_linear = QKNormConfigResolver._mla_fused_linear_or_default
    QKNormConfigResolver._mla_fused_linear_or_default = lambda self, spec, name: (
        spec if name == "linear_q_proj" else _fused_linear(self, spec, name))
except ImportError:
    pass

token_dispatcher.maybe_move_tensor_to_cpu = lambda tensor, as_numpy=False, record_stream=False: (
    tensor.numpy() if as_numpy and torch.is_tensor(tensor) else tensor)


def config_of(args, **settings):
    """Every field of Megatron-Core's config that `args` has under its name, and the few that are called otherwise, for one rank
    of local modules; `settings` replace what that gives."""
    kind = MLATransformerConfig if args.multi_latent_attention else TransformerConfig
    fields = {field.name: getattr(args, field.name) for field in dataclasses.fields(kind)
              if field.init and getattr(args, field.name, None) is not None}
    fields.update(num_moe_experts=args.num_experts, layernorm_epsilon=args.norm_epsilon, layernorm_zero_centered_gamma=args.apply_layernorm_1p,
                  gated_linear_unit=args.hf_gated_linear_unit, activation_func=quick_gelu if args.quick_geglu else activation(args),
                  num_query_groups=args.num_query_groups if args.group_query_attention else None, tensor_model_parallel_size=1,
                  pipeline_model_parallel_size=1, virtual_pipeline_model_parallel_size=None, expert_model_parallel_size=1,
                  expert_tensor_parallel_size=1, params_dtype=torch.float32, pipeline_dtype=torch.float32, bf16=False, fp16=False,
                  attention_softmax_in_fp32=True, use_cpu_initialization=True, moe_token_dispatcher_type="allgather")
    if args.multi_latent_attention:
        fields["q_lora_rank"] = args.q_lora_rank  # None says something here
    fields.update({name: False for name in OFF if not name.endswith("dropout")}, attention_dropout=0.0, hidden_dropout=0.0)
    fields.update(settings)
    config = kind(**fields)
    if args.position_embedding_type == "yarn":  # as Megatron-LM's argument_utils.py sets them
        config.yarn_rotary_scaling_factor = args.rotary_scaling_factor
        config.yarn_original_max_position_embeddings = args.yarn_original_max_position_embeddings
        config.yarn_beta_fast, config.yarn_beta_slow = args.yarn_beta_fast, args.yarn_beta_slow
        config.yarn_mscale, config.yarn_mscale_all_dim = args.mscale, args.mscale_all_dim
        config.yarn_correction_range_round_to_int = args.yarn_correction_range_round_to_int
    return config


def block_spec(config, change=None):
    spec = gpt_layer_specs.get_gpt_decoder_block_spec(config, use_transformer_engine=False, normalization=config.normalization, qk_l2_norm=config.qk_l2_norm)
    for layer in spec.layer_specs:
        if getattr(config, "q_lora_rank", 0) is None:  # the local spec asks for a norm that nothing would use
            layer.submodules.self_attention.submodules.q_layernorm = IdentityOp
        if change:
            change(layer)
    return spec


def blocks_of(args, config, spec):
    """The specs whose last layer prediction blocks repeat: the decoder's, or dense ones (as Megatron-Bridge's exaone_moe_provider.py)."""
    if not getattr(args, "hf_mtp_dense", False):
        return spec
    dense = copy.copy(config)
    dense.moe_layer_freq = [0] * config.num_layers
    return block_spec(dense)


def build(args, tp, pp, change=None, layers=None, **settings):
    """The model of one rank. `change` is called with each layer's spec; `layers` makes the specs of layers from a config and
    those of plain ones; `settings` replace what the config has."""
    assert pp == 1
    config = config_of(args)
    config.tensor_model_parallel_size = tp
    for name, value in settings.items():
        setattr(config, name, value)
    spec = block_spec(config, change)
    if layers:
        spec.layer_specs = layers(config, spec.layer_specs)
    mtp = gpt_layer_specs.get_gpt_mtp_block_spec(config, blocks_of(args, config, spec), use_transformer_engine=False) if config.mtp_num_layers else None
    model = GPTModel(
        config, spec, vocab_size=args.padded_vocab_size, max_sequence_length=args.max_position_embeddings, parallel_output=False,
        share_embeddings_and_output_weights=not args.untie_embeddings_and_output_weights, position_embedding_type=args.position_embedding_type,
        rotary_percent=args.rotary_percent, rotary_base=args.rotary_base, rope_scaling=args.use_rope_scaling,
        rope_scaling_factor=args.rope_scaling_factor, seq_len_interpolation_factor=args.rotary_seq_len_interpolation_factor, mtp_block_spec=mtp)
    return model.float().eval()


def build_changed(change):
    """With a change of examples/megatron/moe_layers.py in every layer."""

    def built(args, tp, pp, _spec=None):
        import moe_layers  # arch_judges.py has put it on the path

        return build(args, tp, pp, getattr(moe_layers, change))

    return built


def build_plain(args, tp, pp, _spec=None):
    return build(args, tp, pp)
