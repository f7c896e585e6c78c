# SPDX-License-Identifier: Apache-2.0
"""Baichuan 2 7B: --spec baichuan layer_spec"""

from decoder_layers import decoder_layer_spec
from gpt_model_ends import extend_gpt_model

layer_spec = decoder_layer_spec()
extend_gpt_model(normalized_rows=True)
