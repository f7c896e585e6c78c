# SPDX-License-Identifier: Apache-2.0
"""Megatron-Bridge's part of architectures.py: python arch_bridge.py CASES.json SCRATCH. A case: name, hf, megatron (a
torch_dist root), dtype, logits and import (whether to judge them), names (a torch root, or nothing)."""

import functools
import glob
import json
import os
import sys
from types import SimpleNamespace

import bridge_shim
import shim
import numpy as np
import torch

from bridge import compare, stored_tensors
from hf_tensors import hf_tensors
from gpt_model import attention_mask, difference, iteration_folder
from arch_judges import torch_norm_of  # noqa: F401  (norms that store their weight minus one)
import moe_model  # noqa: F401  (values of another size than keys)
from decoder_layers import decoder_layer_spec, with_post_norm
from megatron.core import dist_checkpointing, parallel_state
from megatron.core.tensor_parallel.layers import ColumnParallelLinear, RowParallelLinear
from megatron.core.transformer import torch_norm
from megatron.core.transformer.dot_product_attention import DotProductAttention
from megatron.core.transformer.identity_op import IdentityOp
from megatron.bridge.models.conversion.param_mapping import AutoMapping
from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec
from megatron.core.models.gpt.heterogeneous import heterogeneous_layer_specs
import megatron.bridge.models.exaone.exaone4.exaone4_bridge as exaone4
import megatron.bridge.models.exaone.exaone_moe.exaone_moe_provider as exaone_moe
import megatron.bridge.models.gemma.gemma2_provider as gemma2
import megatron.bridge.models.gemma.gemma3_provider as gemma3
import megatron.bridge.models.gemma.gemma4_provider as gemma4
import megatron.bridge.models.gemma.modeling_gemma4 as gemma4_layers
import megatron.bridge.models.glm_moe_dsa.glm5_bridge as glm5
import megatron.bridge.models.llama_nemotron.llama_nemotron_provider as llama_nemotron
import megatron.bridge.models.mimo_v2_flash.mimo_v2_flash_provider as mimo_v2
import megatron.bridge.models.mimo_v2_flash.modeling_mimo_v2_flash as mimo_v2_layers
import megatron.bridge.models.minimax_m2.minimax_m2_bridge as minimax
import megatron.bridge.models.sarvam.sarvam_moe_bridge as sarvam_moe
from megatron.bridge.models.bailing.configuration_bailing_moe_v2 import BailingMoeV2Config
from megatron.bridge.models.nemotronh.nemotron_h_bridge import NemotronHBridge
from megatron.bridge.models.minimax_m2.minimax_m2_provider import FullDimKNorm, FullDimQNorm
from transformers import AutoConfig, PretrainedConfig, Qwen2Config


class WindowedAttention(DotProductAttention):
    """Gemma3TEDotProductAttention's choice of window, with Megatron-Core's attention."""

    def __init__(self, config, layer_number, *args, **kwargs):
        import copy

        config = copy.copy(config)
        local = gemma3._is_local_attn_layer(layer_number, config.interleaved_attn_pattern)
        config.window_size = (config.window_size - 1, 0) if local else None
        super().__init__(config, layer_number, *args, **kwargs)


NORMS = (torch_norm.WrappedTorchNorm, torch_norm.WrappedTorchNorm)
# The layers of these providers without TransformerEngine; bridge_shim.py has the others'.
gemma3.gemma3_layer_spec = lambda config: decoder_layer_spec(
    post_norms=True, qk_norms=NORMS, attention=gemma3.Gemma3SelfAttention, core_attention=WindowedAttention
)
_provide_gemma2 = gemma2.Gemma2ModelProvider.provide


def _provide_local_gemma2(self, *args, **kwargs):
    self.transformer_layer_spec = decoder_layer_spec(post_norms=True, core_attention=gemma2.Gemma2DotProductAttention)
    return _provide_gemma2(self, *args, **kwargs)


gemma2.Gemma2ModelProvider.provide = _provide_local_gemma2


class NormedLinear(ColumnParallelLinear):
    """TELayerNormColumnParallelLinear's names for a norm in front of a linear layer, of Megatron-Core's own modules."""

    def __init__(self, input_size, output_size, *, config, **kwargs):
        super().__init__(input_size, output_size, config=config, **kwargs)
        self.layer_norm_weight = torch.nn.Parameter(torch.ones(input_size, dtype=config.params_dtype))

    def forward(self, input_, *args, **kwargs):
        return super().forward(gemma4_layers._gemma4_rms_norm(input_, self.layer_norm_weight, self.config.layernorm_epsilon), *args, **kwargs)


_gemma4_block_spec = gemma4._gemma4_block_spec


def local_gemma4(config, use_transformer_engine=False, **kwargs):
    """Gemma4ModelProvider's layers with the names that they have with TransformerEngine: its modules read them, and its keys say which
    kind of attention a norm in linear_qkv is of."""
    spec = _gemma4_block_spec(config, use_transformer_engine=False, **kwargs)
    for layer in spec.layer_specs:
        layer.submodules.input_layernorm, layer.submodules.sharded_state_dict_keys_map = IdentityOp, {}
        attention = layer.submodules.self_attention.submodules
        attention.linear_qkv, attention.linear_proj = NormedLinear, with_post_norm(RowParallelLinear)
        attention.core_attention = WindowedAttention
    return spec


gemma4._gemma4_block_spec = local_gemma4
AutoMapping.register_module_type("NormedLinear", "column")
AutoMapping.register_module_type("LinearWithPostNorm", "row")
AutoMapping.register_module_type("WholeLinear", "replicated")  # sparse_attention.py
exaone4.exaone4_layer_spec = lambda config: decoder_layer_spec(pre_norms=False, post_norms=True, qk_norms=NORMS)


def local_minimax(config):
    spec = get_gpt_layer_local_spec(num_experts=config.num_moe_experts, moe_grouped_gemm=False, qk_layernorm=True, normalization="RMSNorm")
    attention = spec.submodules.self_attention.submodules
    attention.q_layernorm, attention.k_layernorm = FullDimQNorm, FullDimKNorm
    return spec


minimax.minimax_m2_layer_spec = local_minimax


class SinkAttention(DotProductAttention):
    """What MiMoV2FlashTEDotProductAttention has beside TransformerEngine's attention, with Megatron-Core's."""

    def __init__(self, config, layer_number, *args, **kwargs):
        import copy

        config = copy.copy(config)
        local = mimo_v2_layers._is_local_attn_layer(layer_number, config.hybrid_attention_pattern)
        config.window_size = (config.window_size - 1, 0) if local else None
        config.softmax_type = "learnable" if local else "vanilla"
        super().__init__(config, layer_number, *args, v_channels=config.v_head_dim, **kwargs)

    def forward(self, query, key, value, *args, **kwargs):
        return super().forward(query, key, value * self.config.attention_value_scale, *args, **kwargs)


class BlockAttention(SinkAttention):
    """MiMoV2FlashMTPTEDotProductAttention likewise."""

    def __init__(self, config, *args, **kwargs):
        import copy

        config = copy.copy(config)
        config.hybrid_attention_pattern = [1] * config.mtp_num_layers
        super().__init__(config, *args, **kwargs)


mimo_v2_layers.MiMoV2FlashTEDotProductAttention, mimo_v2.MiMoV2FlashMTPTEDotProductAttention = SinkAttention, BlockAttention
for kind in (SinkAttention, BlockAttention):
    AutoMapping.register_module_type(kind.__name__, "column")
mimo_v2.get_gpt_layer_with_transformer_engine_spec = lambda **kwargs: get_gpt_layer_local_spec(normalization="RMSNorm", **kwargs)
exaone_moe.HAVE_TE = False
# It recomputes parts of grouped experts, which there are none of.
sarvam_moe.SarvamMoEModelProvider = functools.partial(sarvam_moe.SarvamMoEModelProvider, recompute_granularity=None)
_glm5_provider = glm5.GLM5Bridge.provider_bridge


def _without_hybrid_ep(self, hf_pretrained):
    """Its dispatcher of tokens is a package for GPUs."""
    provider = _glm5_provider(self, hf_pretrained)
    provider.moe_token_dispatcher_type, provider.moe_shared_expert_overlap = "allgather", False
    return provider


glm5.GLM5Bridge.provider_bridge = _without_hybrid_ep


_sized_layers = heterogeneous_layer_specs.get_gpt_heterogeneous_layer_spec
for module in (heterogeneous_layer_specs, llama_nemotron):
    module.get_gpt_heterogeneous_layer_spec = lambda config, use_te=False, vp_stage=None: _sized_layers(config, use_te=False, vp_stage=vp_stage)


class DeciLMConfig(PretrainedConfig):
    model_type = "nemotron-nas"
    max_position_embeddings = 8192  # transformers 5 asks for it before it has read config.json

    def __init__(self, **fields):
        super().__init__(**fields)
        self.rope_theta = fields.get("rope_theta")  # as below


class MiMoConfig(Qwen2Config):
    model_type = "mimo"


class MiMoV2FlashConfig(PretrainedConfig):
    model_type = "mimo_v2_flash"
    rope_theta = 5e6  # as below


class SarvamMoEConfig(PretrainedConfig):
    model_type = "sarvam_moe"
    rope_theta = 10000.0  # transformers 5 moves what config.json has; Megatron-Bridge reads it, and imports tensors without it


class SarvamMLAConfig(PretrainedConfig):
    model_type = "sarvam_mla"
    rope_theta = 10000.0


# Configs of models with code of their own.
AutoConfig.register("nemotron-nas", DeciLMConfig)
AutoConfig.register("mimo", MiMoConfig)
AutoConfig.register("mimo_v2_flash", MiMoV2FlashConfig)
AutoConfig.register("bailing_moe_v2", BailingMoeV2Config)
AutoConfig.register("sarvam_moe", SarvamMoEConfig)
AutoConfig.register("sarvam_mla", SarvamMLAConfig)


def logits_error(case):
    """Builds the model that the folder's run_config.yaml describes, loads the folder and compares logits."""
    from megatron.bridge.training.model_load_save import load_model_config

    folder = iteration_folder(case["megatron"])
    shim.init_process_group()
    parallel_state.initialize_model_parallel()
    provider, _ = load_model_config(folder)
    for field in ("params_dtype", "autocast_dtype", "pipeline_dtype"):
        setattr(provider, field, torch.float32)
    provider.bf16 = provider.fp16 = False
    provider.attention_softmax_in_fp32 = True
    provider.finalize()
    model = provider.provide_distributed_model(wrap_with_ddp=False, use_cpu_initialization=True)[0]
    while hasattr(model, "module"):
        model = model.module
    model = model.float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(float("nan"))
    state = dist_checkpointing.load({"model": model.sharded_state_dict(prefix="")}, folder)
    model.load_state_dict(state["model"], strict=True)
    golden = np.load(os.path.join(case["hf"], "golden.npz"))
    ids = torch.tensor(golden["ids"])
    length = ids.shape[1]
    with torch.no_grad():
        out = model(ids, torch.arange(length)[None].expand(len(ids), length), attention_mask(length))
    return difference(out, golden)


def import_problem(case, scratch):
    imported = os.path.join(scratch, case["name"] + "-bridge")
    shim.init_process_group()  # left alone, import would ask for NCCL
    bridge_shim.AutoBridge.import_ckpt(case["hf"], imported, torch_dtype=getattr(torch, case["dtype"]))
    ours, theirs = (stored_tensors(iteration_folder(folder)) for folder in (case["megatron"], imported))
    if case["unread"]:
        theirs.update({key: ours[key] for key in theirs if key.endswith(case["unread"]) and key in ours and ours[key].shape == theirs[key].shape})
    return compare(ours, theirs)


def names_problem(case):
    """What Bridge calls the tensors of prediction blocks that transformers has none of: of a folder of the format `torch`."""
    published = json.load(open(os.path.join(case["hf"], "config.json")))
    bridge = NemotronHBridge()
    bridge.hf_config = SimpleNamespace(**{**published, "mtp_hybrid_override_pattern": "*E"})
    registry = bridge.mapping_registry()
    files = glob.glob(os.path.join(iteration_folder(case["names"]), "*", "model_optim_rng.pt"))
    models = [part for file in files for name, part in torch.load(file, weights_only=True).items() if name.startswith("model")]
    ours = {name for model in models for name, value in model.items() if name.startswith("mtp.") and torch.is_tensor(value)}
    found = set()
    for name in ours:
        mapping = registry.megatron_to_hf_lookup(name)
        if mapping is None:
            return f"Bridge has no {name}"
        found.update(mapping.hf_param.values() if isinstance(mapping.hf_param, dict) else [mapping.hf_param])
    wanted = {name for name in hf_tensors(case["hf"]) if name.startswith("mtp.")}
    return None if found == wanted and wanted else f"Bridge's names differ: {sorted(found ^ wanted)[:4]}"


def judge(case, column, function):
    result = {"name": case["name"], "column": column, "problem": None, "error": None}
    for name in ("NVTE_FLASH_ATTN", "NVTE_FUSED_ATTN", "NVTE_UNFUSED_ATTN"):  # set for one model, refused by the next
        os.environ.pop(name, None)
    try:
        with shim.CudaToCpu():
            result.update(function())
    except Exception as problem:
        result["problem"] = f"{type(problem).__name__}: {str(problem)[:600]}"
    shim.drop_process_groups()
    print("RESULT " + json.dumps(result), flush=True)


def main():
    for case in json.load(open(sys.argv[1])):
        if case["logits"]:
            judge(case, "logits", lambda: {"error": logits_error(case)})
        if case["names"]:
            judge(case, "names", lambda: {"problem": names_problem(case)})
        if case["import"]:
            judge(case, "bridge import", lambda: {"problem": import_problem(case, sys.argv[2])})


if __name__ == "__main__":
    main()
