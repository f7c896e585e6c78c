# SPDX-License-Identifier: Apache-2.0
"""Small random models that Megatron-LM's own parser and builder make, for fields_sweep.py. Import this first: it patches CUDA
away."""

import contextlib
import copy
import dataclasses
import io
import shlex
import sys
import warnings

import arch_mlm  # noqa: F401  (CUDA is patched away; norms and latent attention that a CPU can build)
import shim
import torch
from gpt_model import attention_mask
from megatron.core import parallel_state
from megatron.core.models.gpt import gpt_layer_specs
from megatron.core.process_groups_config import ProcessGroupCollection
from megatron.core.transformer.identity_op import IdentityOp
from megatron.training import argument_utils, global_vars
from megatron.training.arguments import parse_args, validate_args
from megatron.training.models.gpt import GPTModelBuilder, default_layer_spec

warnings.filterwarnings("ignore")
torch.set_num_threads(1)

VOCABULARY = 256
IDS = torch.randint(0, VOCABULARY // 2, (2, 17), generator=torch.Generator().manual_seed(1))

JOB = (
    "--transformer-impl local --micro-batch-size 1 --use-cpu-initialization --seq-length 64 --max-position-embeddings 64 --train-iters 1 --lr 1e-4 "
    "--tokenizer-type NullTokenizer --vocab-size 255 --no-persist-layer-norm --no-gradient-accumulation-fusion --no-masked-softmax-fusion "
    "--no-bias-swiglu-fusion --no-bias-dropout-fusion --no-rope-fusion --no-bias-gelu-fusion --distributed-backend gloo --make-vocab-size-divisible-by 1 "
    "--attention-dropout 0 --hidden-dropout 0 --num-layers 4 --hidden-size 64 --ffn-hidden-size 112 --num-attention-heads 8 ")
ROTARY = "--position-embedding-type rope --rotary-base 10000 --normalization RMSNorm --swiglu --disable-bias-linear --untie-embeddings-and-output-weights "
LLAMA = JOB + ROTARY + "--group-query-attention --num-query-groups 2 "
ROUTER = "--moe-token-dispatcher-type allgather --moe-router-load-balancing-type none --moe-ffn-hidden-size 24 "
EXPERTS = LLAMA + ROUTER + "--ffn-hidden-size 24 --num-experts 4 --moe-router-topk 2 "
LATENT = JOB + ROTARY + ROUTER + (
    "--multi-latent-attention --qk-layernorm --q-lora-rank 20 --kv-lora-rank 16 --qk-head-dim 8 --qk-pos-emb-head-dim 4 --v-head-dim 12 --rope-type rope "
    "--rotary-scaling-factor 1.0 --mscale 1.0 --mscale-all-dim 1.0 --num-experts 8 --moe-router-topk 4 --moe-router-num-groups 4 --moe-router-group-topk 2 "
    "--moe-router-score-function sigmoid --moe-router-enable-expert-bias --moe-shared-expert-intermediate-size 24 --moe-layer-freq ([0]+[1]*3) "
    "--moe-router-topk-scaling-factor 2.5 --moe-router-pre-softmax ")
SPARSE = LATENT + (
    "--experimental-attention-variant dsa --no-dsa-indexer-rotate-activation --dsa-indexer-n-heads 3 --dsa-indexer-head-dim 8 --dsa-indexer-topk 6 "
    "--dsa-indexer-rope-interleaved --dsa-indexer-k-norm-epsilon 1e-06 ")
FLAGS = {
    "llama": LLAMA,
    "gpt": JOB + "--position-embedding-type learned_absolute --openai-gelu ",
    "experts": EXPERTS,
    "shared": EXPERTS + "--moe-shared-expert-intermediate-size 40 --moe-shared-expert-gate ",
    "latent": LATENT,
    "sparse": SPARSE,
}


def quiet():
    stack = contextlib.ExitStack()
    stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
    stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
    return stack


def arguments(name):
    """Megatron-LM's completed arguments of a base."""
    sys.argv = ["x", *shlex.split(FLAGS[name])]
    global_vars.unset_global_variables()
    with quiet():
        args = parse_args()
        validate_args(args)
    args.padded_vocab_size = VOCABULARY
    return args


def start():
    shim.init_process_group()
    parallel_state.initialize_model_parallel()


def layer_spec(config):
    """As Megatron-LM's builder makes it with --transformer-impl local, and with the norms that settings of the model ask for:
    there it leaves them to TransformerEngine's."""
    transformer = config.transformer
    if transformer.num_moe_experts is not None or transformer.experimental_attention_variant is not None:
        return default_layer_spec(config, None)
    spec = gpt_layer_specs.get_gpt_layer_local_spec(
        None, False, transformer.qk_layernorm, transformer.multi_latent_attention, normalization=transformer.normalization, qk_l2_norm=transformer.qk_l2_norm)
    if transformer.multi_latent_attention and transformer.q_lora_rank is None:
        spec.submodules.self_attention.submodules.q_layernorm = IdentityOp
    return spec


def build(args, settings=None):
    """The model that Megatron-LM builds from `args`; `settings` replace what its configs then have, as Megatron-Bridge does
    with a run_config.yaml."""
    config = argument_utils.gpt_config_from_args(copy.deepcopy(args))
    object.__setattr__(config, "rope_scaling_factor", 1.0)  # Bridge's default (models/gpt_provider.py)
    for name, value in (settings or {}).items():
        if name in {field.name for field in dataclasses.fields(config)}:
            object.__setattr__(config, name, value)
        if name in {field.name for field in dataclasses.fields(config.transformer)}:  # Bridge's provider is both in one
            config.transformer = dataclasses.replace(config.transformer, **{name: value})
    if settings is None:
        config.rope_scaling_factor = args.rope_scaling_factor  # 0.19's builder forgets it, which `mhub convert` says
    config.transformer.use_cpu_initialization = True
    config.transformer.params_dtype = config.transformer.pipeline_dtype = torch.float32
    config.transformer_layer_spec = config.transformer_layer_spec or layer_spec(config)
    config.parallel_output = config.should_pad_vocab = False
    config.vocab_size = args.padded_vocab_size
    return GPTModelBuilder(config).build_model(ProcessGroupCollection.use_mpu_process_groups()).float().eval()


def randomize(model):
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1000 + sum(map(ord, name))))
        parameter.data = 1 + 0.2 * noise if "norm" in name and name.endswith("weight") else 0.15 * noise
    for name, buffer in model.named_buffers():
        if name.endswith("expert_bias"):
            buffer.copy_(0.1 * torch.randn(buffer.shape, generator=torch.Generator().manual_seed(len(name))))


def tensors(model):
    return {name: value for name, value in model.state_dict().items() if torch.is_tensor(value)}


def logits(model):
    rows, length = IDS.shape
    with torch.no_grad():
        return model(IDS, torch.arange(length)[None].expand(rows, length), attention_mask(length)).float()


def difference(found, wanted):
    """The largest deviation as a share of the largest logit."""
    count = min(found.shape[-1], wanted.shape[-1])
    return float((found[..., :count] - wanted[..., :count]).abs().max() / wanted.abs().max())
