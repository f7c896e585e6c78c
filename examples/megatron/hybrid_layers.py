# SPDX-License-Identifier: Apache-2.0
"""Layers of a HybridModel that Megatron-Core has no setting for: a multiplier on what they add. Its own stack stays as it is but
for the sum of a layer's output and the residual, so all parameters keep their names."""

import copy

from megatron.core.fusions.fused_bias_dropout import get_bias_dropout_add

SUMS = ("mamba_bda", "self_attn_bda", "mlp_bda")


def multiplied_sum(multiplier):
    """bias_dropout_add of the multiplied output."""

    def get(training, fused):
        add = get_bias_dropout_add(training, fused)

        def run(output_with_bias, residual, dropout):
            output, bias = output_with_bias
            return add((output * multiplier, None if bias is None else bias * multiplier), residual, dropout)

        return run

    return get


def multiplied_residuals(stack, multiplier):
    """The spec of a HybridStack of which every layer's output is multiplied."""
    changed = copy.copy(stack)
    changed.submodules = copy.copy(stack.submodules)
    for kind, layer in vars(stack.submodules).items():
        parts = copy.copy(getattr(layer, "submodules", None))
        sums = [name for name in SUMS if getattr(parts, name, None) is get_bias_dropout_add]
        if not sums:
            continue
        for name in sums:
            setattr(parts, name, multiplied_sum(multiplier))
        layer = copy.copy(layer)
        layer.submodules = parts
        setattr(changed.submodules, kind, layer)
    return changed
