# SPDX-License-Identifier: Apache-2.0
"""Tiny models with Mamba-2 mixers beside NemotronH's, for arch_moe.py, and what transformers 5.12 computes otherwise than the models
that were published; changes its classes when it is imported."""

from gpt_model import build
from transformers.models.bamba import modeling_bamba
from transformers.models.glm.modeling_glm import GlmRotaryEmbedding
from transformers.models.granitemoehybrid import modeling_granitemoehybrid
from transformers.models.mamba2 import modeling_mamba2
from transformers.models.zamba2.modeling_zamba2 import Zamba2RMSNormGated

# Half of a head rotates, says BambaConfig, and so it is in transformers 4 and with every scaling; 5.12 forgets it without one
# (modeling_bamba.py, compute_default_rope_parameters).
modeling_bamba.BambaRotaryEmbedding.compute_default_rope_parameters = staticmethod(GlmRotaryEmbedding.compute_default_rope_parameters)


def normalize_by_group(mixer):
    """The gated norm is of each group on its own: in mamba_ssm (mamba2.py), in its kernel that transformers trains with, in
    MambaMixer, and in transformers' own Zamba2 and NemotronH. transformers' torch path of these mixers norms all groups together."""
    plain = mixer.__init__

    def init(self, config, *args, **kwargs):
        plain(self, config, *args, **kwargs)
        if self.n_groups > 1:
            self.norm = Zamba2RMSNormGated(self.intermediate_size, self.intermediate_size // self.n_groups, eps=self.layer_norm_epsilon)

    mixer.__init__ = init


for one in (modeling_bamba.BambaMixer, modeling_granitemoehybrid.GraniteMoeHybridMambaLayer, modeling_mamba2.Mamba2Mixer):
    normalize_by_group(one)

SIZES = dict(vocab_size=203, hidden_size=48, intermediate_size=88, num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=2, max_position_embeddings=96,
             mamba_n_heads=8, mamba_d_state=5, mamba_n_groups=2)
# One group cannot be split over tensor-parallel ranks (mamba_mixer.py).
SPLIT = ["dist1", "dist22", "te222"]
WHOLE = ["dist1", "dist_pp2"]
EXPERTS = ["dist1", "local_dist", "dist22", "ep2", "te_ep2"]
BAMBA = dict(SIZES, attn_layer_indices=[1])
GRANITE = dict(SIZES, layer_types=["mamba", "attention", "mamba", "mamba"], shared_intermediate_size=56, num_local_experts=0, embedding_multiplier=12.0,
               residual_multiplier=0.22, attention_multiplier=0.3, logits_scaling=6.0, rms_norm_eps=1e-5)
MAMBA2 = dict(vocab_size=203, hidden_size=64, num_hidden_layers=4, num_heads=8, head_dim=16, state_size=5, n_groups=2)


def models(judge):
    """The rows; `judge` is what their judge adds to a row."""

    def entry(name, fields, **rest):
        spec = dict(judge="spec") if "spec" in rest and "build" in judge else {}
        return dict(config=name + "Config", model=name + "ForCausalLM", fields=fields, mlm=False) | judge | spec | rest

    return {
        "bamba": entry("Bamba", BAMBA, dtype="bfloat16", layouts=SPLIT, build_module="mamba"),
        "bamba_one_group": entry("Bamba", dict(BAMBA, mamba_n_groups=1, attn_layer_indices=[0, 3], tie_word_embeddings=True), few=True, layouts=WHOLE),
        "mamba2": entry("Mamba2", MAMBA2, layouts=SPLIT, build_module="mamba"),
        "mamba2_one_group": entry("Mamba2", dict(MAMBA2, n_groups=1, tie_word_embeddings=True), dtype="bfloat16", few=True, layouts=WHOLE),
        "granite_hybrid": entry("GraniteMoeHybrid", dict(GRANITE, num_local_experts=4, intermediate_size=24, position_embedding_type="nope"), dtype="bfloat16", layouts=EXPERTS, judged="local_dist", spec="granite_hybrid"),
        "granite_hybrid_dense": entry("GraniteMoeHybrid", dict(GRANITE, position_embedding_type="rope", tie_word_embeddings=True), layouts=SPLIT, build_module="mamba", spec="granite_hybrid"),
        "granite_hybrid_attention": entry("GraniteMoeHybrid", dict(GRANITE, layer_types=["attention"] * 4, position_embedding_type="rope"), twin=True, few=True, layouts=["dist1", "dist22"], judge="spec", spec="granite", build=build, mlm=True),
    }
