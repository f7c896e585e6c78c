# SPDX-License-Identifier: Apache-2.0
"""Falcon 7B, Falcon 2: one norm before attention and MLP: --spec falcon layer_spec"""

from decoder_layers import decoder_layer_spec

layer_spec = decoder_layer_spec(parallel=True, shared_norm=True)
