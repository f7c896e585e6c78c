# SPDX-License-Identifier: Apache-2.0
"""EXAONE 4: --spec exaone4 layer_spec"""

from decoder_layers import NORM, decoder_layer_spec

layer_spec = decoder_layer_spec(pre_norms=False, post_norms=True, qk_norms=(NORM, NORM))
