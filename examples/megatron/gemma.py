# SPDX-License-Identifier: Apache-2.0
"""Gemma 1: --spec gemma layer_spec"""

from decoder_layers import decoder_layer_spec, gelu_tanh

layer_spec = decoder_layer_spec(gated_activation=gelu_tanh)
