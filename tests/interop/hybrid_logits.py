# SPDX-License-Identifier: Apache-2.0
"""Converted folders with HybridModel's names, loaded into megatron-core's real HybridModel: python hybrid_logits.py CASES.json.

A case: name, hf, megatron. HybridModel is only ever built of TransformerEngine's modules; here its spec is rebuilt from the
local ones, whose keys in torch_dist are the same.
"""

import json
import os
import sys

import numpy as np
import torch

import shim
from core_logits import load_args
from gpt_model import TOLERANCE, attention_mask, config_of, difference, iteration_folder
from megatron.core import dist_checkpointing, parallel_state
from megatron.core.fusions.fused_bias_dropout import get_bias_dropout_add
from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec
from megatron.core.models.hybrid import hybrid_block
from megatron.core.models.hybrid.hybrid_block import HybridStack, HybridStackSubmodules
from megatron.core.models.hybrid.hybrid_model import HybridModel
from megatron.core.ssm.mlp_layer import MLPLayer
from megatron.core.tensor_parallel.layers import ColumnParallelLinear, RowParallelLinear
from megatron.core.transformer.attention import SelfAttention, SelfAttentionSubmodules
from megatron.core.transformer.dot_product_attention import DotProductAttention
from megatron.core.transformer.enums import AttnMaskType
from megatron.core.transformer.mlp import MLP, MLPSubmodules
from megatron.core.transformer.spec_utils import ModuleSpec
from megatron.core.transformer.transformer_layer import TransformerLayer, TransformerLayerSubmodules


def local_stack(args):
    norm = get_gpt_layer_local_spec(normalization=args.normalization).submodules.input_layernorm
    hybrid_block.TENorm = norm
    attention = ModuleSpec(module=SelfAttention, params={"attn_mask_type": AttnMaskType.causal}, submodules=SelfAttentionSubmodules(
        linear_qkv=ColumnParallelLinear, core_attention=DotProductAttention, linear_proj=RowParallelLinear))
    mlp = ModuleSpec(module=MLP, submodules=MLPSubmodules(linear_fc1=ColumnParallelLinear, linear_fc2=RowParallelLinear))
    return ModuleSpec(module=HybridStack, submodules=HybridStackSubmodules(
        attention_layer=ModuleSpec(module=TransformerLayer, submodules=TransformerLayerSubmodules(
            input_layernorm=norm, self_attention=attention, self_attn_bda=get_bias_dropout_add,
            sharded_state_dict_keys_map={"input_layernorm.": "self_attention.linear_qkv.layer_norm_"})),
        mlp_layer=ModuleSpec(module=MLPLayer, submodules=TransformerLayerSubmodules(
            pre_mlp_layernorm=norm, mlp=mlp, mlp_bda=get_bias_dropout_add,
            sharded_state_dict_keys_map={"pre_mlp_layernorm.": "mlp.linear_fc1.layer_norm_"}))))


def build(args):
    """HybridModel of a checkpoint's args; parameters are NaN before loading."""
    config = config_of(args, 1, 1)
    config.is_hybrid_model = True
    model = HybridModel(
        config, local_stack(args), vocab_size=args.padded_vocab_size, max_sequence_length=args.max_position_embeddings,
        hybrid_layer_pattern=args.hybrid_layer_pattern.replace("|", ""), parallel_output=False,
        share_embeddings_and_output_weights=not args.untie_embeddings_and_output_weights,
        position_embedding_type=args.position_embedding_type, rotary_percent=args.rotary_percent, rotary_base=args.rotary_base,
        seq_len_interpolation_factor=args.rotary_seq_len_interpolation_factor).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(float("nan"))
    return model


def loaded(folder):
    """The HybridModel of a folder with its names."""
    folder = iteration_folder(folder)
    model = build(load_args(folder, {"format": "torch_dist"}))
    state = dist_checkpointing.load({"model": model.sharded_state_dict(prefix="")}, folder)
    model.load_state_dict(state["model"], strict=True)
    return model


def error_of(model, hf):
    golden = np.load(os.path.join(hf, "golden.npz"))
    ids = torch.tensor(golden["ids"])
    with torch.no_grad():
        out = model(ids, torch.arange(ids.shape[1])[None].expand(*ids.shape), attention_mask(ids.shape[1]))
    return difference(out, golden)


def run(case):
    shim.init_process_group()
    parallel_state.initialize_model_parallel()
    error = error_of(loaded(case["megatron"]), case["hf"])
    return {"name": case["name"], "ok": error <= TOLERANCE, "detail": f"logits differ by {error:.1e} of scale"}


def main():
    for case in json.load(open(sys.argv[1])):
        with shim.CudaToCpu():
            print("RESULT " + json.dumps(run(case)), flush=True)


if __name__ == "__main__":
    main()
