# SPDX-License-Identifier: Apache-2.0
"""GPT-NeoX, Pythia, Falcon 40B and 180B: a norm each before attention and MLP: --spec gpt_neox layer_spec"""

from decoder_layers import decoder_layer_spec

layer_spec = decoder_layer_spec(parallel=True)
