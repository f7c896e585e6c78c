# SPDX-License-Identifier: Apache-2.0
"""Granite 3 with experts: --spec granite_moe layer_spec"""

from moe_layers import moe_layer_spec, multiply_residuals

layer_spec = moe_layer_spec(multiply_residuals)
