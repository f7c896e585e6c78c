# SPDX-License-Identifier: Apache-2.0
"""Generation against transformers and llama.cpp on two threads: $(tests/python_env.sh) generate_vs_peers.py MHUB SCRATCH [RUNS].

A Llama of 1.2 billion random bfloat16 weights: prefill of 128 tokens and decode, each peer in its own process, in turn.
transformers: torch bfloat16, eager attention, after a warm-up, the best of three prefills and two decodes; llama.cpp and mhub: the
best of two, mhub's in a process each, before and behind the peer. Each run also measures how fast memory can be read, the
bound of any decoding that reads all weights for a token. llama.cpp: through the package xllamacpp, whose wheel
carries it, from a bfloat16 GGUF; a peer that is not installed is reported as missing. Then memory, and the time from
starting a process to the first token of a small model, imports included. Prints figures and ratios; nothing is asserted.
"""

import importlib.util
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time

THREADS, PROMPT, NEW = 2, 128, 33
LARGE = dict(hidden_size=2048, num_hidden_layers=16, intermediate_size=8192, vocab_size=128256, num_attention_heads=32, num_key_value_heads=8)
SMALL = dict(hidden_size=576, num_hidden_layers=30, intermediate_size=1536, vocab_size=49152, num_attention_heads=9, num_key_value_heads=3)


def make_folder(folder, shape):
    import torch
    import transformers

    config = transformers.LlamaConfig(**json.loads(shape), tie_word_embeddings=True, max_position_embeddings=4096, rms_norm_eps=1e-5)
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM._from_config(config, dtype=torch.bfloat16)
    for parameter in model.parameters():
        parameter.data.normal_(1.0 if parameter.dim() == 1 else 0.0, 0.02)
    model.save_pretrained(folder)


def make_gguf(folder, path):
    """The folder as GGUF; llama.cpp wants the rotated halves of q and k as neighbours."""
    import gguf
    import torch
    from safetensors import safe_open

    config = json.load(open(os.path.join(folder, "config.json")))
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(groups)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    # llama.cpp's server wants a vocabulary even for prompts of token numbers: the 256 bytes and made-up words.
    count = config["vocab_size"]
    writer.add_tokenizer_model("llama")
    words = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    writer.add_token_list(words + [f"word{k}" for k in range(len(words), count)])
    writer.add_token_scores([0.0] * count)
    kinds = [gguf.TokenType.UNKNOWN] + [gguf.TokenType.CONTROL] * 2 + [gguf.TokenType.BYTE] * 256
    writer.add_token_types(kinds + [gguf.TokenType.NORMAL] * (count - len(kinds)))
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    with safe_open(os.path.join(folder, "model.safetensors"), "pt") as file:
        for name in file.keys():
            tensor = file.get_tensor(name)
            if "q_proj" in name or "k_proj" in name:
                count = heads if "q_proj" in name else groups
                tensor = tensor.view(count, 2, -1, tensor.shape[1]).transpose(1, 2).reshape(tensor.shape)
            target = names.get_name(name, try_suffixes=(".weight",))
            if tensor.dim() == 1:
                writer.add_tensor(target, tensor.float().numpy())
            else:
                writer.add_tensor(target, tensor.contiguous().view(torch.uint8).numpy(), raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def prompt_of(vocabulary):
    generator = random.Random(1)
    return [generator.randrange(1, vocabulary) for _ in range(PROMPT)]


# Each peer prints {"prefill": seconds, "decode": tokens per second}.


def peer_transformers(folder):
    import torch
    import transformers

    torch.set_num_threads(THREADS)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation="eager").eval()
    ids = torch.tensor([prompt_of(model.config.vocab_size)])

    def run(count):
        start = time.perf_counter()
        model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count, min_new_tokens=count, pad_token_id=0)
        return time.perf_counter() - start

    run(1)
    first = min(run(1) for _ in range(3))
    return {"prefill": first, "decode": (NEW - 1) / (min(run(NEW) for _ in range(2)) - first)}


def peer_llama_cpp(path):
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    params.n_ctx, params.n_parallel, params.warmup = 512, 1, True
    server = xllamacpp.Server(params)
    vocabulary = LARGE["vocab_size"]
    best = {"prefill": float("inf"), "decode": 0.0}
    for _ in range(2):
        answer = server.handle_completions({"prompt": prompt_of(vocabulary), "n_predict": NEW, "temperature": 0.0, "ignore_eos": True, "cache_prompt": False})
        timings = (json.loads(answer) if isinstance(answer, str) else answer)["timings"]
        best["prefill"] = min(best["prefill"], timings["prompt_ms"] / 1000)
        best["decode"] = max(best["decode"], timings["predicted_per_second"])
    return best


def peer_bandwidth():
    """GB/s of reading memory once, which bounds decoding: torch's sum over 1.2 GB."""
    import torch

    torch.set_num_threads(THREADS)
    values = torch.zeros(300_000_000)
    values.sum()
    start = time.perf_counter()
    for _ in range(5):
        values.sum()
    return {"read": 5 * 1.2 / (time.perf_counter() - start)}


def peer_first_token(folder):
    import torch
    import transformers

    torch.set_num_threads(THREADS)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation="eager")
    model.generate(torch.tensor([[1, 2, 3, 4, 5]]), attention_mask=torch.ones(1, 5), do_sample=False, max_new_tokens=1, pad_token_id=0)
    return {}


def run_peer(name, *arguments):
    """In a process of its own; also keeps this one small, whose memory counts at the start of a child."""
    environment = dict(os.environ, HF_HUB_OFFLINE="1", OMP_NUM_THREADS=str(THREADS))
    run = subprocess.run([sys.executable, os.path.abspath(__file__), "--peer", name, *arguments], capture_output=True, text=True, env=environment)
    lines = [line for line in run.stdout.splitlines() if line.startswith("PEER ")]
    if run.returncode != 0 or not lines:
        raise RuntimeError(f"{name}: {(run.stderr or run.stdout).strip()[-300:]}")
    return json.loads(lines[-1][len("PEER "):])


def run_mhub(binary, folder, tokens, count):
    command = [binary, "generate", folder, "--tokens", ",".join(map(str, tokens)), "--max-new-tokens", str(count), "--temperature", "0", "--ignore-eos", "--threads", str(THREADS), "--json"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {"prefill": report["prefill_seconds"], "decode": report["decode_tokens_per_second"], "backend": report["backend"]}


def peak_megabytes(command):
    """The largest resident set of a command, in MB."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    return os.wait4(process.pid, 0)[2].ru_maxrss / 1000


def throughput(binary, folder, gguf_path, runs):
    gigabytes = os.path.getsize(os.path.join(folder, "model.safetensors")) / 1e9
    peers = {"transformers": folder, "llama.cpp": gguf_path}
    if gguf_path is None:
        del peers["llama.cpp"]
        print("llama.cpp: missing (pip install xllamacpp gguf)")
    ratios = {name: {"decode": [], "prefill": []} for name in peers}
    for turn in range(runs):
        # Memory's speed changes from one half minute to the next, so a peer is compared with what ran around it.
        before = run_mhub(binary, folder, prompt_of(LARGE["vocab_size"]), NEW)
        read = run_peer("bandwidth")["read"]
        line = f"run {turn + 1}: a sum reads {read:.0f} GB/s"
        for name, argument in peers.items():
            theirs = run_peer(name, argument)
            after = run_mhub(binary, folder, prompt_of(LARGE["vocab_size"]), NEW)
            ours = {"prefill": min(before["prefill"], after["prefill"]), "decode": max(before["decode"], after["decode"])}
            line += f"; {name} {theirs['prefill']:.3f} s, {theirs['decode']:.1f} tokens/s, mhub around it {ours['prefill']:.3f} s, {ours['decode']:.1f} tokens/s ({ours['decode'] * gigabytes:.0f} GB/s)"
            ratios[name]["decode"].append(ours["decode"] / theirs["decode"])
            ratios[name]["prefill"].append(theirs["prefill"] / ours["prefill"])
            before = after
        print(line, flush=True)
    print(f"mhub runs on {before['backend']}")
    for name, found in ratios.items():
        for what, values in found.items():
            print(f"{what} speed over {name}: median {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")


def first_token(binary, folder, runs):
    ratios = []
    for _ in range(runs):
        start = time.perf_counter()
        run_mhub(binary, folder, [1, 2, 3, 4, 5], 1)
        ours = time.perf_counter() - start
        start = time.perf_counter()
        run_peer("first_token", folder)
        theirs = time.perf_counter() - start
        ratios.append(ours / theirs)
        print(f"first token of a 135M model from a cold start: mhub {ours:.3f} s, transformers {theirs:.2f} s, ratio {ours / theirs:.3f}", flush=True)
    print(f"first token: median ratio {statistics.median(ratios):.3f}")


def main():
    binary, scratch = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    large, small, gguf_path = (os.path.join(scratch, name) for name in ("generate-1b", "generate-135m", "generate-1b.gguf"))
    for folder, shape in ((large, LARGE), (small, SMALL)):
        if not os.path.exists(os.path.join(folder, "model.safetensors")):
            shutil.rmtree(folder, ignore_errors=True)
            run_peer("make_folder", folder, json.dumps(shape))
    if importlib.util.find_spec("xllamacpp") is None or importlib.util.find_spec("gguf") is None:
        gguf_path = None
    elif not os.path.exists(gguf_path):
        run_peer("make_gguf", large, gguf_path)
    throughput(binary, large, gguf_path, runs)
    tokens = ",".join(map(str, prompt_of(LARGE["vocab_size"])))
    peak = peak_megabytes([binary, "generate", large, "--tokens", tokens, "--max-new-tokens", str(NEW), "--threads", str(THREADS)])
    size = os.path.getsize(os.path.join(large, "model.safetensors")) / 1e6
    print(f"peak memory: {peak:.0f} MB for {size:.0f} MB of weights, {peak - size:+.0f} MB")
    first_token(binary, small, runs)


if __name__ == "__main__":
    if sys.argv[1] == "--peer":
        peers = {"transformers": peer_transformers, "llama.cpp": peer_llama_cpp, "bandwidth": peer_bandwidth, "first_token": peer_first_token, "make_folder": make_folder, "make_gguf": make_gguf}
        result = peers[sys.argv[2]](*sys.argv[3:])
        print("PEER " + json.dumps(result), flush=True)
        os._exit(0)  # xllamacpp's server threads do not end by themselves
    main()
