# SPDX-License-Identifier: Apache-2.0
"""ERNIE 4.5 with experts: --spec ernie_moe layer_spec"""

from moe_layers import moe_layer_spec, correct_softmax

layer_spec = moe_layer_spec(correct_softmax)
