# SPDX-License-Identifier: Apache-2.0
"""mhub's options of layouts as Megatron-LM's flags."""

OPTIONS = {
    "--tp": "--tensor-model-parallel-size", "--pp": "--pipeline-model-parallel-size", "--vpp": "--num-virtual-stages-per-pipeline-rank",
    "--ep": "--expert-model-parallel-size", "--etp": "--expert-tensor-parallel-size",
    "--first-stage-layers": "--decoder-first-pipeline-num-layers", "--last-stage-layers": "--decoder-last-pipeline-num-layers",
    "--account-for-embedding": "--account-for-embedding-in-pipeline-split", "--account-for-loss": "--account-for-loss-in-pipeline-split",
    "--pp-layout": "--pipeline-model-parallel-layout",
}
