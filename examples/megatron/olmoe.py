# SPDX-License-Identifier: Apache-2.0
"""OLMoE, MiniMax-M2: --spec olmoe layer_spec"""

from moe_layers import moe_layer_spec, normalize_over_heads

layer_spec = moe_layer_spec(normalize_over_heads)
