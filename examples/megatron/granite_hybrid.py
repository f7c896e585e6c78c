# SPDX-License-Identifier: Apache-2.0
"""Granite 4 with Mamba-2 layers (residual_multiplier 0.22 in all of its sizes), a HybridModel: --spec granite_hybrid layer_spec"""

from hybrid_layers import multiplied_residuals
from megatron.core.models.hybrid.hybrid_layer_specs import hybrid_stack_spec

layer_spec = multiplied_residuals(hybrid_stack_spec, 0.22)
