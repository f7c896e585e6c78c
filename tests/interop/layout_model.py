# SPDX-License-Identifier: Apache-2.0
"""The model of one rank, as Megatron-LM builds it for a checkpoint's own arguments, in either implementation: of
megatron-core's local modules, which compute, or of TransformerEngine's (tests/golden/fake_te.py), which only have parameters.
TransformerEngine's stand-in must be installed before this is imported."""

import contextlib
import os
import sys
from types import SimpleNamespace

import numpy as np
import torch

import shim  # noqa: F401  (first: patches CUDA away)
import mamba  # before anything of megatron.core.ssm
import arch_judges
import gpt_model
import moe_model
from megatron.core import parallel_state
from megatron.core.models.gpt import gpt_layer_specs
from megatron.core.models.gpt.gpt_model import GPTModel
from megatron.core.models.hybrid.hybrid_model import HybridModel
from megatron.core.ssm.gated_delta_net import common, gdn
from megatron.core.transformer.identity_op import IdentityOp

if "transformer_engine" in sys.modules:  # the stand-in computes nothing, so delta nets need not
    common.HAVE_FLA, gdn.chunk_gated_delta_rule, gdn.causal_conv1d = True, gdn.torch_chunk_gated_delta_rule, lambda *args, **kwargs: None
else:
    import delta_net  # noqa: F401  (before Megatron-LM takes the spec of gated delta nets)
from megatron.training.models import gpt as megatron_lm


def config_of(args, case):
    """megatron-core's config at the layout that `args` state."""
    local = case["impl"] == "local"
    settings = {name: getattr(args, name) for name in ("tensor_model_parallel_size", "pipeline_model_parallel_size", "virtual_pipeline_model_parallel_size", "expert_model_parallel_size")}
    settings.update(
        expert_tensor_parallel_size=case["sizes"]["etp"], num_layers_in_first_pipeline_stage=args.decoder_first_pipeline_num_layers,
        num_layers_in_last_pipeline_stage=args.decoder_last_pipeline_num_layers, transformer_impl="local" if local else "transformer_engine",
        sequence_parallel=bool(args.num_experts) and args.tensor_model_parallel_size > 1, moe_grouped_gemm=not local and bool(args.num_experts))
    if getattr(args, "experimental_attention_variant", None) and local:
        settings["deterministic_mode"] = True
    config = moe_model.config_of(args, **settings)
    config.is_hybrid_model = case["kind"] == "hybrid"
    return config


def ends(args):
    """(virtual stage, whether it embeds, whether it has the output layer) of each chunk of this rank."""
    chunks = args.virtual_pipeline_model_parallel_size
    for stage in range(chunks or 1):
        place = dict(ignore_virtual=False, vp_stage=stage) if chunks else {}
        yield stage if chunks else None, parallel_state.is_pipeline_first_stage(**place), parallel_state.is_pipeline_last_stage(**place)


def common_arguments(args):
    return dict(vocab_size=args.padded_vocab_size, max_sequence_length=args.max_position_embeddings, parallel_output=False,
                share_embeddings_and_output_weights=not args.untie_embeddings_and_output_weights, position_embedding_type=args.position_embedding_type,
                rotary_percent=args.rotary_percent, rotary_base=args.rotary_base, seq_len_interpolation_factor=args.rotary_seq_len_interpolation_factor)


def hybrid_chunk(args, case, config, stage, first, last):
    if case["impl"] == "local":
        spec = mamba.local_stack(args)
    else:
        from megatron.core.models.hybrid.hybrid_layer_specs import hybrid_stack_spec as spec
    return HybridModel(config, spec, hybrid_layer_pattern=args.hybrid_layer_pattern, pre_process=first, post_process=last, vp_stage=stage, **common_arguments(args))


def gpt_chunk(args, case, config, stage, first, last):
    wanted = SimpleNamespace(transformer=config, restore_modelopt_state=False, use_transformer_engine_op_fuser=False)
    local = case["impl"] == "local"
    spec = arch_judges.layer_spec(case["spec"]) if case["kind"] == "spec" else megatron_lm.default_layer_spec(wanted, stage)
    if local and args.multi_latent_attention and config.q_lora_rank is None:
        for layer in spec.layer_specs:  # as moe_model.block_spec
            layer.submodules.self_attention.submodules.q_layernorm = IdentityOp
    blocks = None
    if config.mtp_num_layers and case["kind"] == "delta":
        blocks = gpt_layer_specs.get_gpt_mtp_block_spec(config, spec, use_transformer_engine=not local, vp_stage=stage)
    elif config.mtp_num_layers:
        blocks = megatron_lm.mtp_block_spec(wanted, spec, vp_stage=stage)
    return GPTModel(config, spec, pre_process=first, post_process=last, rope_scaling=args.use_rope_scaling, rope_scaling_factor=args.rope_scaling_factor,
                    mtp_block_spec=blocks, vp_stage=stage, **common_arguments(args))


@contextlib.contextmanager
def vision_modules(impl):
    """vision_model.py builds LLaVA of local modules; here, where wanted, of TransformerEngine's."""
    import vision_model

    if impl == "local":
        yield vision_model
        return
    from megatron.core.extensions.transformer_engine import TEColumnParallelLinear, TERowParallelLinear
    from megatron.core.models.multimodal.llava_spec import decoder_model_with_transformer_engine_default_spec
    from megatron.core.models.vision.vit_layer_specs import get_vit_layer_with_transformer_engine_spec

    vision_model.decoder_model_with_local_default_spec = decoder_model_with_transformer_engine_default_spec
    vision_model.get_vit_layer_with_local_spec = get_vit_layer_with_transformer_engine_spec
    vision_model.ColumnParallelLinear, vision_model.RowParallelLinear = TEColumnParallelLinear, TERowParallelLinear
    vision_model.CLIPViTModel.__init__ = vision_model._plain_vit
    yield vision_model


def build(args, case, config):
    """The chunks of this rank's model."""
    with arch_judges.plain_gpt_model():
        if case["kind"] == "llava":
            with vision_modules(case["impl"]) as vision:
                chunks = [vision.build_llava(args, args.tensor_model_parallel_size)]
        else:
            make = hybrid_chunk if case["kind"] == "hybrid" else gpt_chunk
            chunks = [make(args, case, config, *place) for place in ends(args)]
    return [chunk.float().eval() for chunk in chunks]


def pipeline_logits(chunks, args, config, ids):
    """Through all stages and chunks; None but on the last stage."""
    batch, length = ids.shape
    first, last = parallel_state.is_pipeline_first_stage(), parallel_state.is_pipeline_last_stage()
    rows = length // (config.tensor_model_parallel_size if config.sequence_parallel else 1)
    out = None
    for number, model in enumerate(chunks):
        if not (first and number == 0):
            hidden = torch.empty(rows, batch, args.hidden_size)
            torch.distributed.recv(hidden, parallel_state.get_pipeline_model_parallel_prev_rank())
            model.set_input_tensor(hidden)
        with torch.no_grad():
            out = model(ids, torch.arange(length)[None].expand(batch, length), gpt_model.attention_mask(length))
        if not (last and number == len(chunks) - 1):
            torch.distributed.send(out.contiguous(), parallel_state.get_pipeline_model_parallel_next_rank())
    return out if last else None


def logits_error(chunks, args, config, case):
    """The deviation from transformers as a share of scale; None where this rank has no logits."""
    layout = getattr(args, "pipeline_model_parallel_layout", None) or ""
    if case["impl"] == "te" or ("m" in layout and "mL" not in layout):  # a block on a stage of its own gets two hidden states
        return None
    golden = np.load(os.path.join(case["hf"], "golden.npz"))
    if case["kind"] == "llava":
        import vision_model

        with torch.no_grad():
            out, wanted = vision_model.run_llava(chunks[0], args, golden).float().numpy(), golden["wanted"]
    else:
        out, wanted = pipeline_logits(chunks, args, config, torch.tensor(golden["ids"][:, :16])), golden["logits"][:, :16]
        if out is None:
            return None
        out = out.float().numpy()[..., : wanted.shape[-1]]
    return float(np.abs(out - wanted).max() / np.abs(wanted).max())
