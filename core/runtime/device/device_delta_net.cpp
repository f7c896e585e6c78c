// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "mhub/runtime/device/device_recurrence.hpp"
#include "mhub/runtime/device/sequence_states.hpp"

namespace mhub::runtime {

void DeviceRecurrence::delta_net(const DeltaNet& net, Matrix in, std::span<const Segment> segments,
                                 Matrix out) {
  const std::int64_t channels = 2 * net.keys() + net.values();
  const SequenceStates states =
      find_states(device_, scratch_, run_, segments, in.rows,
                  {(net.kernel - 1) * channels, net.value_heads * net.key_dim * net.value_dim});
  const Matrix convolved_in = in.slice_columns(0, channels);
  const Matrix gates = in.slice_columns(channels, net.values());
  const Matrix betas = in.slice_columns(channels + net.values(), net.value_heads);
  const Matrix alphas = in.slice_columns(channels + net.values() + net.value_heads, net.value_heads);
  const auto bytes = static_cast<std::size_t>(in.rows * channels) * sizeof(float);
  const Matrix mixed{static_cast<float*>(scratch_.get("convolved", bytes)), in.rows, channels, channels};
  device_.launch(ConvolveKernel{convolved_in, constants_.get(net.convolution), net.kernel, 1, nullptr,
                                net.kernel, states.segments, states.segment_of_row, mixed});
  if (net.kernel > 1)
    device_.launch(KeepInputsKernel{convolved_in, net.kernel - 1, states.segments, states.count});
  // x / sqrt(sum x^2 + 1e-6) (fla's l2norm) is an RMS norm, but for a factor that the delta rule knows.
  const auto dim = static_cast<float>(net.key_dim);
  const Heads heads{mixed.data, in.rows, channels, 1, 0, 2 * net.key_heads, net.key_dim, net.key_dim};
  device_.launch(NormKernel{NormKind::rms, 1e-6F / dim, nullptr, nullptr, false, heads, heads});
  device_.launch(DeltaRuleKernel{net.key_heads, net.value_heads, net.key_dim, net.value_dim,
                                 1.0F / std::sqrt(dim), constants_.get(net.rate), constants_.get(net.dt_bias),
                                 mixed, betas, alphas, states.segments, states.count, out});
  device_.launch(GatedNormKernel{net.norm.kind, static_cast<float>(net.norm.epsilon),
                                 constants_.get(net.norm.weight), net.value_dim, gates, out});
}

}  // namespace mhub::runtime
