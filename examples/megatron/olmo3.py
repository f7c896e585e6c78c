# SPDX-License-Identifier: Apache-2.0
"""OLMo 3: --spec olmo3 layer_spec"""

from decoder_layers import decoder_layer_spec, key_norm, query_norm

layer_spec = decoder_layer_spec(
    pre_norms=False, post_norms=True, qk_norms=(query_norm, key_norm), rotary_base_local=500000
)
