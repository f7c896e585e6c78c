# SPDX-License-Identifier: Apache-2.0
"""Gemma 3 (text): --spec gemma3 layer_spec"""

from decoder_layers import NORM, decoder_layer_spec, gelu_tanh

layer_spec = decoder_layer_spec(post_norms=True, qk_norms=(NORM, NORM), gated_activation=gelu_tanh, rotary_base_local=10000)
