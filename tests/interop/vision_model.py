# SPDX-License-Identifier: Apache-2.0
"""Megatron-Core's real CLIPViTModel, LLaVAModel and (for CLIP's text tower) GPTModel, loaded from converted folders.

python vision_model.py CASES.json, one process per tensor-parallel rank (ranks.py). A case: name, kind
("vit", "llava", "text"), hf (with golden.npz), megatron (written with --transformer-impl local), format, tp. Rank 0 prints
one RESULT line a case: the largest deviation from transformers as a share of scale.
"""

import copy
import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import shim
import torch

import gpt_model
import arch_judges  # noqa: F401  (norms on a CPU)
from core_logits import load_args, load_weights
from gpt_model import TOLERANCE, config_of, iteration_folder
from megatron.core import parallel_state
from megatron.core.models.multimodal.llava_model import LLaVAModel
from megatron.core.models.multimodal.llava_spec import decoder_model_with_local_default_spec
from megatron.core.models.vision.clip_vit_model import CLIPViTModel
from megatron.core.models.vision.vit_layer_specs import get_vit_layer_with_local_spec
from megatron.core.tensor_parallel.layers import ColumnParallelLinear, RowParallelLinear
from megatron.core.transformer.mlp import MLPSubmodules
from megatron.core.transformer.torch_norm import WrappedTorchNorm

# Without TransformerEngine its default norm is torch.nn.LayerNorm, which does not take the arguments that it is given.
_plain_vit = CLIPViTModel.__init__
CLIPViTModel.__init__ = lambda self, *args, **kwargs: _plain_vit(self, *args, ln_pre_impl=WrappedTorchNorm, ln_post_impl=WrappedTorchNorm, **kwargs)

IMAGE = -200  # stands for a whole image in the real model's input


def vision_config(tower, tp):
    """The vision transformer's config, from what the checkpoint says of it."""
    config = config_of(SimpleNamespace(**tower), tp, 1)
    config.vision_model_type = tower["hf_image"]["vision_model_type"]
    return config


def build_vit(args, tp):
    image = args.hf_image
    config = vision_config(vars(args), tp)
    kind = image["vision_model_type"]
    classes = {} if kind == "clip" else {"add_class_token": False, "class_token_len": 0}  # as examples/multimodal/model.py has it
    return CLIPViTModel(config, get_vit_layer_with_local_spec(), patch_dim=image["patch_size"], img_h=image["image_size"], img_w=image["image_size"], model_subtype=kind, **classes)


def build_llava(args, tp):
    language, vision = config_of(args, tp, 1), vision_config(args.hf_vision_tower, tp)
    wanted = args.hf_vision_projector
    projector = copy.deepcopy(language)
    projector.ffn_hidden_size, projector.gated_linear_unit = wanted["projector_ffn_hidden_size"], False
    projector.activation_func = gpt_model.activation(SimpleNamespace(swiglu=False, squared_relu=False, openai_gelu=False, hf_activation=wanted["projector_activation"]))
    projector.add_bias_linear = wanted["projector_bias"]
    return LLaVAModel(
        language, decoder_model_with_local_default_spec(), args.padded_vocab_size, args.max_position_embeddings,
        vision, get_vit_layer_with_local_spec(), args.disable_vision_class_token,
        projector, MLPSubmodules(linear_fc1=ColumnParallelLinear, linear_fc2=RowParallelLinear),
        parallel_output=False, share_embeddings_and_output_weights=not args.untie_embeddings_and_output_weights,
        language_position_embedding_type=args.position_embedding_type, language_rotary_percent=args.rotary_percent,
        img_h=args.img_h, img_w=args.img_w, patch_dim=args.patch_dim, language_rotary_base=args.rotary_base,
        image_token_index=IMAGE)


def run_vit(model, args, golden):
    return model(torch.tensor(golden["pixels"]))


def run_llava(model, args, golden):
    """transformers' input has a token for every patch, the real model's has one for the image."""
    ids = torch.tensor(golden["ids"])
    first = (ids == args.hf_vision_projector["image_token_index"]).int().argmax(1)
    patches = int((ids[0] == args.hf_vision_projector["image_token_index"]).sum())
    short = torch.stack([torch.cat([row[:at], torch.tensor([IMAGE]), row[at + patches:]]) for row, at in zip(ids, first)])
    positions = torch.arange(short.shape[1])[None].expand(*short.shape)
    logits, _ = model(torch.tensor(golden["pixels"]), short, positions, None)
    return logits[..., : golden["wanted"].shape[-1]]


def run_text(model, args, golden):
    ids = torch.tensor(golden["ids"])
    return gpt_model.logits(model, args, ids)[..., : golden["wanted"].shape[-1]]


KINDS = {"vit": (build_vit, run_vit), "llava": (build_llava, run_llava), "text": (lambda args, tp: gpt_model.build(args, tp, 1), run_text)}


def run(case):
    shim.init_process_group()
    parallel_state.initialize_model_parallel(tensor_model_parallel_size=case["tp"])
    folder = iteration_folder(case["megatron"])
    case = {**case, "pp": 1}
    args = load_args(folder, case)
    build, compute = KINDS[case["kind"]]
    model = build(args, case["tp"]).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(float("nan"))  # a parameter that is not loaded must show
    load_weights(model, folder, case)
    golden = np.load(os.path.join(case["hf"], "golden.npz"))
    with torch.no_grad():
        out = compute(model, args, golden).float().numpy()
    wanted = golden["wanted"]
    assert np.isfinite(out).all() and out.shape == wanted.shape, f"{out.shape}, expected {wanted.shape}"
    error = float(np.abs(out - wanted).max() / np.abs(wanted).max())
    return {"name": case["name"], "ok": error <= TOLERANCE, "detail": f"differs by {error:.1e} of scale"}


def main():
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    for case in json.load(open(sys.argv[1])):
        if case["tp"] != world:
            continue
        try:
            with shim.CudaToCpu():
                result = run(case)
        except Exception as error:  # every rank goes on with the next case together
            result = {"name": case["name"], "ok": False, "detail": f"{type(error).__name__}: {str(error)[:800]}"}
        if rank == 0 or not result["ok"]:
            print("RESULT " + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
