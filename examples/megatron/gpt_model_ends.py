"""Parts of GPTModel that no layer spec reaches: a bias on the output layer, a final norm without bias. Megatron-Core has
no setting for them, so importing a spec that needs one changes how GPTModel is built."""

import torch
from megatron.core.models.gpt import gpt_model


def extend_gpt_model(output_layer_bias=False, final_norm=None):
    """Every GPTModel built from now on has these. `final_norm` is a builder like those of decoder_layers.py."""
    original = gpt_model.GPTModel.__init__
    if getattr(original, "extended", None) == (output_layer_bias, final_norm):
        return

    def build(self, config, *args, **kwargs):
        original(self, config, *args, **kwargs)
        if final_norm is not None and self.post_process:
            self.decoder.final_layernorm = final_norm(config, config.hidden_size, config.layernorm_epsilon)
        if output_layer_bias and self.post_process:
            layer = self.output_layer
            rows = layer.output_size_per_partition
            layer.bias = torch.nn.Parameter(torch.zeros(rows, dtype=config.params_dtype))
            layer.bias.tensor_model_parallel, layer.bias.partition_dim, layer.bias.partition_stride = True, 0, 1
            if torch.cuda.is_available() and not config.use_cpu_initialization:
                layer.bias.data = layer.bias.data.cuda()

    build.extended = (output_layer_bias, final_norm)
    gpt_model.GPTModel.__init__ = build
