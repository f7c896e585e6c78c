# SPDX-License-Identifier: Apache-2.0
"""Gemma 2: --spec gemma2 layer_spec"""

from decoder_layers import capped_attention, decoder_layer_spec, gelu_tanh
from gpt_model_ends import extend_gpt_model

layer_spec = decoder_layer_spec(post_norms=True, gated_activation=gelu_tanh, core_attention=capped_attention(50.0))
extend_gpt_model(logit_cap=30.0)
