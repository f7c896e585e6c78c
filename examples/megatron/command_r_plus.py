# SPDX-License-Identifier: Apache-2.0
"""Command R+, Command R of August 2024: --spec command_r_plus layer_spec"""

from decoder_layers import decoder_layer_spec, key_norm_per_head, norm_without_bias, query_norm_per_head
from gpt_model_ends import extend_gpt_model

layer_spec = decoder_layer_spec(
    parallel=True, shared_norm=True, norm=norm_without_bias, qk_norms=(query_norm_per_head, key_norm_per_head)
)
extend_gpt_model(final_norm=norm_without_bias)
