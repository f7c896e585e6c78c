# SPDX-License-Identifier: Apache-2.0
"""Hunyuan (dense): --spec hunyuan layer_spec"""

from decoder_layers import NORM, RotatedNormsAttention, decoder_layer_spec

layer_spec = decoder_layer_spec(qk_norms=(NORM, NORM), attention=RotatedNormsAttention)
