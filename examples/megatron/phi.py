# SPDX-License-Identifier: Apache-2.0
"""Phi-1, Phi-1.5, Phi-2 (microsoft/phi-2): --spec phi layer_spec"""

from decoder_layers import decoder_layer_spec
from gpt_model_ends import extend_gpt_model

layer_spec = decoder_layer_spec(parallel=True, shared_norm=True)
extend_gpt_model(output_layer_bias=True)
