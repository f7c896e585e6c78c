# SPDX-License-Identifier: Apache-2.0
"""Parts of GPTModel that no layer spec reaches: a bias on the output layer, rows of it scaled to length 1, capped logits, a
final norm without bias. Megatron-Core has no setting for them, so importing a spec that needs one changes how GPTModel is
built from then on."""

import torch
from megatron.core.models.gpt import gpt_model


def add_bias(layer, config):
    """A bias on a column-parallel layer that has none, split as its weight is."""
    device = None if layer.weight is None else layer.weight.device
    bias = torch.nn.Parameter(torch.zeros(layer.output_size_per_partition, dtype=config.params_dtype, device=device))
    bias.tensor_model_parallel, bias.partition_dim, bias.partition_stride = True, 0, 1
    layer.bias = bias


def change_forward(layer, normalized_rows, logit_cap):
    plain = layer.forward

    def forward(hidden, weight=None, **kwargs):
        if normalized_rows:
            weight = torch.nn.functional.normalize(layer.weight if weight is None else weight)
        logits, bias = plain(hidden, weight=weight, **kwargs)
        return (logits if logit_cap is None else logit_cap * torch.tanh(logits / logit_cap)), bias

    layer.forward = forward


def extend_gpt_model(output_layer_bias=False, normalized_rows=False, logit_cap=None, final_norm=None):
    """Every GPTModel built from now on has these. `final_norm` is a builder like those of decoder_layers.py."""
    original = gpt_model.GPTModel.__init__

    def build(self, config, *args, **kwargs):
        original(self, config, *args, **kwargs)
        if not self.post_process:
            return
        if final_norm is not None:
            self.decoder.final_layernorm = final_norm(config, config.hidden_size, config.layernorm_epsilon)
        if output_layer_bias:
            add_bias(self.output_layer, config)
        if normalized_rows or logit_cap is not None:
            change_forward(self.output_layer, normalized_rows, logit_cap)

    gpt_model.GPTModel.__init__ = build
