# SPDX-License-Identifier: Apache-2.0
"""Apertus: --spec apertus layer_spec"""

from decoder_layers import NORM, XIELU, decoder_layer_spec

layer_spec = decoder_layer_spec(qk_norms=(NORM, NORM), activation=XIELU)
