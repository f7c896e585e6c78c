# SPDX-License-Identifier: Apache-2.0
"""GLM-4-0414: --spec glm4 layer_spec"""

from decoder_layers import decoder_layer_spec

layer_spec = decoder_layer_spec(post_norms=True)
