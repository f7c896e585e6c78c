# SPDX-License-Identifier: Apache-2.0
"""Command R without norms on q and k, Aya 23, Command R7B: --spec cohere layer_spec"""

from decoder_layers import decoder_layer_spec, norm_without_bias
from gpt_model_ends import extend_gpt_model

layer_spec = decoder_layer_spec(parallel=True, shared_norm=True, norm=norm_without_bias)
extend_gpt_model(final_norm=norm_without_bias)
