// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cudnn/graph_builder.hpp"

#include <cstring>
#include <vector>

#include <cudnn_frontend.h>

#include "mhub/base/error.hpp"
#include "mhub/runtime/cudnn/cuda_error.hpp"
#include "mhub/runtime/kv_cache.hpp"

namespace mhub::runtime {
namespace {

namespace fe = cudnn_frontend;
using fe::graph::Tensor_attributes;
using Tensor = std::shared_ptr<Tensor_attributes>;

fe::DataType_t type_of(Element element) {
  return element == Element::f32   ? fe::DataType_t::FLOAT
         : element == Element::f16 ? fe::DataType_t::HALF
                                   : fe::DataType_t::BFLOAT16;
}

/// Row-major strides.
std::vector<std::int64_t> dense(const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> strides(sizes.size(), 1);
  for (std::size_t k = sizes.size() - 1; k > 0; --k) strides[k - 1] = strides[k] * sizes[k];
  return strides;
}

Tensor tensor(const BuiltGraph& graph, GraphTensor id, fe::DataType_t type,
              const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides) {
  return graph->tensor(
      Tensor_attributes().set_uid(id).set_data_type(type).set_dim(sizes).set_stride(strides));
}

Tensor tensor(const BuiltGraph& graph, GraphTensor id, fe::DataType_t type,
              const std::vector<std::int64_t>& sizes) {
  return tensor(graph, id, type, sizes, dense(sizes));
}

void set_output(const Tensor& out, fe::DataType_t type, const std::vector<std::int64_t>& sizes,
                const std::vector<std::int64_t>& strides) {
  out->set_output(true).set_uid(kOut).set_data_type(type).set_dim(sizes).set_stride(strides);
}

Tensor pointwise(const BuiltGraph& graph, fe::PointwiseMode_t mode, const Tensor& a, const Tensor& b) {
  return graph->pointwise(a, b, fe::graph::Pointwise_attributes().set_mode(mode));
}

Tensor activated(const BuiltGraph& graph, ActivationKind kind, const Tensor& x) {
  using Mode = fe::PointwiseMode_t;
  auto with = [&](Mode mode, float beta = 1.0F) {
    return graph->pointwise(x, fe::graph::Pointwise_attributes().set_mode(mode).set_swish_beta(beta));
  };
  switch (kind) {
    case ActivationKind::silu: return with(Mode::SWISH_FWD);
    case ActivationKind::quick_gelu: return with(Mode::SWISH_FWD, 1.702F);
    case ActivationKind::gelu: return with(Mode::GELU_FWD);
    case ActivationKind::gelu_tanh: return with(Mode::GELU_APPROX_TANH_FWD);
    case ActivationKind::relu: return with(Mode::RELU_FWD);
    case ActivationKind::relu_squared: {
      const Tensor positive = with(Mode::RELU_FWD);
      return pointwise(graph, Mode::MUL, positive, positive);
    }
    case ActivationKind::xielu:  // has no graph (has_activation_graph)
    case ActivationKind::identity: break;
  }
  return x;
}

template <typename Spec>
BuiltGraph finished(const BuiltGraph& graph, const Spec& spec) {
  fe::error_t status = graph->build({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK});
  if (status.is_bad()) {
    std::string reason = status.get_message();
    for (char& c : reason) c = c == '\n' ? ' ' : c;
    throw IoError("cuDNN " + cudnn_version() + " has no plan for " + to_string(spec) + ": " + reason);
  }
  return graph;
}

}  // namespace

std::string cudnn_version() {
  const std::size_t version = cudnnGetVersion();
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

GraphBuilder GraphBuilder::for_device(int device) {
  int major = 0, minor = 0;
  check_cuda(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "compute capability");
  check_cuda(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "compute capability");
  auto properties = std::make_shared<fe::DeviceProperties>();
  fe::error_t status = properties->set_device_id(device).build();
  if (status.is_bad())
    throw IoError("cuDNN " + cudnn_version() + ": properties of device " + std::to_string(device) + ": " +
                  status.get_message());
  return {std::move(properties), 10 * major + minor};
}

GraphBuilder GraphBuilder::for_properties(std::span<const std::byte> json, int version) {
  auto properties = std::make_shared<fe::DeviceProperties>();
  std::vector<std::uint8_t> bytes(json.size());
  std::memcpy(bytes.data(), json.data(), json.size());
  fe::error_t status = properties->deserialize(bytes);
  if (status.is_bad())
    throw InputError("cuDNN " + cudnn_version() +
                     " does not take the device properties: " + status.get_message());
  return {std::move(properties), version};
}

BuiltGraph GraphBuilder::new_graph() const {
  auto graph = std::make_shared<fe::graph::Graph>();
  graph->set_intermediate_data_type(fe::DataType_t::FLOAT).set_compute_data_type(fe::DataType_t::FLOAT);
  graph->set_sm_version(version_).set_device_properties(properties_);
  return graph;
}

BuiltGraph GraphBuilder::build(const LinearSpec& spec) const {
  const BuiltGraph graph = new_graph();
  const fe::DataType_t type = type_of(spec.element);
  const auto m = spec.tokens, k = spec.inputs, n = spec.outputs;
  const Tensor in = tensor(graph, kIn, type, {1, m, k});
  auto product = [&](GraphTensor weight_id, GraphTensor bias_id) {
    const Tensor weight = tensor(graph, weight_id, type, {1, k, n}, {k * n, 1, k});  // transposed
    const Tensor out = graph->matmul(in, weight, fe::graph::Matmul_attributes());
    if (!spec.bias) return out;
    return pointwise(graph, fe::PointwiseMode_t::ADD, out,
                     tensor(graph, bias_id, fe::DataType_t::FLOAT, {1, 1, n}));
  };
  Tensor out = activated(graph, spec.activation, product(kWeight, kBias));
  if (spec.gated) out = pointwise(graph, fe::PointwiseMode_t::MUL, out, product(kGatedWeight, kGatedBias));
  set_output(out, fe::DataType_t::FLOAT, {1, m, n}, dense({1, m, n}));
  return finished(graph, spec);
}

BuiltGraph GraphBuilder::build(const NormSpec& spec) const {
  const BuiltGraph graph = new_graph();
  constexpr auto kFloat = fe::DataType_t::FLOAT;
  const std::vector<std::int64_t> sizes{spec.rows, spec.columns, 1, 1}, parameters{1, spec.columns, 1, 1};
  const Tensor in = tensor(graph, kIn, kFloat, sizes), weight = tensor(graph, kWeight, kFloat, parameters);
  Tensor bias = spec.bias ? tensor(graph, kBias, kFloat, parameters) : nullptr;
  Tensor epsilon = graph->tensor(Tensor_attributes()
                                     .set_uid(kEpsilon)
                                     .set_data_type(kFloat)
                                     .set_dim({1, 1, 1, 1})
                                     .set_stride({1, 1, 1, 1})
                                     .set_is_pass_by_value(true));
  Tensor out;
  if (spec.kind == NormKind::rms) {
    auto attributes =
        fe::graph::Rmsnorm_attributes().set_forward_phase(fe::NormFwdPhase_t::INFERENCE).set_epsilon(epsilon);
    if (bias != nullptr) attributes.set_bias(bias);
    out = graph->rmsnorm(in, weight, std::move(attributes))[0];
  } else {
    out = graph->layernorm(in, weight, bias,
                           fe::graph::Layernorm_attributes()
                               .set_forward_phase(fe::NormFwdPhase_t::INFERENCE)
                               .set_epsilon(epsilon))[0];
  }
  set_output(out, kFloat, sizes, dense(sizes));
  return finished(graph, spec);
}

BuiltGraph GraphBuilder::build(const AttentionSpec& spec) const {
  const BuiltGraph graph = new_graph();
  const fe::DataType_t type = type_of(spec.element);
  constexpr auto kInt = fe::DataType_t::INT32;
  constexpr std::int64_t kPage = LayerCache::kTokens;
  const auto b = spec.batch, s = spec.queries, h = spec.heads, g = spec.groups, pages = spec.keys / kPage;
  // Heads of a token lie side by side.
  auto strides = [&](std::int64_t dim) { return std::vector<std::int64_t>{s * h * dim, dim, h * dim, 1}; };
  const Tensor queries = tensor(graph, kQueries, type, {b, h, s, spec.key_dim}, strides(spec.key_dim));
  const Tensor keys = tensor(graph, kKeys, type, {spec.key_pages, g, kPage, spec.key_dim});
  const Tensor values = tensor(graph, kValues, type, {spec.value_pages, g, kPage, spec.value_dim});
  auto attributes = fe::graph::SDPA_attributes()
                        .set_generate_stats(false)
                        .set_attn_scale(spec.scale)
                        .set_padding_mask(true)
                        .set_seq_len_q(tensor(graph, kQueryLengths, kInt, {b, 1, 1, 1}))
                        .set_seq_len_kv(tensor(graph, kKeyLengths, kInt, {b, 1, 1, 1}))
                        .set_paged_attention_k_table(tensor(graph, kKeyTables, kInt, {b, 1, pages, 1}))
                        .set_paged_attention_v_table(tensor(graph, kValueTables, kInt, {b, 1, pages, 1}))
                        .set_paged_attention_max_seq_len_kv(static_cast<int>(spec.keys))
                        .set_diagonal_alignment(fe::DiagonalAlignment_t::BOTTOM_RIGHT)
                        .set_diagonal_band_right_bound(0);
  // cuDNN's window counts the query's own key too: column > row - bound (frontend, sliding_window_mask).
  if (spec.window > 0) attributes.set_diagonal_band_left_bound(static_cast<int>(spec.window));
  if (spec.sinks) attributes.set_sink_token(tensor(graph, kSinks, fe::DataType_t::FLOAT, {1, h, 1, 1}));
  const Tensor out = graph->sdpa(queries, keys, values, std::move(attributes))[0];
  set_output(out, type, {b, h, s, spec.value_dim}, strides(spec.value_dim));
  return finished(graph, spec);
}

}  // namespace mhub::runtime
