# SPDX-License-Identifier: Apache-2.0
"""The tiny models whose facts are recorded, each in two spellings written by hand: transformers' config and Megatron-LM's
flags. Nothing here comes from mhub.

CASES maps a name to an entry (a dict):
    hf            (config class, model class, fields)
    flags         the model in Megatron-LM's flags
    te, local     layouts, in mhub's options, that are recorded with specs of TransformerEngine and with local ones
    refused       layouts that megatron-core refuses with specs of TransformerEngine
    te_flags      flags that only go with TransformerEngine's specs
    layout_flags  {layout: flags of Megatron-LM's that say the same where a map of options cannot}
    mtp           True: one multi-token-prediction block is published behind the last layer, as DeepSeek-V3's; "hybrid": as Nemotron 3's, with
                  an attention and a layer of experts
    published     the class and model_type of config.json, where transformers has no such class and `hf` names a stand-in
    bridge        True: Megatron-Bridge knows the class, and its provider is recorded
"""

import json

SMALL = dict(vocab_size=13, hidden_size=16, intermediate_size=12, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=96)
ATTENTION = "--hidden-size 16 --num-attention-heads 4 --group-query-attention --num-query-groups 2 --max-position-embeddings 96 --seq-length 96 --vocab-size 13 "
ROPE = "--position-embedding-type rope --rotary-base 10000 "
CALM = "--attention-dropout 0 --hidden-dropout 0 "
PLAIN = CALM + "--normalization RMSNorm --norm-epsilon 1e-06 --swiglu --disable-bias-linear "
UNTIED = "--untie-embeddings-and-output-weights "
LLAMA = ATTENTION + ROPE + PLAIN + "--ffn-hidden-size 12 --kv-channels 4 "

EXPERTS = dict(SMALL, head_dim=4, moe_intermediate_size=6, num_experts=4, num_experts_per_tok=2, norm_topk_prob=True)
QWEN3_MOE = LLAMA + UNTIED + "--num-layers 4 --qk-layernorm --num-experts 4 --moe-ffn-hidden-size 6 --moe-router-topk 2 --moe-aux-loss-coeff 0.001 "

LATENT = dict(SMALL, num_key_value_heads=4, moe_intermediate_size=6, n_routed_experts=4, num_experts_per_tok=2, n_group=2, topk_group=1, n_shared_experts=1,
              routed_scaling_factor=2.5, q_lora_rank=10, kv_lora_rank=8, qk_nope_head_dim=4, qk_rope_head_dim=2, v_head_dim=6, first_k_dense_replace=1)
DEEPSEEK = (
    "--hidden-size 16 --num-layers 4 --num-attention-heads 4 --max-position-embeddings 96 --seq-length 96 --vocab-size 13 --ffn-hidden-size 12 --qk-layernorm "
    + ROPE + PLAIN + UNTIED + "--multi-latent-attention --q-lora-rank 10 --kv-lora-rank 8 --qk-head-dim 4 --qk-pos-emb-head-dim 2 --v-head-dim 6 --rope-type rope "
    "--rotary-scaling-factor 1 --num-experts 4 --moe-ffn-hidden-size 6 --moe-router-topk 2 --moe-layer-freq [0,1,1,1] --moe-shared-expert-intermediate-size 6 "
    "--moe-router-score-function sigmoid --moe-router-enable-expert-bias --moe-router-num-groups 2 --moe-router-group-topk 1 --moe-router-topk-scaling-factor 2.5 "
    "--moe-router-dtype fp32 ")

HYBRID = dict(vocab_size=13, hidden_size=16, intermediate_size=12, num_attention_heads=4, num_key_value_heads=2, head_dim=4, max_position_embeddings=96, mamba_num_heads=4,
              mamba_head_dim=6, ssm_state_size=5, n_groups=2, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=6, moe_shared_expert_intermediate_size=8,
              layers_block_type=["mamba", "mlp", "mamba", "attention", "mamba", "moe"])
NEMOTRON_H = (
    ATTENTION + UNTIED + CALM + "--position-embedding-type none --normalization RMSNorm --norm-epsilon 1e-05 --squared-relu --disable-bias-linear --ffn-hidden-size 12 --kv-channels 4 "
    "--mamba-num-heads 4 --mamba-head-dim 6 --mamba-state-dim 5 --mamba-num-groups 2 --num-experts 4 --moe-ffn-hidden-size 6 --moe-router-topk 2 "
    "--moe-shared-expert-intermediate-size 8 --moe-router-score-function sigmoid --moe-router-enable-expert-bias --moe-router-dtype fp32 ")

GPT2 = ("--num-attention-heads 4 --hidden-size 16 --ffn-hidden-size 64 --kv-channels 4 --max-position-embeddings 24 --seq-length 24 --vocab-size 13 "
        "--position-embedding-type learned_absolute --normalization LayerNorm --norm-epsilon 1e-05 ")
GPT2_HF = ("GPT2Config", "GPT2LMHeadModel", dict(vocab_size=13, n_embd=16, n_layer=4, n_head=4, n_positions=24))


def block(heads=None, mult=None, linear_attention=False, linear_mlp=False):
    """An entry of block_configs; neither a size nor a linear layer: no such block."""
    return {"attention": {"n_heads_in_group": heads, "no_op": heads is None and not linear_attention, "replace_with_linear": linear_attention},
            "ffn": {"ffn_mult": mult, "no_op": mult is None and not linear_mlp, "replace_with_linear": linear_mlp}}


# 16 columns: 24 times 2/3 of them is 256. A layer of each kind, and one without tensors at a stage's end.
BLOCKS = [block(2, 24.0), block(), block(None, 48.0, linear_attention=True), block(2, linear_mlp=True)]
LLAMA3_SCALING = dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)
BLOCKS_JSON = json.dumps({"hidden_act": "silu", "num_hidden_layers": 4, "hidden_size": 16, "num_attention_heads": 4, "tie_word_embeddings": False, "rope_theta": 500000.0,
                          "rope_scaling": {"rope_type": "llama3", "factor": 8.0}, "block_configs": BLOCKS})


def llama(**fields):
    return ("LlamaConfig", "LlamaForCausalLM", {**SMALL, **fields})


# Pipeline layouts as strings, each with its stages, decoder layers and prediction blocks; some are good, some are not.
PIPELINES = [
    (text, stages, text.count("t"), text.count("m"))
    for stages in (1, 2, 3, 4)
    for text in ("EttL", "Et|tL", "Ett|L", "E|ttL", "Et|t|L", "E|t|t|L", "Et|L|t", "EL|tt", "Lt|tE", "tE|tL", "Et|Lt", "Et|tLL", "EEt|tL", "Et|t", "t|tL", "E||tt|L", "Et|tmL", "Et|t|mL",
                 "Et|t|m|L", "Etm|t|L", "Em|tt|L", "E|m|tt|L", "E|t|tm|L", "Et|mt|L", "Et|t|mmL", "Et|tm|mL", "Et|tm|m|L", "E|tm|t|L", "Ett|t|t|mL", "Et|t|t|tm|t|L", "Et|t|m|t|t|L",
                 "Et|t|t|t|m|L", "Et|t|t|t|L|t", "Et|x|tL", "")
] + [
    ("E(t|)*3L", 2, 3, 0), ("E(t|)*3L", 4, 3, 0), ("Et*2|t*2L", 2, 4, 0), ("Et*2,|,(t)*2,L", 2, 4, 0), ("Ett|ttL", 2, 3, 0), ("Ett|ttL", 2, 4, 1), ("Et|(tt|)*2m|L", 5, 5, 1),
    ("E|(t|t)*2|L", 5, 4, 0), ("Et*0|ttL", 2, 2, 0), ("E(tt|tL", 2, 3, 0), ("Et|t*L", 2, 2, 0),
]

CASES = {
    "llama": dict(
        hf=llama(), flags=LLAMA + UNTIED + "--num-layers 4", bridge=True,
        te=["", "--tp 2 --pp 2", "--pp 2 --vpp 2", "--pp 2 --first-stage-layers 1", "--pp 2 --last-stage-layers 1", "--pp 2 --pp-layout Et|tttL",
            "--pp 4 --pp-layout E|tt|tt|L", "--pp 2 --pp-layout E|tt|t|tL", "--tp 4"],
        local=["--tp 2 --pp 2", "--pp 2 --vpp 2", "--tp 4"]),
    "llama6": dict(
        hf=llama(num_hidden_layers=6), flags=LLAMA + UNTIED + "--num-layers 6",
        te=["--pp 4 --account-for-embedding --account-for-loss", "--pp 2 --vpp 2 --account-for-embedding --account-for-loss"], local=[]),
    "llama7_tied": dict(
        hf=llama(num_hidden_layers=7, tie_word_embeddings=True), flags=LLAMA + "--num-layers 7",
        te=["--pp 2 --account-for-loss", "--pp 4 --account-for-embedding"], local=["--pp 2 --account-for-embedding"]),
    "llama3": dict(
        hf=llama(rope_parameters=dict(rope_type="llama3", rope_theta=500000.0, factor=16.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)),
        flags=LLAMA.replace("10000", "500000") + UNTIED + "--num-layers 4 --use-rope-scaling --rope-scaling-factor 16", te=[""], local=[], bridge=True),
    "decilm": dict(
        hf=("LlamaConfig", "BlocksForCausalLM", {**SMALL, "rope_parameters": LLAMA3_SCALING, "block_configs": BLOCKS}), published=("DeciLMForCausalLM", "nemotron-nas"),
        flags=LLAMA.replace("10000", "500000").replace("--ffn-hidden-size 12", "--ffn-hidden-size 256") + UNTIED + "--num-layers 4 --use-rotary-position-embeddings --use-rope-scaling --rope-scaling-factor 8 --heterogeneous-layers-config-path config.json "
        f"--heterogeneous-layers-config-encoded-json '{BLOCKS_JSON}'",
        te=["", "--tp 2 --pp 2", "--pp 2"], local=["", "--tp 2 --pp 2"]),
    "qwen2_tied": dict(
        hf=("Qwen2Config", "Qwen2ForCausalLM", {**SMALL, "tie_word_embeddings": True}), flags=LLAMA + "--num-layers 4 --add-qkv-bias", bridge=True,
        te=["", "--tp 2 --pp 2", "--pp 2 --vpp 2"], local=["--tp 2 --pp 2", "--pp 4"]),
    "mistral": dict(
        hf=("MistralConfig", "MistralForCausalLM", {**SMALL, "head_dim": 4, "sliding_window": 5}), flags=LLAMA + UNTIED + "--num-layers 4 --window-size 4,0",
        te=[""], local=[], bridge=True),
    "nemotron": dict(
        hf=("NemotronConfig", "NemotronForCausalLM", {**SMALL, "head_dim": 4, "partial_rotary_factor": 0.5}),
        flags=ATTENTION + ROPE + UNTIED + CALM + "--num-layers 4 --ffn-hidden-size 12 --kv-channels 4 --init-method-std 0.0134 --rotary-percent 0.5 --normalization LayerNorm --norm-epsilon 1e-05 "
        "--apply-layernorm-1p --squared-relu --disable-bias-linear", te=["", "--pp 2"], local=["--tp 2"], bridge=True),
    "gpt2": dict(hf=GPT2_HF, flags=GPT2 + "--num-layers 4", te=["", "--tp 2 --pp 2"], local=["--pp 2 --vpp 2"]),
    "gpt2_hybrid": dict(
        hf=GPT2_HF, flags=GPT2, te=["--model-type hybrid", "--pp 2 --model-type hybrid"], local=[],
        layout_flags={"--model-type hybrid": "--hybrid-layer-pattern *-*-*-*-", "--pp 2 --model-type hybrid": "--hybrid-layer-pattern '*-*-|*-*-'"}),
    "llama_hybrid": dict(
        hf=llama(), flags=LLAMA + UNTIED, te=["--model-type hybrid", "--tp 2 --pp 2 --model-type hybrid"], local=[],
        layout_flags={"--model-type hybrid": "--hybrid-layer-pattern *-*-*-*-", "--tp 2 --pp 2 --model-type hybrid": "--hybrid-layer-pattern '*-*-|*-*-'"}),
    "qwen3_moe": dict(
        hf=("Qwen3MoeConfig", "Qwen3MoeForCausalLM", EXPERTS), flags=QWEN3_MOE, te_flags="--moe-grouped-gemm", bridge=True,
        te=["", "--ep 2", "--tp 2 --ep 2", "--tp 2 --ep 2 --etp 1", "--pp 2 --ep 2", "--pp 2 --vpp 2 --ep 2"], local=["", "--tp 2 --ep 2 --etp 1"]),
    "qwen3_moe_hybrid": dict(
        hf=("Qwen3MoeConfig", "Qwen3MoeForCausalLM", {**EXPERTS, "num_hidden_layers": 2}), flags=QWEN3_MOE.replace("--num-layers 4 ", ""), te_flags="--moe-grouped-gemm",
        te=["--model-type hybrid"], local=[], layout_flags={"--model-type hybrid": "--hybrid-layer-pattern *E*E"}),
    "qwen3_moe_mixed": dict(
        hf=("Qwen3MoeConfig", "Qwen3MoeForCausalLM", {**EXPERTS, "mlp_only_layers": [0, 2]}), flags=QWEN3_MOE + "--moe-layer-freq [0,1,0,1]", te_flags="--moe-grouped-gemm",
        te=["", "--pp 2 --ep 2", "--pp 2 --vpp 2"], local=[""]),
    "gpt_oss": dict(
        hf=("GptOssConfig", "GptOssForCausalLM", {**EXPERTS, "intermediate_size": 6, "num_local_experts": 4, "sliding_window": 5,
            "rope_parameters": dict(rope_type="yarn", rope_theta=150000.0, factor=32.0, beta_fast=32.0, beta_slow=1.0, truncate=False, original_max_position_embeddings=4096)}),
        flags=ATTENTION + UNTIED + CALM + "--num-layers 4 --ffn-hidden-size 6 --kv-channels 4 --normalization RMSNorm --norm-epsilon 1e-05 --quick-geglu --add-qkv-bias "
        "--activation-func-clamp-value 7 --glu-linear-offset 1 --softmax-type learnable --window-size 4,0 --window-attn-skip-freq [1,0,1,0] --num-experts 4 "
        "--moe-ffn-hidden-size 6 --moe-router-topk 2 --moe-aux-loss-coeff 0.001 --position-embedding-type yarn --rotary-base 150000 --rotary-scaling-factor 32 --mscale 1 --mscale-all-dim 0 "
        "--yarn-original-max-position-embeddings 4096 --yarn-beta-fast 32 --yarn-beta-slow 1 --no-yarn-correction-range-round-to-int",
        te_flags="--moe-grouped-gemm", te=["", "--tp 2 --etp 1"], local=[], refused=["--tp 2"], bridge=True),
    "deepseek_v3": dict(
        hf=("DeepseekV3Config", "DeepseekV3ForCausalLM", LATENT), flags=DEEPSEEK, te_flags="--moe-grouped-gemm", bridge=True,
        te=["", "--tp 2", "--pp 2 --ep 2"], local=["", "--pp 2", "--tp 2"]),
    "deepseek_mtp": dict(
        hf=("DeepseekV3Config", "DeepseekV3ForCausalLM", {**LATENT, "first_k_dense_replace": 3}),
        flags=DEEPSEEK.replace("[0,1,1,1]", "[0,0,0,1]") + "--mtp-num-layers 1", te_flags="--moe-grouped-gemm", mtp=True,
        te=["", "--tp 2 --pp 2", "--pp 2 --vpp 2", "--pp 2 --pp-layout Ett|ttmL", "--pp 3 --pp-layout Ett|tt|mL", "--pp 2 --pp-layout Etttt|mL",
            "--pp 4 --pp-layout Ett|tt|m|L"],
        local=["--pp 2"]),
    "glm_moe_dsa": dict(
        hf=("GlmMoeDsaConfig", "GlmMoeDsaForCausalLM", {**LATENT, "rms_norm_eps": 1e-6, "index_n_heads": 3, "index_head_dim": 4, "index_topk": 5, "index_topk_freq": 2,
            "index_skip_topk_offset": 1, "indexer_rope_interleave": True}),
        flags=DEEPSEEK + "--experimental-attention-variant dsa --no-dsa-indexer-rotate-activation --dsa-indexer-n-heads 3 --dsa-indexer-head-dim 4 --dsa-indexer-topk 5 "
        "--dsa-indexer-topk-freq 2 --dsa-indexer-skip-topk-offset 1 --dsa-indexer-rope-interleaved --dsa-indexer-k-norm-epsilon 1e-06",
        te_flags="--moe-grouped-gemm", te=["", "--tp 2", "--pp 2 --ep 2"], local=[], bridge=True),
    "deepseek_v32_hybrid": dict(
        hf=("DeepseekV32Config", "DeepseekV32ForCausalLM", {**LATENT, "num_hidden_layers": 2, "num_experts": 4, "index_n_heads": 3, "index_head_dim": 4, "index_topk": 5}),
        flags=DEEPSEEK.replace("--num-layers 4 ", "").replace("--moe-layer-freq [0,1,1,1] ", "") + "--no-dsa-indexer-rotate-activation --dsa-indexer-n-heads 3 "
        "--dsa-indexer-head-dim 4 --dsa-indexer-topk 5 --dsa-indexer-k-norm-epsilon 1e-06 --experimental-attention-variant dsa", te_flags="--moe-grouped-gemm",
        te=["--model-type hybrid"], local=[], layout_flags={"--model-type hybrid": "--hybrid-layer-pattern D-DE"}),
    "qwen3_next": dict(
        hf=("Qwen3NextConfig", "Qwen3NextForCausalLM", {**EXPERTS, "shared_expert_intermediate_size": 8, "linear_key_head_dim": 4, "linear_value_head_dim": 6,
            "linear_num_key_heads": 2, "linear_num_value_heads": 4}),
        flags=LLAMA + UNTIED + "--num-layers 4 --rotary-percent 0.25 --qk-layernorm --apply-layernorm-1p --attention-output-gate --num-experts 4 --moe-ffn-hidden-size 6 "
        "--moe-router-topk 2 --moe-aux-loss-coeff 0.001 --moe-shared-expert-intermediate-size 8 --moe-shared-expert-gate --experimental-attention-variant gated_delta_net "
        "--linear-attention-freq [1,1,1,0] --linear-conv-kernel-dim 4 --linear-key-head-dim 4 --linear-value-head-dim 6 --linear-num-key-heads 2 --linear-num-value-heads 4",
        te_flags="--moe-grouped-gemm", te=["", "--tp 2"], local=[]),
    "nemotron_h_mtp": dict(
        hf=("NemotronHConfig", "NemotronHForCausalLM", {**HYBRID, "moe_latent_size": 10}), flags=NEMOTRON_H + "--moe-latent-size 10 ", te_flags="--moe-grouped-gemm", mtp="hybrid",
        te=["", "--tp 2", "--pp 2", "--ep 2"], local=[],
        layout_flags={**{layout: "--hybrid-layer-pattern M-M*ME/*E" for layout in ("", "--tp 2", "--ep 2")}, "--pp 2": "--hybrid-layer-pattern 'M-M|*ME/*E'"}),
    "nemotron_h": dict(
        hf=("NemotronHConfig", "NemotronHForCausalLM", HYBRID), flags=NEMOTRON_H, te_flags="--moe-grouped-gemm",
        te=["", "--tp 2", "--pp 2", "--ep 2"], local=[],
        layout_flags={**{layout: "--hybrid-layer-pattern M-M*ME" for layout in ("", "--tp 2", "--ep 2")}, "--pp 2": "--hybrid-layer-pattern 'M-M|*ME'"}),
}
