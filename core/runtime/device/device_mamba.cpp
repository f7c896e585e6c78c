// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/device/device_recurrence.hpp"
#include "mhub/runtime/device/sequence_states.hpp"

namespace mhub::runtime {

void DeviceRecurrence::mamba(const MambaMixer& mixer, Matrix in, std::span<const Segment> segments,
                             Matrix out) {
  const std::int64_t channels = mixer.channels(), inner = mixer.inner();
  const SequenceStates states =
      find_states(device_, scratch_, run_, segments, in.rows,
                  {(mixer.kernel - 1) * channels, mixer.heads * mixer.state_dim * mixer.head_dim});
  const Matrix gates = in.slice_columns(0, inner), convolved_in = in.slice_columns(inner, channels),
               steps = in.slice_columns(inner + channels, mixer.heads);
  const auto bytes = static_cast<std::size_t>(in.rows * channels) * sizeof(float);
  const Matrix mixed{static_cast<float*>(scratch_.get("convolved", bytes)), in.rows, channels, channels};
  device_.launch(ConvolveKernel{convolved_in, constants_.get(mixer.convolution), 1, channels,
                                constants_.get(mixer.convolution_bias), mixer.kernel, states.segments,
                                states.segment_of_row, mixed});
  if (mixer.kernel > 1)
    device_.launch(KeepInputsKernel{convolved_in, mixer.kernel - 1, states.segments, states.count});
  device_.launch(ScanKernel{mixer.heads, mixer.groups, mixer.head_dim, mixer.state_dim,
                            constants_.get(mixer.rate), constants_.get(mixer.dt_bias),
                            constants_.get(mixer.skip), mixed, steps, states.segments, states.count, out});
  device_.launch(GateAndNormKernel{mixer.norm.kind, static_cast<float>(mixer.norm.epsilon),
                                   constants_.get(mixer.norm.weight), inner / mixer.groups, gates, out});
}

}  // namespace mhub::runtime
