#include "mhub/runtime/device/device_delta_net.hpp"

#include <algorithm>
#include <cmath>

namespace mhub::runtime {

std::vector<StateSegment> DeviceDeltaNet::states(const DeltaNet& net, std::span<const Segment> segments) {
  const std::int64_t inputs = (net.kernel - 1) * (2 * net.keys() + net.values());
  const std::int64_t floats = inputs + net.value_heads * net.key_dim * net.value_dim;
  std::vector<StateSegment> found;
  for (const Segment& segment : segments) {
    // A cache counts in numbers of the run's type.
    float* state = segment.cache->state(floats * size_of(Element::f32) / size_of(run_));
    if (segment.position == 0) device_.clear(state, static_cast<std::size_t>(floats) * sizeof(float));
    found.push_back({segment.first_row, segment.rows, state, state + inputs});
  }
  return found;
}

void DeviceDeltaNet::run(const DeltaNet& net, Matrix in, std::span<const Segment> segments, Matrix out) {
  const std::int64_t channels = 2 * net.keys() + net.values();
  const std::vector<StateSegment> states = this->states(net, segments);
  const auto count = static_cast<std::int64_t>(states.size());
  std::vector<std::int32_t> of_row(static_cast<std::size_t>(in.rows));
  for (std::size_t s = 0; s < states.size(); ++s)
    std::fill_n(of_row.begin() + states[s].first_row, states[s].rows, static_cast<std::int32_t>(s));
  Parcel parcel;
  const std::size_t states_at = parcel.add(std::span<const StateSegment>(states));
  const std::size_t rows_at = parcel.add(std::span<const std::int32_t>(of_row));
  const std::byte* sent = scratch_.upload("delta net", parcel.bytes());
  const auto* device_states = reinterpret_cast<const StateSegment*>(sent + states_at);
  const auto* segment_of_row = reinterpret_cast<const std::int32_t*>(sent + rows_at);

  const Matrix convolved_in = in.slice_columns(0, channels);
  const Matrix gates = in.slice_columns(channels, net.values());
  const Matrix betas = in.slice_columns(channels + net.values(), net.value_heads);
  const Matrix alphas = in.slice_columns(channels + net.values() + net.value_heads, net.value_heads);
  const auto bytes = static_cast<std::size_t>(in.rows * channels) * sizeof(float);
  const Matrix mixed{static_cast<float*>(scratch_.get("convolved", bytes)), in.rows, channels, channels};
  device_.launch(ConvolveKernel{convolved_in, constants_.get(net.convolution), net.kernel, device_states,
                                segment_of_row, mixed});
  if (net.kernel > 1) device_.launch(KeepInputsKernel{convolved_in, net.kernel - 1, device_states, count});
  // x / sqrt(sum x^2 + 1e-6) (fla's l2norm) is an RMS norm, but for a factor that the delta rule knows.
  const auto dim = static_cast<float>(net.key_dim);
  const Heads heads{mixed.data, in.rows, channels, 1, 0, 2 * net.key_heads, net.key_dim, net.key_dim};
  device_.launch(NormKernel{NormKind::rms, 1e-6F / dim, nullptr, nullptr, false, heads, heads});
  device_.launch(DeltaRuleKernel{net.key_heads, net.value_heads, net.key_dim, net.value_dim,
                                 1.0F / std::sqrt(dim), constants_.get(net.rate), constants_.get(net.dt_bias),
                                 mixed, betas, alphas, device_states, count, out});
  device_.launch(GatedNormKernel{net.norm.kind, static_cast<float>(net.norm.epsilon),
                                 constants_.get(net.norm.weight), net.value_dim, gates, out});
}

}  // namespace mhub::runtime
