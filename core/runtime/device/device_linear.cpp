// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/device/device_linear.hpp"

#include "mhub/runtime/device/device_weights.hpp"

namespace mhub::runtime {
namespace {

/// For fewer tokens the two products of a gated activation stay one, twice as wide: that has more independent
/// parts for a GPU, and cuDNN splits its sums (it does not when the graph has two products).
constexpr std::int64_t kFewestGatedTokens = 256;

}  // namespace

bool has_linear_graph(Element element, std::int64_t inputs, std::int64_t outputs) {
  return element != Element::f32 && inputs % 8 == 0 && outputs > 0;  // rows of 16 bytes
}

bool has_activation_graph(const Activation& activation, std::int64_t tokens, std::int64_t outputs) {
  if (activation.clamp != 0.0F || activation.offset != 0.0F) return false;
  if (activation.kind == ActivationKind::xielu) return false;
  // Two biases, both aligned to 16 bytes.
  return !activation.gated || (tokens >= kFewestGatedTokens && outputs % 4 == 0);
}

bool DeviceLinear::has_graph(const WeightView& weight, Precision precision) const {
  return precision == Precision::fast && element_of(weight.blocks.front().dtype) == run_ &&
         has_linear_graph(run_, weight.columns, weight.rows);
}

void DeviceLinear::run(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out,
                       bool accumulate, Precision precision) {
  const WeightBlock& dense = weight.blocks.front();
  const float* offsets = constants_.get(bias);
  if (has_graph(weight, precision)) {
    const LinearSpec spec{.element = run_,
                          .tokens = padded_count(in.rows),
                          .inputs = in.columns,
                          .outputs = out.columns,
                          .bias = offsets != nullptr};
    return run_graph(spec, dense.data, offsets, in, out, accumulate);
  }
  device_.launch(DotKernel{dense.data, element_of(dense.dtype), offsets, in, accumulate, out});
}

bool DeviceLinear::run_activated(const WeightView& weight, std::span<const float> bias,
                                 const Activation& activation, Matrix in, Matrix out, Precision precision) {
  const std::int64_t tokens = padded_count(in.rows);
  if (!has_graph(weight, precision) || !has_activation_graph(activation, tokens, out.columns)) return false;
  const float* offsets = constants_.get(bias);
  const LinearSpec spec{
      run_, tokens, in.columns, out.columns, offsets != nullptr, activation.kind, activation.gated};
  run_graph(spec, weight.blocks.front().data, offsets, in, out, false);
  return true;
}

void DeviceLinear::run_graph(const LinearSpec& spec, const void* weight, const float* bias, Matrix in,
                             Matrix out, bool accumulate) {
  void* rounded =
      scratch_.get("rounded", static_cast<std::size_t>(spec.tokens * spec.inputs * size_of(run_)));
  device_.launch(RoundKernel{in, rounded, run_, spec.tokens});
  const bool direct = !accumulate && spec.tokens == out.rows && is_tensor(out);
  Matrix result = out;
  if (!direct) {
    const auto bytes = static_cast<std::size_t>(spec.tokens * spec.outputs) * sizeof(float);
    result = {static_cast<float*>(scratch_.get("product", bytes)), out.rows, out.columns, out.columns};
  }
  device_.run(spec, LinearOperands{rounded, weight, bias, result.data});
  if (!direct) device_.launch(CombineKernel{result, 1.0F, accumulate ? 1.0F : 0.0F, out});
}

}  // namespace mhub::runtime
