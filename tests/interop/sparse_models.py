# SPDX-License-Identifier: Apache-2.0
"""Tiny models with DeepSeek sparse attention, for arch_moe.py. They choose fewer tokens than the prompts have, so that the judges
see what an indexer does; what is generated from has to see all of them."""

from transformers.models.glm_moe_dsa import modeling_glm_moe_dsa as glm

try:
    import sparse_attention
except ImportError:  # a megatron-core before 0.19
    sparse_attention = None

# transformers 5.12 pairs halves in GLM-5's indexer, whatever indexer_rope_interleave says; later ones pair neighbours, as the models
# were trained (huggingface/transformers#46842).
glm.apply_rotary_pos_emb = glm.apply_rotary_pos_emb_interleave

INDEXER = dict(index_n_heads=3, index_head_dim=8, index_topk=6)
LAYOUTS = ["dist1", "local_dist", "dist22", "te_ep2"]


def indexer_of_block(state):
    """A prediction block has one, also behind a last layer that does as the one before it."""
    third = "model.layers.2.self_attn.indexer."
    return {key.replace(third, "model.layers.4.self_attn.indexer."): 0.5 * value for key, value in state.items() if key.startswith(third)}


def models(entry, mla, with_mtp, add_mtp, correction):
    """The rows; the arguments are arch_moe.py's."""
    judge = dict(build=sparse_attention.build) if sparse_attention else dict(judge=None, absent="logits of sparse attention")

    def sparse(name, fields, **rest):
        same = dict(prepare=correction, generated=dict(index_topk=96))
        return entry(name + "Config", name + "ForCausalLM", dict(mla, **INDEXER, **fields), **same) | judge | dict(few=True, layouts=LAYOUTS) | rest

    yarn = dict(rope_parameters=dict(rope_theta=10000.0, rope_type="yarn", factor=4.0, original_max_position_embeddings=4096, mscale=1.0, mscale_all_dim=1.0, beta_fast=32.0, beta_slow=1.0))
    deepseek = dict(q_lora_rank=20, n_group=4, topk_group=2, num_experts=8)
    glm5 = dict(q_lora_rank=20, indexer_rope_interleave=True, rms_norm_eps=1e-6)
    mtp = dict(keys=lambda state: add_mtp({**state, **indexer_of_block(state)}, 4, True), config_json=with_mtp, repeats=("4.embed_tokens.weight", "shared_head.head.weight"), mlm=False)
    return {
        "deepseek_v32": sparse("DeepseekV32", dict(deepseek, **yarn)),
        "deepseek_v32_mtp": sparse("DeepseekV32", deepseek, **mtp) | dict(slow=True),
        "glm_moe_dsa": sparse("GlmMoeDsa", glm5, bridge=True, bridge_logits=True),
        "glm_moe_dsa_shared": sparse("GlmMoeDsa", dict(glm5, index_topk_freq=2, index_skip_topk_offset=2)),
        "glm_moe_dsa_mtp": sparse("GlmMoeDsa", dict(glm5, index_topk_freq=2, index_skip_topk_offset=1), bridge_logits=True, **mtp),
    }
