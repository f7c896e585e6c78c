# SPDX-License-Identifier: Apache-2.0
"""Granite 3 (residual_multiplier 0.22 in all of its sizes): --spec granite layer_spec"""

from decoder_layers import decoder_layer_spec

layer_spec = decoder_layer_spec(residual_multiplier=0.22)
