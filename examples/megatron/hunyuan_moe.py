# SPDX-License-Identifier: Apache-2.0
"""Hunyuan-A13B: --spec hunyuan_moe layer_spec"""

from moe_layers import moe_layer_spec, rotate_before_norms

layer_spec = moe_layer_spec(rotate_before_norms)
