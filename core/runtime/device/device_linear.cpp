#include "mhub/runtime/device/device_linear.hpp"

#include "mhub/runtime/device/device_weights.hpp"

namespace mhub::runtime {

bool has_linear_graph(Element element, std::int64_t inputs, std::int64_t outputs) {
  return element != Element::f32 && inputs % 8 == 0 && outputs > 0;  // rows of 16 bytes
}

void DeviceLinear::run(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out,
                       bool accumulate, Precision precision) {
  const WeightBlock& dense = weight.blocks.front();
  const Element element = element_of(dense.dtype);
  const float* offsets = constants_.get(bias);
  if (precision == Precision::fast && element == run_ && has_linear_graph(element, in.columns, out.columns))
    return run_graph(dense, offsets, in, out, accumulate);
  device_.launch(DotKernel{dense.data, element, offsets, in, accumulate, out});
}

void DeviceLinear::run_graph(const WeightBlock& weight, const float* bias, Matrix in, Matrix out,
                             bool accumulate) {
  const LinearSpec spec{run_, padded_count(in.rows), in.columns, out.columns, bias != nullptr};
  void* rounded =
      scratch_.get("rounded", static_cast<std::size_t>(spec.tokens * spec.inputs * size_of(run_)));
  device_.launch(RoundKernel{in, rounded, run_, spec.tokens});
  const bool direct = !accumulate && spec.tokens == out.rows && is_tensor(out);
  Matrix result = out;
  if (!direct) {
    const auto bytes = static_cast<std::size_t>(spec.tokens * spec.outputs) * sizeof(float);
    result = {static_cast<float*>(scratch_.get("product", bytes)), out.rows, out.columns, out.columns};
  }
  device_.run(spec, LinearOperands{rounded, weight.data, bias, result.data});
  if (!direct) device_.launch(CombineKernel{result, 1.0F, accumulate ? 1.0F : 0.0F, out});
}

}  // namespace mhub::runtime
