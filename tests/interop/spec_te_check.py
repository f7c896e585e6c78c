# SPDX-License-Identifier: Apache-2.0
"""The layer specs of examples/megatron over TransformerEngine: spec_te_check.py MHUB SCRATCH [NAMES]

What a spec's layer asks a torch_dist checkpoint for must be what mhub wrote, tensors and module objects (FP8 states): with its
default strictness Megatron ends at a key that is not there. TransformerEngine itself needs a GPU; tests/golden/fake_te.py stands in
for it, with the parameters and objects of the real modules. The models are those of arch_dense.py."""

import json
import os
import pickle
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LAYER = "decoder.layers."


def asked(name, args):
    """The layer's keys, behind the layer's number; runs in a process of its own, over the stand-in."""
    sys.path[:0] = [os.path.join(HERE, "..", "golden"), os.path.join(HERE, "..", "..", "examples", "megatron")]
    import fake_te

    fake_te.install()
    import importlib

    import mlm_load  # noqa: F401  (patches CUDA away)
    import torch
    from megatron.core import parallel_state
    from megatron.core.dist_checkpointing.mapping import ShardedObject, ShardedTensor, ShardedTensorFactory
    from megatron.core.transformer.spec_utils import build_module
    from megatron.core.transformer.transformer_config import TransformerConfig
    from torch.testing._internal.distributed.fake_pg import FakeStore

    torch.distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=1)
    parallel_state.initialize_model_parallel(create_gloo_process_groups=False)
    config = TransformerConfig(
        num_layers=2, hidden_size=args["hidden_size"], num_attention_heads=args["num_attention_heads"], num_query_groups=args["num_query_groups"],
        kv_channels=args["kv_channels"], ffn_hidden_size=args["ffn_hidden_size"], normalization=args["normalization"],
        add_bias_linear=args["add_bias_linear"], add_qkv_bias=args["add_qkv_bias"], gated_linear_unit=args["swiglu"], qk_layernorm=args["qk_layernorm"],
        use_cpu_initialization=True, persist_layer_norm=False)
    layer = build_module(importlib.import_module(name).layer_spec, config=config, layer_number=1)
    keys = set()

    def gather(value):
        if isinstance(value, dict):
            for one in value.values():
                gather(one)
        elif isinstance(value, (list, tuple)):
            for one in value:
                gather(one)
        elif isinstance(value, ShardedTensorFactory):
            gather(value.build())
        elif isinstance(value, (ShardedTensor, ShardedObject)):
            keys.add(value.key)

    gather(layer.sharded_state_dict(prefix=LAYER))
    return sorted(keys)


def written(folder):
    """The keys in layers that a checkpoint has, and its args."""
    import torch

    iteration = os.path.join(folder, "release")
    metadata = pickle.load(open(os.path.join(iteration, ".metadata"), "rb"))
    args = vars(torch.load(os.path.join(iteration, "common.pt"), weights_only=False)["args"])
    keys = {re.sub(r"/shard_\d+_\d+$", "", key) for key in metadata.state_dict_metadata if key.startswith(LAYER)}
    return keys, {key: value for key, value in args.items() if isinstance(value, (bool, int, float, str))}


def main(binary, scratch, names):
    import arch_dense
    import architectures

    failures = checked = 0
    for name, entry in arch_dense.MODELS.items():
        if entry.get("judge") != "spec" or entry["spec"] in ("llama4", "baichuan") or (names and name not in names):
            continue
        hf, out = os.path.join(scratch, name), os.path.join(scratch, name + "-te")
        architectures.make(name, entry, hf)
        run = subprocess.run([binary, "convert", hf, out, "--to", "torch_dist", "--overwrite"], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        keys, args = written(out)
        job = subprocess.run([sys.executable, __file__, "--asked", entry["spec"], json.dumps(args)], capture_output=True, text=True)
        assert job.returncode == 0, job.stderr[-3000:]
        wanted = set(json.loads(job.stdout.splitlines()[-1]))
        missing = sorted(wanted - keys)
        unread = sorted(key for key in keys - wanted if not key.endswith("_extra_state"))
        checked += 1
        failures += bool(missing or unread)
        print(f"{'FAIL' if missing or unread else 'ok  '} {name}: {len(wanted)} keys" + (f"; not there: {missing}" if missing else "") + (f"; not read: {unread}" if unread else ""), flush=True)
    print(f"{checked} models, {failures} failures")
    return bool(failures) or checked == 0


if sys.argv[1] == "--asked":
    print(json.dumps(asked(sys.argv[2], json.loads(sys.argv[3]))))
else:
    os.makedirs(sys.argv[2], exist_ok=True)
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]))
